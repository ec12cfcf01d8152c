#include "report/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "unit/report/sample_run.h"

namespace nw::report {
namespace {

VerdictOptions tokens(double per_day) { return {per_day, std::nullopt, std::nullopt}; }

using model::Reason;
using model::State;
using test::polling_run;
using test::run_of;

const IdleDifferenceRow& only_idle(const Report& report) { return report.verdict.idle_differences.at(0); }

TEST(Report, PollingAgainstQuiet) {
  const Report report = make_report(polling_run());
  ASSERT_EQ(report.backends.size(), 2U);
  const auto& quiet = report.backends[0].idle_row(State::loaded_idle);
  const auto& polling = report.backends[1].idle_row(State::loaded_idle);
  EXPECT_NEAR(quiet.cores->mean, 0.01, 0.001);
  EXPECT_NEAR(polling.cores->mean, 1, 0.01);
  EXPECT_TRUE(polling.cores->ci95->contains(1));
  EXPECT_EQ(polling.cores->n, 4U);
  EXPECT_NEAR(polling.wakeups_per_s->mean, 5, 0.2);
  EXPECT_EQ(only_idle(report).cores->beyond_noise(), true);
  EXPECT_NEAR(only_idle(report).cores->difference, -0.99, 0.02);
  for (const RatioRow& row : report.verdict.ratios) EXPECT_EQ(row.ratio->beyond_noise(), false);
  EXPECT_EQ(report.verdict.ratios.size(), 2U);
  EXPECT_EQ(report.verdict.headline.answer, Answer::run);
  EXPECT_EQ(report.verdict.headline.backend, 0U);
  EXPECT_TRUE(report.anything_valid());
}

TEST(Report, TheBillIsTheFormulaOfTheDesign) {
  // One restart without wobble would do; four with, the mean of the factors is near 1.
  const Report report = make_report(polling_run(), tokens(16'000));
  // 1000 requests: pp64 at 256/s is 0.25 s, tg16 takes 0.1 + 15/32 s of which each of 16 tokens has its share.
  const double request_s = 0.25 + (0.1 + 15.0 / 32);
  const double hours = (1000 * request_s * 2 + (86'400 - 1000 * request_s) * 0.01) / 3600;
  EXPECT_NEAR(report.verdict.headline.amortised[0].core_h_per_day->mean, hours, 0.01 * hours);
  EXPECT_EQ(report.verdict.headline.tokens_per_day, 16'000);
}

TEST(Report, TheMachineAloneBelongsToEachBackend) {
  const Report report = make_report(polling_run());
  // Busy minus nightwatt's own 0.01.
  EXPECT_NEAR(report.baseline_cores->mean, 0.0217, 1e-6);
  for (const auto& backend : report.backends) {
    EXPECT_EQ(backend.idle_row(State::absent).cores->mean, report.baseline_cores->mean);
    EXPECT_FALSE(backend.idle_row(State::absent).wakeups_per_s);
  }
}

TEST(Report, AnInvalidTrialIsLeftOutAndCounted) {
  model::Run run = polling_run();
  auto& trial = run.restarts.back().trials.back();
  ASSERT_EQ(trial.state, State::loaded_idle);
  trial = test::idle_trial(State::loaded_idle, 3.9);
  trial.reasons = {Reason::sampling_gap};
  const Report report = make_report(run);
  const auto& row = report.backends[1].idle_row(State::loaded_idle);
  EXPECT_EQ(row.cores->n, 3U);
  EXPECT_LT(row.cores->mean, 1.1);
  EXPECT_EQ(row.invalid_windows, 1);
  EXPECT_EQ(report.backends[1].reasons, std::vector{Reason::sampling_gap});
  EXPECT_TRUE(report.backends[1].valid);
  EXPECT_TRUE(report.backends[0].reasons.empty());
}

TEST(Report, AnUnfinishedTrialIsInterrupted) {
  model::Run run = polling_run();
  run.restarts.back().trials.back().finished = false;
  const Report report = make_report(run);
  EXPECT_EQ(report.backends[1].reasons, std::vector{Reason::interrupted});
  EXPECT_EQ(report.backends[1].idle_row(State::loaded_idle).cores->n, 3U);
}

TEST(Report, ARepeatedRestartTakesTheLaterValue) {
  model::Run run = polling_run();
  model::Restart again = test::restart_of({.name = "", .idle_cores = 2}, 1, 3, 1);
  run.restarts.push_back(again);
  const auto report = make_report(run);
  const auto& row = report.backends[1].idle_row(State::loaded_idle);
  EXPECT_EQ(row.cores->n, 4U);
  EXPECT_NEAR(row.repeats.back().value, 2, 1e-6);
}

TEST(Report, WindowsOfOneRestartAreOneRepeat) {
  model::Run run = polling_run();
  for (auto& restart : run.restarts) {
    if (restart.backend == 1) restart.trials.push_back(test::idle_trial(State::loaded_idle, 1.5));
  }
  const auto report = make_report(run);
  const auto& row = report.backends[1].idle_row(State::loaded_idle);
  EXPECT_EQ(row.cores->n, 4U);
  EXPECT_EQ(row.windows, 8);
  EXPECT_NEAR(row.cores->mean, 1.25, 0.01);
}

TEST(Report, CoarseCountersWidenTheInterval) {
  model::Run fine = polling_run(), coarse = polling_run();
  for (auto& restart : coarse.restarts) {
    for (auto& trial : restart.trials) {
      for (auto& sample : trial.processes) sample.resolution_ns = 10'000'000;
    }
  }
  const auto before = make_report(fine), after = make_report(coarse);
  const auto& thin = before.backends[1].idle_row(State::loaded_idle);
  const auto& wide = after.backends[1].idle_row(State::loaded_idle);
  EXPECT_NEAR(wide.resolution_cores, 0.001, 1e-9);
  EXPECT_NEAR(wide.cores->ci95->half_width() - thin.cores->ci95->half_width(), 0.001, 1e-6);
}

TEST(Report, NothingValid) {
  model::Run run = polling_run();
  test::invalidate(run, 0, Reason::competing_load);
  test::invalidate(run, 1, Reason::competing_load);
  const Report report = make_report(run);
  EXPECT_FALSE(report.anything_valid());
  for (const auto& backend : report.backends) {
    EXPECT_FALSE(backend.valid);
    EXPECT_EQ(backend.reasons, std::vector{Reason::competing_load});
    EXPECT_FALSE(backend.host_rss_bytes);
    EXPECT_TRUE(backend.spin.empty());
    for (const auto& row : backend.throughput) EXPECT_FALSE(row.tokens_per_s);
    EXPECT_FALSE(backend.idle_row(State::loaded_idle).cores);
    EXPECT_NE(backend.idle_row(State::loaded_idle).cores.reason.find("competing_load"), std::string::npos);
  }
  EXPECT_EQ(report.verdict.headline.answer, Answer::unknown);
  EXPECT_FALSE(report.verdict.headline.reason.empty());
}

TEST(Report, AnEmptyRunSaysSo) {
  const Report report = make_report(model::Run{});
  EXPECT_FALSE(report.anything_valid());
  EXPECT_EQ(report.verdict.headline.answer, Answer::unknown);
  EXPECT_EQ(report.self.wall_s, 0);
}

TEST(Report, NoTrialAtAllHasAReason) {
  model::Run run = polling_run();
  for (auto& restart : run.restarts) {
    if (restart.backend != 1) continue;
    restart.trials.clear();
    restart.status = model::RestartStatus::failed;
    restart.message = "llama-server ended with status 1";
  }
  const Report report = make_report(run);
  EXPECT_FALSE(report.backends[1].valid);
  EXPECT_EQ(report.backends[1].reasons, std::vector{Reason::not_available});
  ASSERT_EQ(report.backends[1].notes.size(), 1U);
  EXPECT_EQ(report.backends[1].notes[0], "4 restarts failed: llama-server ended with status 1");
  EXPECT_EQ(report.verdict.headline.answer, Answer::unknown) << "one backend alone is no comparison";
}

TEST(Report, AFailureThatTheAppNotedIsNotSaidTwice) {
  model::Run run = polling_run();
  run.restarts.back().status = model::RestartStatus::failed;
  run.restarts.back().message = "the server ended";
  run.backends[1].notes = {"repeat 4 failed: the server ended"};
  EXPECT_EQ(make_report(run).backends[1].notes.size(), 1U);
}

TEST(Report, AttachedAndNotRestartedIsApproximate) {
  model::Run run = polling_run();
  run.backends[1].spec.url = "http://127.0.0.1:11434";
  test::invalidate(run, 1, Reason::not_restarted);  // a mark, not an invalidity
  const Report report = make_report(run);
  const auto& attached = report.backends[1];
  EXPECT_TRUE(attached.valid);
  EXPECT_TRUE(attached.attached);
  EXPECT_TRUE(attached.not_restarted);
  EXPECT_TRUE(attached.idle_row(State::loaded_idle).cores->approximate);
  EXPECT_TRUE(attached.throughput[0].tokens_per_s->approximate);
  EXPECT_FALSE(report.backends[0].throughput[0].tokens_per_s->approximate);
  EXPECT_TRUE(report.verdict.headline.amortised[1].core_h_per_day->approximate);
  const auto& list = report.verdict.assumptions;
  EXPECT_TRUE(std::any_of(list.begin(), list.end(),
                          [](const auto& a) { return a.text.find("no restart between them") != std::string::npos; }));
}

TEST(Report, ProcessesThatAreNotSeenGiveSpeedButNoBill) {
  model::Run run = polling_run();
  for (auto& restart : run.restarts) {
    if (restart.backend != 1) continue;
    for (auto& trial : restart.trials) {
      trial.processes.clear();
      if (trial.state) trial.reasons = {Reason::process_not_visible};
    }
  }
  const Report report = make_report(run);
  EXPECT_TRUE(report.backends[1].throughput[0].tokens_per_s);
  EXPECT_FALSE(report.backends[1].idle_row(State::loaded_idle).cores);
  EXPECT_TRUE(report.backends[1].bill.empty());
  EXPECT_EQ(report.backends[1].bill_reason, "no valid loaded_idle window");
}

TEST(Report, CpuTimeThatWasNotSeenWhileBusyGivesNoBill) {
  model::Run run = polling_run();
  for (auto& restart : run.restarts) {
    if (restart.backend != 1) continue;
    for (auto& trial : restart.trials) {
      if (trial.test && trial.test->prompt > 0) trial.processes.clear();
    }
  }
  const Report report = make_report(run);
  EXPECT_TRUE(report.backends[1].idle_row(State::loaded_idle).cores);
  EXPECT_TRUE(report.backends[1].bill.empty());
  EXPECT_EQ(report.backends[1].bill_reason, "no CPU time of a valid pp64 trial");
}

TEST(Report, SpinningThreadsAreListed) {
  const Report report = make_report(polling_run());
  EXPECT_TRUE(report.backends[0].spin.empty());
  ASSERT_EQ(report.backends[1].spin.size(), 1U);
  EXPECT_EQ(report.backends[1].spin[0].comm, "worker");
  EXPECT_NEAR(report.backends[1].spin[0].cores, 1, 0.02);
}

TEST(Report, QuantilesArePooledAndRefusedFromTooFew) {
  const Report report = make_report(polling_run());
  const auto& pp = report.backends[0].throughput[0];
  const auto& tg = report.backends[0].throughput[1];
  EXPECT_EQ(pp.ttft_ms.n, 16U);
  EXPECT_NEAR(*pp.ttft_ms.p50, 250, 3);
  EXPECT_FALSE(pp.ttft_ms.p90);
  EXPECT_EQ(pp.itl_ms.n, 0U);
  EXPECT_EQ(tg.itl_ms.n, 240U);
  EXPECT_NEAR(*tg.itl_ms.p99, 1000 / 32.0, 1);
  EXPECT_EQ(pp.discarded_warmup, 4);
  EXPECT_EQ(pp.restarts, 4);
}

TEST(Report, NightwattsOwnUse) {
  const Report report = make_report(polling_run());
  EXPECT_NEAR(report.self.cpu_s, 6, 1e-9);
  EXPECT_NEAR(report.self.wall_s, 600, 1e-9);
  EXPECT_NEAR(report.self.window_cpu_s / report.self.window_s, 0.01, 1e-6);
}

TEST(Report, AKilledSessionEndsWithItsLastTrial) {
  model::Run run = polling_run();
  run.sessions[0].end.reset();
  run.sessions[0].self_cpu_s = 0;
  const Report report = make_report(run);
  EXPECT_NEAR(report.self.wall_s, 110, 1e-9);
  EXPECT_NEAR(report.self.cpu_s, 2.1, 1e-6) << "the last sample of its own CPU time";
}

TEST(Precision, ReachedFromTheEighthRestartOn) {
  const std::vector<test::BackendPlan> plans = {{.name = "a"}, {.name = "b", .output_rate = 40}};
  const auto seven = precision_of(run_of(plans, 7), 0.02), eight = precision_of(run_of(plans, 8), 0.02);
  EXPECT_EQ(seven.repeats, 7U);
  EXPECT_LT(*seven.half_width, 0.02);
  EXPECT_FALSE(seven.reached);
  EXPECT_TRUE(eight.reached);
  EXPECT_EQ(eight.repeats_needed, 8U);
  EXPECT_FALSE(precision_of(run_of(plans, 8), 1e-5).reached);
}

TEST(Precision, NothingToCompareIsNeverReached) {
  EXPECT_FALSE(precision_of(run_of({{.name = "alone"}}, 12), 0.5).reached);
  EXPECT_FALSE(precision_of(model::Run{}, 0.5).reached);
  model::Run run = run_of({{.name = "a"}, {.name = "b"}}, 12);
  test::invalidate(run, 1, Reason::competing_load);
  EXPECT_FALSE(precision_of(run, 0.5).reached);
  EXPECT_FALSE(precision_of(run, 0.5).half_width);
  EXPECT_EQ(precision_of(run, 0.5).repeats, 0U);
  model::Run three = run_of({{.name = "a"}, {.name = "b"}, {.name = "c"}}, 12);
  EXPECT_TRUE(precision_of(three, 0.5).reached);
  test::invalidate(three, 2, Reason::competing_load);
  EXPECT_FALSE(precision_of(three, 0.5).half_width) << "two of the three pairs are not known";
}

}  // namespace
}  // namespace nw::report
