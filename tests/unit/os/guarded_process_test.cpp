// Whatever way it ends, nothing of a guarded server is left. Both kinds of containment; where a PID namespace is not
// allowed the test says so and covers the other.
#include "os/guarded_process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "os/machine_facts.h"
#include "os/process.h"
#include "os/system_clock.h"
#include "os/wait.h"

namespace nw::os {
namespace {

bool eventually(const std::function<bool()>& condition) {
  const SystemClock clock;
  const Moment deadline = clock.now() + std::chrono::seconds(10);
  while (clock.now() < deadline) {
    if (condition()) return true;
    wait_until(clock.now() + std::chrono::milliseconds(20), {});
  }
  return condition();
}

// Processes whose command line holds this text, ourselves not counted.
std::vector<pid_t> with_text(const std::string& text) {
  std::vector<pid_t> found;
  LinuxProcesses processes;
  for (const pid_t pid : processes.pids()) {
    for (const auto& part : processes.command_line(pid)) {
      if (part.find(text) != part.npos && pid != ::getpid()) found.push_back(pid);
    }
  }
  return found;
}

class Guard : public ::testing::TestWithParam<bool> {
 protected:
  LaunchSpec shell(const std::string& script) const {
    LaunchSpec spec;
    spec.program = "/bin/sh";
    spec.argv = {"sh", "-c", script + " # " + tag};
    spec.env = {"PATH=/usr/bin:/bin"};
    spec.output_fd = null;
    spec.try_namespace = GetParam();
    return spec;
  }
  std::string tag = "guard-test-" + random_uuid();
  int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
};

// A daemon with a session of its own, whose parent is gone, and that ignores the polite signals.
std::string daemon_script(const std::string& tag) {
  return fmt::format("setsid sh -c 'trap \"\" TERM HUP INT; (sleep 600; : {0}) & sleep 600; : {0}' & sleep 600; : {0}",
                     tag);
}

TEST_P(Guard, PidIsTheOneThatWeSee) {
  auto process = GuardedProcess::start(shell("sleep 600"));
  ASSERT_TRUE(process) << process.error().message;
  LinuxProcesses processes;
  const auto identity = processes.identity(process->pid());
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->parent, process->guard_pid());
  EXPECT_TRUE(eventually([&] { return processes.command_line(process->pid()).size() > 1; }));
  EXPECT_FALSE(process->exit_status());
  if (GetParam() && process->containment() == GuardedProcess::Containment::subreaper) {
    GTEST_SKIP() << "no PID namespace is allowed here";
  }
}

TEST_P(Guard, TellsHowItEnded) {
  const std::array cases = {std::pair{"exit 7", "exited with status 7"},
                            std::pair{"kill -SEGV $$", "was killed by signal 11 (Segmentation fault)"}};
  for (const auto& [script, text] : cases) {
    auto process = GuardedProcess::start(shell(script));
    ASSERT_TRUE(process) << process.error().message;
    const std::array fds = {process->exit_fd()};
    ASSERT_EQ(wait_until(SystemClock().now() + std::chrono::seconds(10), fds), 0);
    ASSERT_TRUE(eventually([&] { return process->exit_status().has_value(); }));
    EXPECT_EQ(process->exit_status()->text(), text);
  }
}

TEST_P(Guard, SaysWhenItCannotBeExecuted) {
  LaunchSpec spec = shell("");
  spec.program = "/etc/passwd";
  auto process = GuardedProcess::start(spec);
  ASSERT_TRUE(process) << process.error().message;
  ASSERT_TRUE(eventually([&] { return process->exit_status().has_value(); }));
  EXPECT_EQ(process->exit_status()->text(), "could not be executed: Permission denied");
}

TEST_P(Guard, StopTakesTheDaemonsToo) {
  auto process = GuardedProcess::start(shell(daemon_script(tag)));
  ASSERT_TRUE(process) << process.error().message;
  ASSERT_TRUE(eventually([&] { return with_text(tag).size() >= 3; }));
  ASSERT_TRUE(process->stop(std::chrono::milliseconds(200)));
  EXPECT_TRUE(with_text(tag).empty());
}

TEST_P(Guard, StopIsPoliteFirst) {
  const std::string marker = fmt::format("/tmp/{}", tag);
  auto process = GuardedProcess::start(
      shell(fmt::format("trap 'echo bye > {}; exit 0' TERM; while :; do sleep 0.05; done", marker)));
  ASSERT_TRUE(process) << process.error().message;
  LinuxProcesses processes;
  // The trap is set once the shell has begun to sleep in its loop.
  ASSERT_TRUE(eventually([&] {
    for (const pid_t pid : processes.pids()) {
      const auto identity = processes.identity(pid);
      if (identity && identity->parent == process->pid()) return true;
    }
    return false;
  }));
  ASSERT_TRUE(process->stop(std::chrono::seconds(5)));
  std::string said;
  std::ifstream(marker) >> said;
  EXPECT_EQ(said, "bye");
  ::unlink(marker.c_str());
}

// We are killed with SIGKILL, in a child of the test so that it can be watched from outside.
TEST_P(Guard, NothingSurvivesOurDeath) {
  const pid_t victim = ::fork();
  if (victim == 0) {
    auto process = GuardedProcess::start(shell(daemon_script(tag)));
    if (!process) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  ASSERT_TRUE(eventually([&] { return with_text(tag).size() >= 3; }));
  ::kill(victim, SIGKILL);
  ::waitpid(victim, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return with_text(tag).empty(); }));
}

// The guard is killed. Inside a PID namespace everything goes with it at once; otherwise the server does, and what it
// has started falls to us, to be ended with stop().
TEST_P(Guard, NothingSurvivesTheGuardsDeath) {
  auto process = GuardedProcess::start(shell(daemon_script(tag)));
  ASSERT_TRUE(process) << process.error().message;
  ASSERT_TRUE(eventually([&] { return with_text(tag).size() >= 3; }));
  ::kill(process->guard_pid(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return process->exit_status().has_value(); }));
  if (process->containment() == GuardedProcess::Containment::subreaper) {
    ASSERT_TRUE(process->stop(std::chrono::milliseconds(0)));
  }
  EXPECT_TRUE(eventually([&] { return with_text(tag).empty(); }));
}

// Descriptors of ours (a store, another guard's socket) must not live on in a server.
TEST_P(Guard, InheritsNoDescriptor) {
  const int ours = ::open("/dev/null", O_RDONLY);  // without CLOEXEC on purpose
  const std::string listing = fmt::format("/tmp/{}", tag);
  auto process =
      GuardedProcess::start(shell(fmt::format("ls /proc/self/fd > {0}.part; mv {0}.part {0}; sleep 600", listing)));
  ASSERT_TRUE(process) << process.error().message;
  ASSERT_TRUE(eventually([&] { return ::access(listing.c_str(), R_OK) == 0; }));
  std::ifstream in(listing);
  std::vector<int> fds;
  for (int fd = 0; in >> fd;) fds.push_back(fd);
  ::unlink(listing.c_str());
  ::close(ours);
  EXPECT_LE(fds.size(), 4U) << "standard input, output, error, and ls's own folder";
}

INSTANTIATE_TEST_SUITE_P(Containment, Guard, ::testing::Bool(),
                         [](const auto& mode) { return mode.param ? "Namespace" : "Subreaper"; });

}  // namespace
}  // namespace nw::os
