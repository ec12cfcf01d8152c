// A trial while it is measured: samples go to the store as they come and stay here until the trial's end, when they are
// judged. Private to app/.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/machine.h"
#include "model/run_data.h"
#include "store/run_store.h"
#include "watch/watcher.h"

namespace nw::app {

class TrialLog {
 public:
  static Result<TrialLog> begin(store::RunStore& store, std::int64_t restart, const model::Trial& trial);

  // A failure to store is kept and returned by end(): a window is not thrown away in its middle.
  void take(const watch::Snapshot& snapshot);
  void add(const model::Request& request);
  // Cores of the backend since the first look.
  [[nodiscard]] std::optional<double> cores_so_far() const;

  // Judges the samples, adds `reasons` of the caller, stores. True: only something outside spoilt it (another program,
  // a gap), so that it is worth measuring again.
  Result<bool> end(Moment at, std::vector<model::Reason> reasons, bool finished, const model::Machine& machine,
                   double window_s = 0);

 private:
  TrialLog(store::RunStore& store, model::Trial trial) : store_(&store), trial_(std::move(trial)) {}
  store::RunStore* store_;
  model::Trial trial_;
  Status stored_;
};

// The device that an engine's log names ("llvmpipe (LLVM …)"), masked and printable; nullopt when none is named.
[[nodiscard]] std::optional<std::string> device_line(std::span<const std::string> log_head);

}  // namespace nw::app
