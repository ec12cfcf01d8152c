#include "report/validity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "unit/cost/trials.h"

namespace nw::report {
namespace {

using model::Machine;
using model::Reason;
using model::State;
using model::Trial;
using Reasons = std::vector<Reason>;

Machine machine_of(int cpus) {
  Machine machine;
  machine.cpus = cpus;
  return machine;
}

Trial quiet() { return test::idle_trial(State::loaded_idle, 0.01); }
Reasons idle(const Trial& trial, int cpus = 4) { return check_idle_window(trial, machine_of(cpus), 10); }

Trial busy() { return test::busy_trial({.test = {.prompt = 0, .generate = 64}, .rate = 50, .cores = 2}); }
Reasons throughput(const Trial& trial, int cpus = 4) { return check_throughput_trial(trial, machine_of(cpus)); }

template <class Samples>
void drop(Samples& samples, double from, double to) {
  std::erase_if(samples, [&](const auto& s) { return s.at > test::at_second(from) && s.at < test::at_second(to); });
}

TEST(IdleValidity, GoodWindows) {
  EXPECT_EQ(idle(quiet()), Reasons{});
  EXPECT_EQ(idle(test::idle_trial(State::absent, 0.1)), Reasons{});
  EXPECT_EQ(idle(test::idle_trial(State::loaded_idle, 1), 2), Reasons{});
}

TEST(IdleValidity, NotBracketed) {
  Trial late = quiet();
  drop(late.processes, -1, 0.3);
  EXPECT_EQ(idle(late), Reasons{Reason::window_not_bracketed});
  Trial early = quiet();
  drop(early.machine, 9.7, 99);
  EXPECT_EQ(idle(early), Reasons{Reason::window_not_bracketed});
  EXPECT_EQ(check_idle_window(quiet(), machine_of(4), 15), Reasons{Reason::window_not_bracketed}) << "too short";
}

TEST(IdleValidity, Gap) {
  Trial small = quiet();
  drop(small.machine, 3.1, 4.4);  // 1.5 s, three periods
  EXPECT_EQ(idle(small), Reasons{});
  Trial large = quiet();
  drop(large.machine, 3.1, 4.9);  // 2 s
  EXPECT_EQ(idle(large), Reasons{Reason::sampling_gap});
  Trial processes = quiet();
  drop(processes.processes, 3.1, 6.4);
  EXPECT_EQ(idle(processes), Reasons{Reason::sampling_gap});
}

TEST(IdleValidity, SamplesFarApartAreAGapToo) {
  Trial trial;
  trial.state = State::absent;
  trial.begin = test::at_second(0);
  trial.end = test::at_second(30);
  trial.finished = true;
  test::add_machine(trial, 0.1, 0.01, 30, 3);
  EXPECT_EQ(check_idle_window(trial, machine_of(4), 30), Reasons{Reason::sampling_gap});
}

TEST(IdleValidity, CounterWentBack) {
  Trial process = quiet();
  process.processes[5].cpu_ns -= 1'000'000'000;
  EXPECT_EQ(idle(process), Reasons{Reason::counter_went_back});
  Trial thread = quiet();
  thread.threads[30].cpu_ns -= 1'000'000'000;
  EXPECT_EQ(idle(thread), Reasons{Reason::counter_went_back});
  Trial whole = quiet();
  whole.machine[5].busy_ns -= 1'000'000'000;
  EXPECT_EQ(idle(whole), Reasons{Reason::counter_went_back});
  Trial tick = quiet();
  for (auto& sample : tick.processes) sample.resolution_ns = 10'000'000;
  tick.processes[5].cpu_ns = tick.processes[4].cpu_ns - 9'000'000;
  EXPECT_EQ(idle(tick), Reasons{}) << "within its resolution";
}

TEST(IdleValidity, ClockStep) {
  for (const std::int64_t step : {200'000'000LL, -200'000'000LL}) {
    Trial trial = quiet();
    for (std::size_t i = 10; i < trial.machine.size(); ++i) trial.machine[i].wall_ns += step;
    EXPECT_EQ(idle(trial), Reasons{Reason::clock_step});
  }
  Trial slew = quiet();
  slew.machine.back().wall_ns += 50'000'000;
  EXPECT_EQ(idle(slew), Reasons{});
}

TEST(IdleValidity, BackendRestarted) {
  Trial same_pid = quiet();
  for (auto& sample : same_pid.processes) {
    if (sample.at > test::at_second(5)) sample.start_ticks = 100'500, sample.cpu_ns = 1'000'000;
  }
  EXPECT_EQ(idle(same_pid), Reasons{Reason::backend_restarted});
  Trial other_pid = quiet();
  drop(other_pid.processes, 5.1, 99);
  test::add_process(other_pid, {.pid = 200, .start_ticks = 100'540, .from = 5.5});
  EXPECT_EQ(idle(other_pid), Reasons{Reason::backend_restarted});
}

TEST(IdleValidity, AWorkerMayComeAndGo) {
  Trial trial = quiet();
  test::add_process(trial, {.pid = 300, .start_ticks = 100'300, .from = 3, .to = 6, .cpu_s_before = 0});
  EXPECT_EQ(idle(trial), Reasons{});
}

TEST(IdleValidity, BackendDied) {
  Trial trial = quiet();
  drop(trial.processes, 5.1, 99);
  EXPECT_EQ(idle(trial), Reasons{Reason::backend_died});
}

TEST(IdleValidity, TooFewSamples) {
  Trial two = quiet();
  drop(two.machine, 0.1, 9.9);
  EXPECT_EQ(idle(two), (Reasons{Reason::sampling_gap, Reason::too_few_samples}));
  Trial none = quiet();
  none.machine.clear();
  EXPECT_EQ(idle(none), Reasons{Reason::too_few_samples});
}

TEST(IdleValidity, NotVisible) {
  Trial trial = quiet();
  trial.processes.clear();
  EXPECT_EQ(idle(trial), Reasons{Reason::process_not_visible});
  trial.state = State::absent;
  EXPECT_EQ(idle(trial), Reasons{});
}

TEST(IdleValidity, AFullMachineIsNobodysBaseline) {
  EXPECT_EQ(idle(test::idle_trial(State::absent, 3.3)), Reasons{}) << "it runs what it runs";
  EXPECT_EQ(idle(test::idle_trial(State::absent, 3.9)), Reasons{Reason::competing_load});
}

TEST(IdleValidity, OthersMayRunUntilTheMachineIsNearlyFull) {
  Trial some = quiet();
  some.machine.clear();
  test::add_machine(some, 3.4);
  EXPECT_EQ(idle(some), Reasons{}) << "the backend's own counters stay right";
  Trial full = quiet();
  full.machine.clear();
  test::add_machine(full, 3.7);
  EXPECT_EQ(idle(full), Reasons{Reason::competing_load});
}

TEST(ThroughputValidity, GoodTrial) { EXPECT_EQ(throughput(busy()), Reasons{}); }

TEST(ThroughputValidity, CompetingLoad) {
  Trial trial = busy();
  const double seconds = to_seconds(trial.end - trial.begin);
  trial.machine.clear();
  test::add_machine(trial, 2.35, 0.01, seconds + 0.4);
  EXPECT_EQ(throughput(trial), Reasons{}) << "0.34 of 4 CPUs";
  trial.machine.clear();
  test::add_machine(trial, 2.5, 0.01, seconds + 0.4);
  EXPECT_EQ(throughput(trial), Reasons{Reason::competing_load}) << "0.49 of 4 CPUs";
  trial.machine.clear();
  test::add_machine(trial, 2.5, 0.2, seconds + 0.4);
  EXPECT_EQ(throughput(trial), Reasons{}) << "nightwatt's own share is not competing";
}

TEST(ThroughputValidity, ShortTrialsAreNotJudgedByTicks) {
  Trial trial = test::busy_trial({.test = {.prompt = 0, .generate = 11}, .rate = 1000, .cores = 2, .requests = 1});
  trial.machine.clear();
  test::add_machine(trial, 4, 0.01, 0.5);
  EXPECT_EQ(throughput(trial), Reasons{});
}

TEST(ThroughputValidity, WithoutProcessesOnlyTheClocksAreJudged) {
  Trial trial = busy();
  trial.processes.clear();
  EXPECT_EQ(throughput(trial), Reasons{});
  trial.machine.clear();
  EXPECT_EQ(throughput(trial), Reasons{Reason::too_few_samples});
}

TEST(ThroughputValidity, SharesTheRulesOfTheSamples) {
  Trial trial = busy();
  drop(trial.processes, 2.1, 99);
  EXPECT_EQ(throughput(trial), Reasons{Reason::backend_died});
  Trial step = busy();
  step.machine.back().wall_ns += 500'000'000;
  EXPECT_EQ(throughput(step), Reasons{Reason::clock_step});
}

}  // namespace
}  // namespace nw::report
