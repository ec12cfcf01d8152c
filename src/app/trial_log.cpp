#include "trial_log.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cost/window.h"
#include "report/validity.h"

namespace nw::app {

using model::Reason;

Result<TrialLog> TrialLog::begin(store::RunStore& store, std::int64_t restart, const model::Trial& trial) {
  NW_TRY(const auto id, store.begin_trial(restart, trial));
  TrialLog log(store, trial);
  log.trial_.id = id;
  return log;
}

void TrialLog::take(const watch::Snapshot& snapshot) {
  std::vector<model::MachineSample> machine;
  if (snapshot.machine) machine.push_back(*snapshot.machine);
  const store::Samples samples{snapshot.processes, snapshot.threads, machine};
  if (auto status = store_->append(trial_.id, samples); !status && stored_) stored_ = std::move(status);
  trial_.processes.insert(trial_.processes.end(), snapshot.processes.begin(), snapshot.processes.end());
  trial_.machine.insert(trial_.machine.end(), machine.begin(), machine.end());
  // Threads are not judged, only kept: the store has them.
}

void TrialLog::add(const model::Request& request) {
  if (auto status = store_->append_request(trial_.id, request); !status && stored_) stored_ = std::move(status);
  trial_.requests.push_back(request);
}

std::optional<double> TrialLog::cores_so_far() const {
  const auto window = cost::idle_window(trial_, 1 << 16);
  if (!window) return std::nullopt;
  return window->cores;
}

Result<bool> TrialLog::end(Moment at, std::vector<Reason> reasons, bool finished, const model::Machine& machine,
                           double window_s) {
  trial_.end = at;
  if (finished) {
    const auto found = trial_.round == model::Round::idle ? report::check_idle_window(trial_, machine, window_s)
                                                          : report::check_throughput_trial(trial_, machine);
    for (const Reason reason : found) {
      if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) reasons.push_back(reason);
    }
  }
  if (!stored_) return stored_.error();
  NW_CHECK(store_->end_trial(trial_.id, at, reasons, finished));
  static constexpr std::array kFromOutside = {Reason::competing_load, Reason::sampling_gap, Reason::clock_step,
                                              Reason::window_not_bracketed};
  bool spoilt = false;
  for (const Reason reason : reasons) {
    const bool outside = std::find(kFromOutside.begin(), kFromOutside.end(), reason) != kFromOutside.end();
    if (!outside && !model::is_mark(reason)) return false;
    spoilt = spoilt || outside;
  }
  return spoilt;
}

std::optional<std::string> device_line(std::span<const std::string> log_head) {
  // llama.cpp: "… using device Vulkan0 (NAME) (…) - 23749 MiB free", one line per device.
  constexpr std::string_view kMark = "using device ";
  std::string devices;
  for (const auto& line : log_head) {
    const auto at = line.find(kMark);
    if (at == std::string::npos) continue;
    auto name = std::string_view(line).substr(at + kMark.size());
    name = name.substr(0, name.find(" - "));
    if (const auto unknown = name.find(" (unknown id)"); unknown != name.npos) name = name.substr(0, unknown);
    const auto text = printable(trim(name));
    if (devices.find(text) == std::string::npos) devices += (devices.empty() ? "" : ", ") + text;
  }
  if (devices.empty()) return std::nullopt;
  return devices;
}

}  // namespace nw::app
