#include "cost/window.h"

#include <gtest/gtest.h>

#include "unit/cost/trials.h"

namespace nw::cost {
namespace {

using model::State;
using model::Trial;
using test::add_process;
using test::add_thread;
using test::at_second;

Trial window_of() {
  Trial trial;
  trial.state = State::loaded_idle;
  return trial;
}

TEST(IdleWindow, NothingWithoutTwoRounds) {
  EXPECT_FALSE(idle_window(window_of(), 2));
  Trial trial = window_of();
  add_process(trial, {.to = 0});
  EXPECT_FALSE(idle_window(trial, 2));
}

TEST(IdleWindow, OneProcess) {
  const auto window = idle_window(test::idle_trial(State::loaded_idle, 1.0), 2);
  ASSERT_TRUE(window);
  EXPECT_NEAR(window->cores, 1, 1e-9);
  EXPECT_NEAR(window->seconds, 10, 1e-9);
  EXPECT_NEAR(*window->wakeups_per_s, 5, 0.11);
  EXPECT_EQ(window->rss_bytes, 100'000'000U);
}

TEST(IdleWindow, ProcessesAddUpAndTheirMillisecondsApartDoNotMatter) {
  Trial trial = window_of();
  add_process(trial, {.pid = 1, .cores = 0.5});
  add_process(trial, {.pid = 2, .cores = 0.25, .from = 0.02, .to = 10.02});
  EXPECT_NEAR(idle_window(trial, 2)->cores, 0.75, 1e-9);
  EXPECT_EQ(idle_window(trial, 2)->rss_bytes, 200'000'000U);
}

TEST(IdleWindow, AProcessBornInsideCountsFromZero) {
  Trial trial = window_of();
  add_process(trial, {.pid = 1});
  // Born 4 s after the start: 0.2 CPU s before its first sample, 0.5 cores for 5 s after it.
  add_process(trial, {.pid = 2, .start_ticks = 100'400, .cores = 0.5, .from = 4.5, .to = 9.5, .cpu_s_before = 0.2});
  EXPECT_NEAR(idle_window(trial, 2)->cores, 0.27, 1e-9);
}

TEST(IdleWindow, AnOldProcessThatIsSeenLateCountsFromItsFirstSample) {
  Trial trial = window_of();
  add_process(trial, {.pid = 1});
  add_process(trial, {.pid = 2, .start_ticks = 50'000, .cores = 0.5, .from = 4.5, .to = 9.5, .cpu_s_before = 0.2});
  EXPECT_NEAR(idle_window(trial, 2)->cores, 0.25, 1e-9);
}

TEST(IdleWindow, AProcessCannotHaveUsedMoreThanTheMachineHad) {
  // A machine that slept: the start time is ahead of the monotonic clock, the 700 CPU seconds are not of this window.
  Trial trial = window_of();
  add_process(trial, {.pid = 1});
  add_process(trial, {.pid = 2, .start_ticks = 900'000, .cores = 0.5, .from = 4.5, .to = 9.5, .cpu_s_before = 700});
  EXPECT_NEAR(idle_window(trial, 2)->cores, 0.25, 1e-9);
}

TEST(IdleWindow, AProcessThatEndsKeepsWhatItUsed) {
  Trial trial = window_of();
  add_process(trial, {.pid = 1});
  add_process(trial, {.pid = 2, .cores = 1, .from = 0, .to = 5});
  const auto window = idle_window(trial, 2);
  EXPECT_NEAR(window->cores, 0.5, 1e-9);
  EXPECT_EQ(window->rss_bytes, 100'000'000U) << "memory is that of the end";
}

TEST(IdleWindow, AReusedPidIsAnotherProcess) {
  Trial trial = window_of();
  add_process(trial, {.pid = 1, .cores = 1, .to = 4});
  add_process(trial, {.pid = 1, .start_ticks = 100'450, .cores = 0.1, .from = 4.5, .cpu_s_before = 0.01});
  EXPECT_NEAR(idle_window(trial, 2)->cores, (4 + 0.01 + 0.55) / 10, 1e-9);
}

TEST(IdleWindow, SaysTheResolutionOfItsCounters) {
  Trial trial = window_of();
  add_process(trial, {.pid = 1, .resolution_ns = 10'000'000});
  add_process(trial, {.pid = 2, .resolution_ns = 10'000'000});
  EXPECT_NEAR(idle_window(trial, 2)->resolution_cores, 0.002, 1e-12);
}

TEST(IdleWindow, UnknownIsNotZero) {
  Trial trial = test::idle_trial(State::loaded_idle, 0);
  trial.threads.back().voluntary_switches.reset();
  trial.processes.back().rss_bytes.reset();
  const auto window = idle_window(trial, 2);
  EXPECT_FALSE(window->wakeups_per_s);
  EXPECT_FALSE(window->rss_bytes);
  trial.threads.clear();
  EXPECT_FALSE(idle_window(trial, 2)->wakeups_per_s);
}

TEST(Threads, ByCores) {
  Trial trial = window_of();
  add_thread(trial, {.tid = 5, .comm = "a", .cores = 0.1});
  add_thread(trial, {.tid = 6, .comm = "b", .cores = 0.9});
  add_thread(trial, {.tid = 7, .comm = "c", .cores = 1, .from = 5});
  const auto threads = threads_by_cores(trial);
  ASSERT_EQ(threads.size(), 3U);
  EXPECT_EQ(threads[0].comm, "b");
  EXPECT_NEAR(threads[0].cores, 0.9, 1e-9);
  EXPECT_NEAR(threads[1].cores, 0.5, 1e-9);
  EXPECT_EQ(threads[2].tid, 5);
}

TEST(MachineWindow, Rates) {
  const auto window = machine_window(test::idle_trial(State::absent, 0.2));
  ASSERT_TRUE(window);
  EXPECT_NEAR(window->busy_cores, 0.2, 1e-9);
  EXPECT_NEAR(window->self_cores, 0.01, 1e-9);
  EXPECT_FALSE(machine_window(window_of()));
}

TEST(CpuSecondsUntil, StraightBetweenTheSamples) {
  Trial trial = window_of();
  add_process(trial, {.cores = 2});
  EXPECT_NEAR(*cpu_seconds_until(trial, 2, at_second(0)), 0, 1e-9);
  EXPECT_NEAR(*cpu_seconds_until(trial, 2, at_second(3.3)), 6.6, 1e-9);
  EXPECT_NEAR(*cpu_seconds_until(trial, 2, at_second(10.2)), 20, 1e-9);
  EXPECT_FALSE(cpu_seconds_until(trial, 2, at_second(10.3)));
  EXPECT_FALSE(cpu_seconds_until(trial, 2, at_second(-0.3)));
  EXPECT_FALSE(cpu_seconds_until(window_of(), 2, at_second(0)));
}

TEST(ActiveWindow, LeavesTheWarmUpOut) {
  const Trial trial = test::busy_trial({.test = {.prompt = 0, .generate = 51}, .rate = 100, .cores = 1.5});
  const auto window = active_window(trial, 2);
  ASSERT_TRUE(window && window->cpu_s);
  EXPECT_NEAR(window->seconds, 4 * 0.6, 1e-6);
  EXPECT_NEAR(window->tokens, 4 * 51, 1e-9);
  EXPECT_NEAR(*window->cpu_s, 1.5 * 2.4, 1e-6);
}

TEST(ActiveWindow, LeavesFailedRequestsOut) {
  Trial trial = test::busy_trial({.test = {.prompt = 0, .generate = 51}, .rate = 100});
  trial.requests[2].error = "500";
  EXPECT_NEAR(active_window(trial, 2)->tokens, 3 * 51, 1e-9);
}

TEST(ActiveWindow, CountsEvaluatedPromptTokens) {
  Trial trial = test::busy_trial({.test = {.prompt = 100, .generate = 0}, .rate = 200, .cores = 1});
  for (auto& request : trial.requests) request.cached_tokens = 20;
  EXPECT_NEAR(active_window(trial, 2)->tokens, 4 * 80, 1e-9);
}

TEST(ActiveWindow, WhatIsMissingIsNotGuessed) {
  Trial trial = test::busy_trial({.test = {.prompt = 0, .generate = 51}});
  trial.processes.clear();
  ASSERT_TRUE(active_window(trial, 2));
  EXPECT_FALSE(active_window(trial, 2)->cpu_s);
  trial.requests[2].generated_tokens.reset();
  EXPECT_FALSE(active_window(trial, 2));
  trial.requests.clear();
  EXPECT_FALSE(active_window(trial, 2));
}

TEST(TrialRate, TotalTokensOverTotalTime) {
  const Trial trial = test::busy_trial({.test = {.prompt = 0, .generate = 51}, .rate = 80});
  EXPECT_NEAR(*trial_tokens_per_second(trial), 80, 1e-3);
  Trial uneven = test::busy_trial({.test = {.prompt = 100, .generate = 0}, .rate = 100, .requests = 2});
  uneven.requests[2].first_token = uneven.requests[2].sent + from_seconds(3);  // 100 tokens in 3 s, the other in 1 s
  EXPECT_NEAR(*trial_tokens_per_second(uneven), 50, 1e-6);
}

TEST(TrialRate, FailedAndWarmUpRequestsDoNotCount) {
  Trial trial = test::busy_trial({.test = {.prompt = 100, .generate = 0}, .rate = 100, .requests = 2});
  trial.requests[0].first_token = trial.requests[0].sent + from_seconds(9);
  trial.requests[2].first_token = trial.requests[2].sent + from_seconds(9);
  trial.requests[2].error = "500";
  EXPECT_NEAR(*trial_tokens_per_second(trial), 100, 1e-6);
  trial.requests[1].end.reset();
  EXPECT_FALSE(trial_tokens_per_second(trial));
}

TEST(TrialRate, SeveralUsersShareTheWindow) {
  Trial trial = test::busy_trial({.test = {.prompt = 0, .generate = 51, .concurrency = 2}, .rate = 100});
  EXPECT_NEAR(*trial_tokens_per_second(trial), 51 / 0.6, 1e-3);
}

}  // namespace
}  // namespace nw::cost
