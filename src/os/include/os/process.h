// What the kernel shows of processes and threads, typed; the text of /proc stays in this room.
//
// CPU time. Of a process: its scheduler clock (clock_getcpuclockid(3), nanoseconds, brought up to date at the read,
// ended threads included). Of a thread: /proc/PID/task/TID/schedstat, nanoseconds, but of a thread that runs right now
// only up to the last scheduler tick (1 to 10 ms). Where either is missing: utime + stime in ticks of 10 ms. Every
// reading says its resolution.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace nw::os {

// Who a process is. pid and start_ticks together name it for as long as the machine runs.
struct ProcessIdentity {
  pid_t pid = 0;
  pid_t parent = 0;
  std::int64_t start_ticks = 0;  // since boot, in clock ticks
  std::string comm;              // at most 15 bytes, as the program set it: not escaped
};

struct ProcessReading {
  Moment at;  // when the read began
  std::int64_t cpu_ns = 0;
  std::int64_t resolution_ns = 0;
  std::optional<std::uint64_t> rss_bytes;
  std::optional<std::uint64_t> swap_bytes;
};

struct ThreadReading {
  Moment at;
  pid_t tid = 0;
  std::string comm;
  std::int64_t cpu_ns = 0;
  std::int64_t resolution_ns = 0;
  std::optional<std::int64_t> voluntary_switches;  // only when asked for: a second file per thread
  std::optional<std::int64_t> involuntary_switches;
};

struct MachineReading {
  Moment at;
  std::int64_t wall_ns = 0;
  std::int64_t busy_ns = 0;  // all CPUs: user, nice, system, interrupts; ticks of 10 ms
  std::int64_t steal_ns = 0;
  std::int64_t context_switches = 0;
  std::int64_t self_cpu_ns = 0;  // of this process
};

// The port. The real one is LinuxProcesses; tests use a table of their own. One thread per object.
class Processes {
 public:
  virtual ~Processes() = default;
  // All pids, ascending. Cost: one directory read (about 0.3 ms for 300 processes).
  virtual std::vector<pid_t> pids() = 0;
  // nullopt: it has ended, or may not be seen.
  virtual std::optional<ProcessIdentity> identity(pid_t pid) = 0;
  virtual std::optional<ProcessReading> read(pid_t pid, bool with_memory) = 0;
  // Its threads; empty when it has ended. `with_comm` and `with_switches` each read one more file per thread.
  virtual std::vector<ThreadReading> threads(pid_t pid, bool with_comm, bool with_switches) = 0;
  virtual std::optional<MachineReading> machine() = 0;

  virtual std::vector<std::string> command_line(pid_t pid) = 0;
  virtual std::optional<std::string> executable(pid_t pid) = 0;  // nullopt: ended, a kernel thread, or no permission
  virtual std::vector<std::string> mapped_files(pid_t pid) = 0;  // shared objects, each once; empty without permission
  virtual std::optional<std::vector<std::string>> open_devices(
      pid_t pid) = 0;                                                 // targets below /dev; nullopt: no permission
  virtual std::vector<std::uint16_t> listening_ports(pid_t pid) = 0;  // TCP; empty without permission
  virtual std::optional<std::string> cgroup(pid_t pid) = 0;  // its path in the unified (or systemd's) hierarchy
};

class LinuxProcesses : public Processes {
 public:
  // `root` is where /proc is: another folder in tests.
  explicit LinuxProcesses(std::string root = "/proc");
  std::vector<pid_t> pids() override;
  std::optional<ProcessIdentity> identity(pid_t pid) override;
  std::optional<ProcessReading> read(pid_t pid, bool with_memory) override;
  std::vector<ThreadReading> threads(pid_t pid, bool with_comm, bool with_switches) override;
  std::optional<MachineReading> machine() override;
  std::vector<std::string> command_line(pid_t pid) override;
  std::optional<std::string> executable(pid_t pid) override;
  std::vector<std::string> mapped_files(pid_t pid) override;
  std::optional<std::vector<std::string>> open_devices(pid_t pid) override;
  std::vector<std::uint16_t> listening_ports(pid_t pid) override;
  std::optional<std::string> cgroup(pid_t pid) override;

 private:
  std::string root_;
  std::int64_t tick_ns_;
};

// SIGSTOP and SIGCONT. False: it has ended, or belongs to somebody else.
bool freeze(pid_t pid);
bool thaw(pid_t pid);

// CPU seconds of this process so far.
[[nodiscard]] double self_cpu_s();

}  // namespace nw::os
