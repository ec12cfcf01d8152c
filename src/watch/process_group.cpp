// A full look at every process once a second would cost more than what is being measured: 300 processes are 300 opens
// and reads. So each process is looked at once, when its pid first appears; afterwards only the list of pids is read.
// What decides is the parent at that moment. A daemon that leaves its parent was a member's child before, or, when the
// parent was quicker than the look, is a child of the guard, to which orphans fall.
#include "watch/process_group.h"

#include <fmt/core.h>

#include "base/text.h"

namespace nw::watch {

Result<Selector> parse_selector(const std::string& text) {
  const auto value_after = [&](std::string_view prefix) { return text.substr(prefix.size()); };
  if (text.empty())
    return usage_error("the process of the backend is empty", "say process = \"ollama\" or \"pid:4711\"");
  if (text.starts_with("pid:")) {
    const auto pid = parse_int(value_after("pid:"));
    if (!pid || *pid <= 0 || *pid > 0x7fffffff) {
      return usage_error(fmt::format("\"{}\" is not a process id", printable(text)), "write it like pid:4711");
    }
    return Selector{Selector::Kind::pid, {}, static_cast<pid_t>(*pid)};
  }
  if (text == "unit:" || text == "cgroup:" || (text.starts_with("cgroup:") && text[7] != '/') ||
      (text.starts_with("unit:") && text.find('/') != text.npos)) {
    return usage_error(fmt::format("\"{}\" names no process", printable(text)),
                       "write it like unit:ollama.service or cgroup:/system.slice/ollama.service");
  }
  if (text.starts_with("unit:")) {
    std::string unit = value_after("unit:");
    if (unit.find('.') == std::string::npos) unit += ".service";
    return Selector{Selector::Kind::unit, unit, 0};
  }
  if (text.starts_with("cgroup:")) return Selector{Selector::Kind::cgroup, value_after("cgroup:"), 0};
  return Selector{Selector::Kind::name, text, 0};
}

ProcessGroup::ProcessGroup(os::Processes& processes, Selector selector)
    : processes_(processes), selector_(std::move(selector)) {}

bool ProcessGroup::matches(const os::ProcessIdentity& identity) {
  const pid_t pid = identity.pid;
  switch (selector_.kind) {
    case Selector::Kind::pid:
      return pid == selector_.pid;
    case Selector::Kind::below:
      return identity.parent == selector_.pid;
    case Selector::Kind::name: {
      constexpr std::size_t kCommBytes = 15;  // the kernel cuts longer names
      if (identity.comm == selector_.text.substr(0, kCommBytes)) return true;
      const auto executable = processes_.executable(pid);
      return executable && executable->substr(executable->rfind('/') + 1) == selector_.text;
    }
    case Selector::Kind::unit: {
      const auto cgroup = processes_.cgroup(pid);
      return cgroup &&
             (cgroup->ends_with("/" + selector_.text) || cgroup->find("/" + selector_.text + "/") != cgroup->npos);
    }
    case Selector::Kind::cgroup: {
      const auto cgroup = processes_.cgroup(pid);
      return cgroup && (*cgroup == selector_.text || cgroup->starts_with(selector_.text + "/"));
    }
  }
  return false;
}

// Parents may have higher pids than their children (pids wrap), so until nothing changes any more.
void ProcessGroup::adopt_descendants() {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto& [pid, process] : known_) {
      if (process.member) continue;
      const auto parent = known_.find(process.identity.parent);
      if (parent != known_.end() && parent->second.member) process.member = changed = true;
    }
  }
}

const std::vector<Member>& ProcessGroup::refresh() {
  ++turn_;
  bool news = false;
  for (const pid_t pid : processes_.pids()) {
    auto& process = known_[pid];
    const bool first = process.seen == 0;
    process.seen = turn_;
    // A member is looked at again each time: its pid may have been given to another process since.
    if (!first && !process.member) continue;
    const auto identity = processes_.identity(pid);
    if (!identity) {
      process = {};  // it ended in between
      continue;
    }
    const bool same = !first && identity->start_ticks == process.identity.start_ticks;
    process.identity = *identity;
    if (same) continue;
    news = true;
    const auto former = former_members_.find(pid);
    process.member = (former != former_members_.end() && former->second == identity->start_ticks) || matches(*identity);
  }
  std::erase_if(known_, [&](const auto& entry) { return entry.second.seen != turn_; });
  if (news) adopt_descendants();

  members_.clear();
  former_members_.clear();
  for (const auto& [pid, process] : known_) {
    if (!process.member) continue;
    members_.push_back({pid, process.identity.start_ticks, process.identity.comm});
    former_members_[pid] = process.identity.start_ticks;
  }
  return members_;
}

}  // namespace nw::watch
