// Looks at a backend over a window: CPU counters of its processes and threads, its memory, and the machine around it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "model/run_data.h"
#include "os/process.h"
#include "watch/process_group.h"

namespace nw::watch {

// What was read at one moment. `machine` is absent where /proc/stat cannot be read.
struct Snapshot {
  std::vector<model::ProcessSample> processes;
  std::vector<model::ThreadSample> threads;
  std::optional<model::MachineSample> machine;
};

// How much one look reads, each including the one before: the processes' counters; those of their threads; and what
// is needed at the edges of a window only: threads' names and switches, memory.
enum class Detail { processes, threads, edge };

struct WindowPlan {
  Seconds length{30};
  Seconds period{1};
};

// One thread. The cost of a snapshot is about 10 µs per thread watched, some four times that at the edges of a window
// (bench/watch_cost.cpp measures both).
class Watcher {
 public:
  Watcher(os::Processes& processes, const Clock& clock) : processes_(processes), clock_(clock) {}

  // `group` null: the machine alone.
  Snapshot look(ProcessGroup* group, Detail detail);

  // Snapshots at begin, every period on a fixed grid, and end (both edges); each goes to `take` as soon as it is read.
  // Ends early when a descriptor of `interrupts` becomes readable: returns its index, else -1.
  int watch(ProcessGroup* group, const WindowPlan& plan, std::span<const int> interrupts,
            const std::function<void(const Snapshot&)>& take);

 private:
  os::Processes& processes_;
  const Clock& clock_;
};

}  // namespace nw::watch
