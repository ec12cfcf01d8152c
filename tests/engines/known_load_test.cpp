// known_load tells the truth about itself: what the accuracy of nightwatt is judged by.

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <sched.h>

#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "engines/support.h"

namespace nw::fake {
namespace {

using std::chrono::milliseconds;

const std::string kProgram = NW_ENGINES_DIR "/known_load";

struct Mark {
  double moment_s = 0;
  double bracket_s = 0;
  double process_s = 0;
  std::vector<double> busy_s;
  std::vector<double> idle_s;
  double main_s = 0;
};

std::string value_of(const std::string& line, std::string_view key) {
  const std::size_t at = line.find(fmt::format(" {}=", key));
  if (at == std::string::npos) return {};
  const std::size_t begin = at + key.size() + 2;
  return line.substr(begin, line.find(' ', begin) - begin);
}

// "tid:ns,tid:ns"
std::vector<double> seconds_of(const std::string& list) {
  std::vector<double> out;
  for (std::size_t at = 0; (at = list.find(':', at)) != std::string::npos; ++at) {
    out.push_back(std::atof(list.c_str() + at + 1) * 1e-9);
  }
  return out;
}

Mark mark(Program& program) {
  program.forget_output();
  program.type("mark\n");
  const std::string line = program.line_after("mark").value_or("");
  Mark m;
  m.moment_s = std::atof(value_of(line, "before").c_str()) * 1e-9;
  m.bracket_s = std::atof(value_of(line, "after").c_str()) * 1e-9 - m.moment_s;
  m.process_s = std::atof(value_of(line, "process").c_str()) * 1e-9;
  m.busy_s = seconds_of(value_of(line, "busy"));
  m.idle_s = seconds_of(value_of(line, "idle"));
  m.main_s = seconds_of(value_of(line, "main")).at(0);
  return m;
}

std::vector<std::string> argv_of(int threads, int share, int idle = 0) {
  return {kProgram,
          "--threads",
          std::to_string(threads),
          "--share",
          std::to_string(share),
          "--idle-threads",
          std::to_string(idle),
          "--seconds",
          "30"};
}

TEST(KnownLoad, IsBusyForItsShare) {
  Program program(argv_of(1, 30));
  ASSERT_TRUE(program.line_after("ready"));
  const Mark begin = mark(program);
  std::this_thread::sleep_for(milliseconds(1000));
  const Mark end = mark(program);
  ASSERT_EQ(end.busy_s.size(), 1U);
  const double share = (end.busy_s[0] - begin.busy_s[0]) / (end.moment_s - begin.moment_s);
  // A thread never works more than its share, and less only if the machine is so full that 30 % cannot be had.
  EXPECT_LT(share, 0.33);
  EXPECT_GT(share, 0.15);
  EXPECT_LT(end.bracket_s, 0.05);
}

TEST(KnownLoad, AccountsForTheWholeProcess) {
  Program program(argv_of(2, 50, 3));
  ASSERT_TRUE(program.line_after("ready"));
  std::this_thread::sleep_for(milliseconds(300));
  const Mark m = mark(program);
  ASSERT_EQ(m.busy_s.size(), 2U);
  ASSERT_EQ(m.idle_s.size(), 3U);
  const double sum = m.busy_s[0] + m.busy_s[1] + m.idle_s[0] + m.idle_s[1] + m.idle_s[2] + m.main_s;
  // The process went on while the threads were read one after the other.
  EXPECT_NEAR(m.process_s, sum, 2 * m.bracket_s + 1e-4);
  EXPECT_LT(m.idle_s[0], 0.01);
  EXPECT_NEAR(cpu_seconds(program.pid()), m.process_s, 0.2);
}

// Two CPUs that this thread may use; nullopt if it has only one.
std::optional<std::pair<int, int>> two_cpus(const cpu_set_t& allowed) {
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) cpus.push_back(cpu);
  }
  return cpus.size() < 2 ? std::nullopt : std::optional(std::pair(cpus.front(), cpus.back()));
}

void pin(pid_t tid, int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(cpu), &one);
  ::sched_setaffinity(tid, sizeof one, &one);
}

TEST(KnownLoad, ReadsThreadsThatAreRunning) {
  // If the clock of a thread that never sleeps only moved at ticks, it would move by about one tick (1 ms and more) at
  // a time or not at all. Who asks must not sit on the CPU of who is asked: then the answer is of a thread that waits.
  cpu_set_t allowed;
  ASSERT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
  const auto cpus = two_cpus(allowed);
  if (!cpus) GTEST_SKIP() << "needs two CPUs";
  Program program(argv_of(1, 100));
  const auto ready = program.line_after("ready");
  ASSERT_TRUE(ready);
  const pid_t busy = std::atoi(value_of(*ready, "busy").c_str());
  pin(program.pid(), cpus->first);
  pin(busy, cpus->second);
  int small_steps = 0;
  EXPECT_TRUE(eventually([&] {
    const double first = mark(program).busy_s.at(0);
    const double second = mark(program).busy_s.at(0);
    small_steps += second > first && second - first < 0.8e-3 ? 1 : 0;
    return small_steps >= 5;
  }));
}

TEST(KnownLoad, CanBeIdle) {
  Program program(argv_of(2, 0));
  ASSERT_TRUE(program.line_after("ready"));
  const Mark begin = mark(program);
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_LT(mark(program).process_s - begin.process_s, 0.01);
  Program none(argv_of(0, 100));
  ASSERT_TRUE(none.line_after("ready"));
  EXPECT_TRUE(mark(none).busy_s.empty());
}

TEST(KnownLoad, EndsWhenToldOrLeftOrOld) {
  Program told(argv_of(1, 100));
  told.type("quit\n");
  EXPECT_EQ(told.wait(), 0);
  Program left(argv_of(1, 10));
  left.close_input();
  EXPECT_EQ(left.wait(), 0);
  Program old({kProgram, "--threads", "1", "--share", "10", "--seconds", "0.2"});
  EXPECT_EQ(old.wait(), 0);
  Program wrong({kProgram, "--share", "200"});
  EXPECT_EQ(wrong.wait(), 2);
}

}  // namespace
}  // namespace nw::fake
