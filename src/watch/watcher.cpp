// The window is bracketed: its first and its last look are taken at its edges, and a figure is the difference of
// counters between looks, never a sum of guesses in between. The looks in between show gaps, steps and threads that
// live shorter than the window. The grid is fixed, so that a slow look does not stretch the window.
#include "watch/watcher.h"

#include "os/wait.h"

namespace nw::watch {

Snapshot Watcher::look(ProcessGroup* group, Detail detail) {
  const bool edge = detail == Detail::edge;
  Snapshot snapshot;
  if (const auto machine = processes_.machine()) {
    snapshot.machine =
        model::MachineSample{machine->at,          machine->busy_ns, machine->steal_ns, machine->context_switches,
                             machine->self_cpu_ns, machine->wall_ns};
  }
  if (group == nullptr) return snapshot;
  for (const auto& member : group->refresh()) {
    const auto reading = processes_.read(member.pid, edge);
    if (!reading) continue;
    snapshot.processes.push_back({reading->at, member.pid, member.start_ticks, member.comm, reading->cpu_ns,
                                  reading->resolution_ns, reading->rss_bytes, reading->swap_bytes});
    if (detail == Detail::processes) continue;
    for (auto& thread : processes_.threads(member.pid, edge, edge)) {
      snapshot.threads.push_back({thread.at, member.pid, thread.tid, std::move(thread.comm), thread.cpu_ns,
                                  thread.voluntary_switches, thread.involuntary_switches});
    }
  }
  return snapshot;
}

int Watcher::watch(ProcessGroup* group, const WindowPlan& plan, std::span<const int> interrupts,
                   const std::function<void(const Snapshot&)>& take) {
  if (group != nullptr) group->rescan();
  const Moment begin = clock_.now();
  const Moment end = begin + from_seconds(plan.length.value());
  take(look(group, Detail::edge));
  for (int step = 1;; ++step) {
    const Moment next = begin + from_seconds(plan.period.value() * step);
    const bool last = next >= end;
    if (const int which = os::wait_until(last ? end : next, interrupts); which >= 0) return which;
    take(look(group, last ? Detail::edge : Detail::threads));
    if (last) return -1;
  }
}

}  // namespace nw::watch
