#include "os/process.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace nw::os {
namespace {

double burn_cpu_s(double seconds) {
  timespec t{};
  double used = 0;
  const double begin = self_cpu_s();
  while ((used = self_cpu_s() - begin) < seconds) ::clock_gettime(CLOCK_MONOTONIC, &t);
  return used;
}

TEST(Process, OwnCpuTimeToTheNanosecond) {
  LinuxProcesses processes;
  const auto before = processes.read(::getpid(), true);
  const double clock_before = self_cpu_s();
  burn_cpu_s(0.05);
  const auto after = processes.read(::getpid(), true);
  const double clock_after = self_cpu_s();
  ASSERT_TRUE(before && after);
  EXPECT_EQ(after->resolution_ns, 1);
  EXPECT_NEAR(static_cast<double>(after->cpu_ns - before->cpu_ns) * 1e-9, clock_after - clock_before, 0.005);
  EXPECT_GT(after->rss_bytes.value_or(0), 1'000'000U);
}

TEST(Process, ThreadsWithNamesAndSwitches) {
  LinuxProcesses processes;
  std::atomic<bool> stop{false};
  std::atomic<pid_t> tid{0};
  std::thread sleeper([&] {
    ::prctl(PR_SET_NAME, "odd )name 1");
    tid = ::gettid();
    while (!stop) ::usleep(1000);
  });
  while (tid == 0) std::this_thread::yield();
  const auto find = [&] {
    for (const auto& thread : processes.threads(::getpid(), true, true)) {
      if (thread.tid == tid) return thread;
    }
    return ThreadReading{};
  };
  const auto before = find();
  EXPECT_EQ(before.comm, "odd )name 1");
  while (find().voluntary_switches.value_or(0) < before.voluntary_switches.value_or(0) + 5) std::this_thread::yield();
  stop = true;
  sleeper.join();
  const auto identity = processes.identity(::getpid());
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->parent, ::getppid());
}

TEST(Process, EndedIsNulloptNotZero) {
  LinuxProcesses processes;
  constexpr pid_t kNobody = 0x7ffffffe;
  EXPECT_FALSE(processes.identity(kNobody));
  EXPECT_FALSE(processes.read(kNobody, true));
  EXPECT_TRUE(processes.threads(kNobody, true, true).empty());
  EXPECT_FALSE(processes.executable(kNobody));
  EXPECT_FALSE(processes.open_devices(kNobody));
}

TEST(Process, ListeningPortAndDevices) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  LinuxProcesses processes;
  EXPECT_EQ(processes.listening_ports(::getpid()), (std::vector<std::uint16_t>{ntohs(address.sin_port)}));
  ::close(listener);
  EXPECT_TRUE(processes.listening_ports(::getpid()).empty());
}

TEST(Process, MachineCountersGrow) {
  LinuxProcesses processes;
  const auto before = processes.machine();
  const double used = burn_cpu_s(0.1);
  const auto after = processes.machine();
  ASSERT_TRUE(before && after);
  EXPECT_GE(static_cast<double>(after->busy_ns - before->busy_ns) * 1e-9, used - 0.03) << "ticks of 10 ms";
  EXPECT_NEAR(static_cast<double>(after->self_cpu_ns - before->self_cpu_ns) * 1e-9, used, 0.02);
  EXPECT_GT(after->at, before->at);
}

// A /proc in the format of proc(5): a name with brackets, no schedstat (a kernel without it), an older process clock.
TEST(Process, FixtureWithoutSchedstat) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(testing::TempDir()) / "nightwatt-proc";
  fs::remove_all(root);
  fs::create_directories(root / "42/task/42");
  const char* stat =
      "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 777 1000000 2500 18446744073709551615\n";
  std::ofstream(root / "42/stat") << stat;
  std::ofstream(root / "42/task/42/stat") << stat;
  std::ofstream(root / "42/status") << "Name:\tx\nVmRSS:\t   10000 kB\nVmSwap:\t       4 kB\n";
  std::ofstream(root / "42/task/42/status")
      << "Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
  LinuxProcesses processes(root.string());
  const auto identity = processes.identity(42);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->comm, "a) b (c)");
  EXPECT_EQ(identity->parent, 1);
  EXPECT_EQ(identity->start_ticks, 777);
  const auto reading = processes.read(42, true);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->cpu_ns, 3'000'000'000);
  EXPECT_EQ(reading->resolution_ns, 10'000'000);
  EXPECT_EQ(reading->rss_bytes, 10'240'000U);
  EXPECT_EQ(reading->swap_bytes, 4096U);
  const auto threads = processes.threads(42, true, true);
  ASSERT_EQ(threads.size(), 1U);
  EXPECT_EQ(threads[0].cpu_ns, 3'000'000'000);
  EXPECT_EQ(threads[0].voluntary_switches, 12);
  EXPECT_EQ(threads[0].involuntary_switches, 3);
  EXPECT_EQ(processes.pids(), std::vector<pid_t>{42});
  for (const char* broken : {"", "42", "42 (x", "42 (x) S 1", ")("}) {
    std::ofstream(root / "42/stat") << broken;
    EXPECT_FALSE(processes.identity(42)) << broken;
  }
  fs::remove_all(root);
}

}  // namespace
}  // namespace nw::os
