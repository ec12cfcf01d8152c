// `nightwatt run`: starts the backends of a campaign in turn, measures, keeps every sample.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "model/campaign.h"
#include "os/process.h"

namespace nw::app {

struct RunOptions {
  model::Campaign campaign;
  std::string out;       // the run's folder
  bool dry_run = false;  // print the plan, start nothing
  bool quick = false;
  bool resume = false;       // go on with the run in `out`
  bool may_restart = false;  // servers that nightwatt attached to may be unloaded and stopped (SIGSTOP)
  bool quiet = false;
  int stop_fd = -1;           // readable: the user wants it to stop (os::StopSignal)
  bool pid_namespace = true;  // false: the guard is a subreaper only
};

struct RunOutcome {
  std::string dir;
  int restarts_done = 0;
  int trials = 0, invalid_trials = 0, competing_trials = 0;  // windows and tests; spoilt by other programs
  bool anything_valid = false;
  // The first thing that went wrong with a server, if anything did: the run went on with the others.
  std::string trouble;
};

// Blocks for minutes to hours. Standard output: the plan of a dry run. Standard error: the commands before the first
// start, troubles, progress. Errors: usage, lacking (before anything is started), failed, interrupted (with all that
// was measured kept).
Result<RunOutcome> run(const RunOptions& options, const Clock& clock, os::Processes& processes);

}  // namespace nw::app
