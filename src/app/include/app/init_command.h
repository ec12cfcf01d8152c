// `nightwatt init`: a commented campaign from the engines found on this machine.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "os/process.h"

namespace nw::app {

struct InitOptions {
  std::string model;               // path of a model file; empty: the campaign gets a place to fill in
  std::vector<std::int32_t> pids;  // running servers to attach to
  int stop_fd = -1;
};

struct InitResult {
  std::string campaign;            // TOML, with comments
  std::vector<std::string> found;  // one line per engine, for the person
};

// Looks for llama-server on PATH (and asks it for its devices), for servers on the usual ports of 127.0.0.1, and at the
// given processes. Starts nothing but `llama-server --list-devices`. At most a few seconds. Errors: lacking (a pid that
// is not there, or has no port that answers).
Result<InitResult> make_campaign(const InitOptions& options, const Clock& clock, os::Processes& processes);

}  // namespace nw::app
