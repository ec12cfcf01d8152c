// What the raw samples of one trial say: CPU seconds, cores, wake-ups, tokens. All from differences of the kernel's
// cumulative counters; no statistic here. Validity is judged elsewhere (report/validity.h): these functions compute
// from whatever samples there are and answer nullopt where there are too few.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/run_data.h"

namespace nw::cost {

// One idle window of one backend.
//
// A process is named by (pid, start_ticks). One that is there in the first round of samples counts from its first
// sample; one that appears later counts from 0 if it was born inside the window, because all its CPU time then lies in
// it: its start time is not before the window and it has not used more CPU than the machine could have given it since
// the round before. Otherwise (adopted, overlooked) it counts from its own first sample. What a process used between
// its last sample and its end is lost: at most one sampling period of it.
struct IdleWindow {
  double seconds = 0;                      // between the first and the last round of process samples
  double cores = 0;                        // CPU seconds of all processes per second
  double resolution_cores = 0;             // largest error of `cores` from the counters' ticks: Σ resolution / seconds
  std::optional<double> wakeups_per_s;     // voluntary switches of all threads; none: not counted for every thread
  std::optional<std::uint64_t> rss_bytes;  // Σ over processes at the last round; shared pages count once each
  std::optional<std::uint64_t> swap_bytes;
};

// nullopt for fewer than two rounds of process samples. `cpus` > 0 bounds what a process can have used.
[[nodiscard]] std::optional<IdleWindow> idle_window(const model::Trial& trial, int cpus);

struct ThreadUse {
  std::int32_t pid = 0;
  std::int32_t tid = 0;
  std::string comm;  // not escaped
  double cores = 0;
};

// The threads of the window by cores, largest first; equal ones by pid and tid. A thread that appears after the first
// round counts from its own first sample (threads carry no start time).
[[nodiscard]] std::vector<ThreadUse> threads_by_cores(const model::Trial& trial);

// The machine over the window, from its own samples. nullopt for fewer than two.
struct MachineWindow {
  double seconds = 0;
  double busy_cores = 0;  // all programs, nightwatt included
  double self_cores = 0;  // nightwatt
  double steal_cores = 0;
};
[[nodiscard]] std::optional<MachineWindow> machine_window(const model::Trial& trial);

// CPU time of the backend's processes up to `at`, in CPU seconds since the trial's first round: the counters between
// two rounds are taken as straight lines. nullopt outside the sampled time (0.25 s beyond an end is taken as the end).
[[nodiscard]] std::optional<double> cpu_seconds_until(const model::Trial& trial, int cpus, Moment at);

// The active window of a throughput trial: from the first to the last measured request (warm-up and failed requests are
// not measured).
struct ActiveWindow {
  double seconds = 0;
  double tokens = 0;            // of the kind the test asks for: evaluated prompt tokens or generated tokens
  std::optional<double> cpu_s;  // none: the processes were not seen
};
// nullopt without a measured request, or when an engine's counter is missing.
[[nodiscard]] std::optional<ActiveWindow> active_window(const model::Trial& trial, int cpus);

// One rate for the trial: at concurrency 1 total tokens over total time of the measured requests (each request's time
// from model::tokens_per_second, so that a long request weighs as long as it took), at higher concurrency all tokens
// over the active window. nullopt without a measured request.
[[nodiscard]] std::optional<double> trial_tokens_per_second(const model::Trial& trial);

// Whether a request counts: not warm-up, no error, ended.
[[nodiscard]] bool is_measured(const model::Request& request);

}  // namespace nw::cost
