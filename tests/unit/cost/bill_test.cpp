#include "cost/bill.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "unit/stats/normal.h"

namespace nw::cost {
namespace {

constexpr RequestShape kRequest = {.prompt_tokens = 512, .output_tokens = 128};

// Idle cores, and cores while busy; 256 prompt tokens/s and 32 output tokens/s: a request takes 2 + 4 s.
RepeatCost repeat(int index, double idle, double busy, double speed = 1) {
  return {index, idle, busy / (256 * speed), 1 / (256 * speed), busy / (32 * speed), 1 / (32 * speed)};
}

Bill bill(double idle, double busy, double jitter = 0.001, double speed = 1) {
  std::vector<RepeatCost> repeats;
  for (int i = 0; i < 4; ++i) {
    const double sign = i % 2 == 0 ? 1 : -1;
    repeats.push_back(repeat(i, idle + sign * jitter, busy + sign * jitter * (i < 2 ? 1 : -1), speed));
  }
  return Bill(repeats, kRequest);
}

TEST(Bill, EmptyWithoutRepeats) {
  EXPECT_TRUE(Bill().empty());
  EXPECT_FALSE(Bill().core_hours(1000));
  EXPECT_EQ(Bill().capacity(), 0);
}

TEST(Bill, HandComputed) {
  const std::vector repeats = {repeat(0, 0.1, 2)};
  const Bill one(repeats, kRequest);
  // 1000 requests of 6 s: 6000 s busy with 2 cores, 80,400 s idle with 0.1.
  EXPECT_NEAR(one.core_hours(128'000)->mean, (6000 * 2 + 80'400 * 0.1) / 3600, 1e-9);
  EXPECT_NEAR(one.core_hours(0)->mean, 2.4, 1e-9);
  EXPECT_NEAR(one.capacity(), 86'400.0 / 6 * 128, 1e-6);
  EXPECT_NEAR(one.core_hours(one.capacity())->mean, 48, 1e-9);
  EXPECT_FALSE(one.core_hours(0)->ci95);
}

TEST(Bill, ARequestWithoutAPromptNeedsNoPromptFigures) {
  const std::vector repeats = {RepeatCost{0, 0, 0, 0, 0.05, 0.025}};
  EXPECT_NEAR(Bill(repeats, {0, 100}).core_hours(3600)->mean, 0.05, 1e-12);
}

TEST(Bill, TheIntervalKeepsWhatTheRepeatsHaveInCommon) {
  // Idle and busy cores move together: at full load the idle part cancels.
  std::vector<RepeatCost> repeats;
  for (int i = 0; i < 4; ++i) repeats.push_back(repeat(i, 0.1 * i, 2));
  const Bill varying(repeats, kRequest);
  EXPECT_GT(varying.core_hours(0)->ci95->half_width(), 1);
  EXPECT_NEAR(varying.core_hours(varying.capacity())->ci95->half_width(), 0, 1e-9);
}

TEST(Difference, PollingAgainstQuiet) {
  const auto difference = core_hours_difference(bill(1, 2), bill(0.01, 2), 0);
  EXPECT_NEAR(difference->difference, 0.99 * 24, 1e-9);
  EXPECT_EQ(difference->beyond_noise(), true);
}

TEST(Crossover, PollingAndQuietNeverCrossBeforeTheDayIsFull) {
  const auto crossover = crossover_of(bill(1, 2), bill(0.01, 2));
  EXPECT_NE(crossover.kind, Crossover::Kind::crosses);
  EXPECT_FALSE(crossover.tokens_per_day);
  const auto faster = crossover_of(bill(1, 2), bill(0.01, 1.5));
  EXPECT_EQ(faster.kind, Crossover::Kind::b_at_every_load);
  EXPECT_EQ(crossover_of(bill(0.01, 1.5), bill(1, 2)).kind, Crossover::Kind::a_at_every_load);
}

TEST(Crossover, HandComputed) {
  // A burns 0.5 cores idle and 1 busy, B none idle and 2 busy. Per request of 6 s: e = 6 and 12 CPU s,
  // m_A = (6 − 0.5 · 6) / 128, m_B = 12 / 128. N* = 86,400 · 0.5 / (9 / 128) = 614,400, a third of the capacity.
  const auto crossover = crossover_of(bill(0.5, 1), bill(0.0, 2));
  ASSERT_EQ(crossover.kind, Crossover::Kind::crosses);
  EXPECT_NEAR(*crossover.tokens_per_day, 614'400, 1);
  ASSERT_TRUE(crossover.ci95);
  EXPECT_TRUE(crossover.ci95->contains(614'400));
  EXPECT_LT(crossover.ci95->half_width(), 10'000);
}

// Where the costs of a token are within noise, the point estimate of N* is the luck of the repeats.
TEST(Crossover, WithoutABoundedIntervalThereIsNoNumber) {
  std::vector<RepeatCost> a, b;
  const double noise[] = {-0.03, 0.02, 0.03, -0.02};
  for (int i = 0; i < 4; ++i) {
    a.push_back({i, 0.5, 0, 0, 0.09 + noise[i], 0.02});
    b.push_back({i, 0.0, 0, 0, 0.10 - noise[i], 0.02});
  }
  const RequestShape request{0, 100};
  const auto crossover = crossover_of(Bill(a, request), Bill(b, request));
  EXPECT_EQ(crossover.kind, Crossover::Kind::unbounded);
  EXPECT_FALSE(crossover.tokens_per_day);
  EXPECT_FALSE(crossover.ci95);
}

TEST(Crossover, AlikeIsNotDistinguishable) {
  EXPECT_EQ(crossover_of(bill(0.1, 2, 0.05), bill(0.1, 2, 0.04)).kind, Crossover::Kind::not_distinguishable);
}

TEST(Crossover, BeyondWhatTheSlowerServesIsNone) {
  // Lines cross at 614,400; B serves 300,000 only when it is six times as slow.
  const auto crossover = crossover_of(bill(0.5, 1), bill(0.0, 2.0 / 6, 0.001, 1.0 / 6));
  EXPECT_FALSE(crossover.tokens_per_day);
  EXPECT_EQ(crossover.kind, Crossover::Kind::b_at_every_load);
}

TEST(Crossover, UnknownWithoutTwoRepeats) {
  const std::vector repeats = {repeat(0, 0.1, 2)};
  EXPECT_EQ(crossover_of(Bill(repeats, kRequest), bill(0.1, 2)).kind, Crossover::Kind::unknown);
  EXPECT_EQ(crossover_of(Bill(), bill(0.1, 2)).kind, Crossover::Kind::unknown);
}

// Raw figures with noise of their own and a common part per block; the true crossing is 614,400.
TEST(Crossover, CoverageFromNoisyMeasurements) {
  constexpr int kExperiments = 4000;
  Random random(2024);
  int covered = 0, found = 0;
  for (int i = 0; i < kExperiments; ++i) {
    std::vector<RepeatCost> a, b;
    for (int index = 0; index < 6; ++index) {
      const double block = 0.01 * test::normal(random);
      const auto noisy = [&](double value) { return value * (1 + block + 0.02 * test::normal(random)); };
      a.push_back(repeat(index, noisy(0.5), noisy(1)));
      b.push_back(repeat(index, 0, noisy(2)));
    }
    const auto crossover = crossover_of(Bill(a, kRequest), Bill(b, kRequest));
    if (!crossover.ci95) continue;
    ++found, covered += crossover.ci95->contains(614'400);
  }
  EXPECT_GT(found, kExperiments * 99 / 100);
  const double coverage = static_cast<double>(covered) / found;
  EXPECT_GT(coverage, 0.94);
  EXPECT_LT(coverage, 0.96);
}

}  // namespace
}  // namespace nw::cost
