// May a trial be believed? Pure rules over its raw samples; the app calls them at the end of each trial and stores the
// reasons with it. What the outside told (a request failed, the run was stopped, a server that cannot be seen) is
// added by the app: these functions return only what the samples show. The order of the reasons is that of the
// enumeration, none twice.
//
// The rules, and why they are as strict as they are. All CPU figures come from cumulative counters: a sample lost in
// the middle costs nothing, but the two ends decide everything.
//   window_not_bracketed  the first or last sample (of the processes, of the machine) is further than the tolerance
//                         (0.1 s, or 2 % of the window if that is more) inside the window, or the window is shorter
//                         than was asked for
//   sampling_gap          two neighbouring rounds of samples further apart than 3 usual (median) distances, but at
//                         least 1 s and at most 2.5 s: something stopped nightwatt itself
//   counter_went_back     a counter fell by more than its resolution
//   clock_step            wall clock and monotonic clock drifted apart by more than 0.1 s (suspend, NTP step, VM pause)
//   backend_restarted     the oldest process of the first round is not among those of the last; workers may come and go
//   backend_died          no process of the backend is left at the end
//   too_few_samples       fewer than 3 machine samples (2 for a throughput trial), fewer than 2 rounds of processes
//   competing_load        throughput: other programs (machine − backend − nightwatt) use more than 10 % of the CPUs,
//                         judged from windows of 1 s on and only where the backend's processes are seen. Idle: only
//                         when others leave less than half a core free, because the kernel counts the backend's own
//                         CPU time rightly whatever the others do; so too for the machine alone
//   process_not_visible   an idle window of a backend without a single sample of its processes
#pragma once

#include <vector>

#include "model/machine.h"
#include "model/run_data.h"

namespace nw::report {

// For an idle window, state absent included (there only the machine's samples are judged). `window_s`: the length that
// was asked for, > 0. O(samples · log).
[[nodiscard]] std::vector<model::Reason> check_idle_window(const model::Trial& trial, const model::Machine& machine,
                                                           double window_s);

// For a throughput trial. Says nothing about single requests: see model::reasons_of.
[[nodiscard]] std::vector<model::Reason> check_throughput_trial(const model::Trial& trial,
                                                                const model::Machine& machine);

}  // namespace nw::report
