// Which processes belong to a backend: the server that was started with all its descendants, or what the user named.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/process.h"

namespace nw::watch {

// name: the program's name (comm, or the base name of the executable); pid: that process; unit: a systemd unit; cgroup:
// a path in the cgroup tree; below: the descendants of a guard, which is not one of them. All with their descendants.
struct Selector {
  enum class Kind { name, pid, unit, cgroup, below };
  Kind kind = Kind::name;
  std::string text;
  pid_t pid = 0;

  static Selector below(pid_t guard) { return {Kind::below, {}, guard}; }
};

// "ollama", "pid:4711", "unit:ollama.service", "cgroup:/system.slice/x". Error: usage, with the forms it may take.
Result<Selector> parse_selector(const std::string& text);

struct Member {
  pid_t pid = 0;
  std::int64_t start_ticks = 0;
  std::string comm;
};

// One thread. A refresh reads one directory and one file per process that is new since the last one.
class ProcessGroup {
 public:
  ProcessGroup(os::Processes& processes, Selector selector);

  // The members alive now, by pid. A process that left its parent (a daemon) stays a member.
  const std::vector<Member>& refresh();
  // Forgets what was known of processes outside the group: a program may have taken its name since (exec).
  void rescan() { known_.clear(); }

 private:
  struct Known {
    os::ProcessIdentity identity;
    bool member = false;
    std::uint64_t seen = 0;  // the refresh that saw it last
  };
  [[nodiscard]] bool matches(const os::ProcessIdentity& identity);
  void adopt_descendants();

  os::Processes& processes_;
  Selector selector_;
  std::map<pid_t, Known> known_;
  std::map<pid_t, std::int64_t> former_members_;  // survive a rescan
  std::vector<Member> members_;
  std::uint64_t turn_ = 0;
};

}  // namespace nw::watch
