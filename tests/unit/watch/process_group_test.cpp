#include "watch/process_group.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace nw::watch {
namespace {

// A process table that is written by hand and counts how often each process was looked at.
class FakeProcesses : public os::Processes {
 public:
  void add(pid_t pid, pid_t parent, const std::string& comm, std::int64_t start = 100) {
    table[pid] = {pid, parent, start, comm};
  }
  std::vector<pid_t> pids() override {
    std::vector<pid_t> list;
    for (const auto& [pid, identity] : table) list.push_back(pid);
    return list;
  }
  std::optional<os::ProcessIdentity> identity(pid_t pid) override {
    ++looks[pid];
    const auto found = table.find(pid);
    if (found == table.end()) return std::nullopt;
    return found->second;
  }
  std::optional<os::ProcessReading> read(pid_t, bool) override { return std::nullopt; }
  std::vector<os::ThreadReading> threads(pid_t, bool, bool) override { return {}; }
  std::optional<os::MachineReading> machine() override { return std::nullopt; }
  std::vector<std::string> command_line(pid_t) override { return {}; }
  std::optional<std::string> executable(pid_t pid) override {
    const auto found = executables.find(pid);
    if (found == executables.end()) return std::nullopt;
    return found->second;
  }
  std::vector<std::string> mapped_files(pid_t) override { return {}; }
  std::optional<std::vector<std::string>> open_devices(pid_t) override { return std::nullopt; }
  std::vector<std::uint16_t> listening_ports(pid_t) override { return {}; }
  std::optional<std::string> cgroup(pid_t pid) override {
    const auto found = cgroups.find(pid);
    if (found == cgroups.end()) return std::nullopt;
    return found->second;
  }

  std::map<pid_t, os::ProcessIdentity> table;
  std::map<pid_t, std::string> executables, cgroups;
  std::map<pid_t, int> looks;
};

std::vector<pid_t> pids_of(const std::vector<Member>& members) {
  std::vector<pid_t> pids;
  for (const auto& member : members) pids.push_back(member.pid);
  return pids;
}

using Pids = std::vector<pid_t>;

TEST(ProcessGroup, BelowAGuardWithoutTheGuard) {
  FakeProcesses table;
  table.add(1, 0, "init");
  table.add(10, 1, "nightwatt-guard");
  table.add(11, 10, "server");
  table.add(12, 11, "worker");
  table.add(20, 1, "other");
  ProcessGroup group(table, Selector::below(10));
  EXPECT_EQ(pids_of(group.refresh()), (Pids{11, 12}));
}

TEST(ProcessGroup, ParentsMayHaveHigherPids) {
  FakeProcesses table;
  table.add(10, 1, "guard");
  table.add(30000, 10, "server");
  table.add(300, 30000, "worker");
  table.add(200, 300, "helper");
  ProcessGroup group(table, Selector::below(10));
  EXPECT_EQ(pids_of(group.refresh()), (Pids{200, 300, 30000}));
}

TEST(ProcessGroup, ADaemonStaysAMember) {
  FakeProcesses table;
  table.add(10, 1, "ollama");
  table.add(11, 10, "runner");
  ProcessGroup group(table, Selector{Selector::Kind::name, "ollama", 0});
  EXPECT_EQ(pids_of(group.refresh()), (Pids{10, 11}));
  table.table[11].parent = 1;  // it left its parent
  EXPECT_EQ(pids_of(group.refresh()), (Pids{10, 11}));
  group.rescan();
  EXPECT_EQ(pids_of(group.refresh()), (Pids{10, 11})) << "also over a rescan";
  table.table.erase(10);
  EXPECT_EQ(pids_of(group.refresh()), (Pids{11}));
}

TEST(ProcessGroup, AReusedPidIsAnotherProcess) {
  FakeProcesses table;
  table.add(10, 1, "guard");
  table.add(11, 10, "server", 100);
  ProcessGroup group(table, Selector::below(10));
  EXPECT_EQ(pids_of(group.refresh()), (Pids{11}));
  table.add(11, 1, "stranger", 200);
  EXPECT_TRUE(group.refresh().empty());
}

TEST(ProcessGroup, OthersAreLookedAtOnce) {
  FakeProcesses table;
  for (pid_t pid = 100; pid < 200; ++pid) table.add(pid, 1, "other");
  table.add(10, 1, "server");
  ProcessGroup group(table, Selector{Selector::Kind::pid, {}, 10});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(pids_of(group.refresh()), (Pids{10}));
  for (pid_t pid = 100; pid < 200; ++pid) EXPECT_EQ(table.looks[pid], 1);
}

TEST(ProcessGroup, NamesLongerThanTheKernelKeeps) {
  FakeProcesses table;
  table.add(10, 1, "a-very-long-ser");
  table.add(11, 1, "python3");
  table.executables[11] = "/opt/x/llama-server";
  ProcessGroup cut(table, Selector{Selector::Kind::name, "a-very-long-server-name", 0});
  EXPECT_EQ(pids_of(cut.refresh()), (Pids{10}));
  ProcessGroup by_executable(table, Selector{Selector::Kind::name, "llama-server", 0});
  EXPECT_EQ(pids_of(by_executable.refresh()), (Pids{11}));
}

TEST(ProcessGroup, UnitAndCgroup) {
  FakeProcesses table;
  table.add(10, 1, "ollama");
  table.add(11, 1, "sshd");
  table.cgroups[10] = "/system.slice/ollama.service";
  table.cgroups[11] = "/system.slice/ssh.service";
  for (const char* text : {"unit:ollama", "unit:ollama.service", "cgroup:/system.slice/ollama.service"}) {
    const auto selector = parse_selector(text);
    ASSERT_TRUE(selector);
    ProcessGroup group(table, *selector);
    EXPECT_EQ(pids_of(group.refresh()), (Pids{10})) << text;
  }
  ProcessGroup slice(table, *parse_selector("cgroup:/system.slice"));
  EXPECT_EQ(pids_of(slice.refresh()), (Pids{10, 11}));
}

TEST(ProcessGroup, SelectorsThatAreNone) {
  for (const char* text : {"", "pid:", "pid:x", "pid:-1", "pid:99999999999"})
    EXPECT_FALSE(parse_selector(text)) << text;
}

}  // namespace
}  // namespace nw::watch
