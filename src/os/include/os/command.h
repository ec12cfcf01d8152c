// A short command and what it prints, for asking a tool about itself.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace nw::os {

struct CommandOutput {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string text;    // standard output and error together, at most 1 MB
};

// Runs it below a guard, without a shell, with the environment given, and ends it after `limit`. Errors: lacking (not
// executable), timeout, interrupted (`cancel_fd`).
Result<CommandOutput> run_command(const std::string& program, const std::vector<std::string>& argv,
                                  const std::vector<std::string>& env, Seconds limit, int cancel_fd);

}  // namespace nw::os
