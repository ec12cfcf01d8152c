#include "stats/sequential.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "unit/stats/normal.h"

namespace nw::stats {
namespace {

std::vector<Repeat> side(const std::vector<double>& values) {
  std::vector<Repeat> repeats;
  for (const double value : values) repeats.push_back({static_cast<int>(repeats.size()), value});
  return repeats;
}

TEST(Sequential, HalfWidthIsOnTheLogarithm) {
  Ratio ratio;
  ratio.ci95 = Interval{std::exp(-0.03), std::exp(0.01)};
  EXPECT_NEAR(*log_half_width(ratio), 0.02, 1e-12);
  EXPECT_FALSE(log_half_width(Ratio{}));
}

TEST(Sequential, NeverStopsBeforeTheEighthRepeat) {
  for (std::size_t n = 1; n <= 10; ++n) {
    const auto ratio = ratio_of(side(std::vector(n, 10.0)), side(std::vector(n, 5.0)));
    EXPECT_EQ(may_stop(*ratio, 0.02), n >= kSequentialMin) << n;
  }
}

TEST(Sequential, DoesNotStopAboveTheTarget) {
  Ratio ratio;
  ratio.n = 12;
  ratio.ci95 = Interval{std::exp(-0.0201), std::exp(0.0201)};
  EXPECT_FALSE(may_stop(ratio, 0.02));
  EXPECT_TRUE(may_stop(ratio, 0.0202));
}

TEST(Sequential, SaysHowManyRepeatsItWouldTake) {
  Random random(31);
  const auto ratio = ratio_of(side(test::normals(random, 10, 100, 3)), side(test::normals(random, 10, 100, 3)));
  const auto half = log_half_width(*ratio);
  EXPECT_EQ(repeats_needed(*ratio, *half * 1.0001), 10U) << "what was reached takes what it took";
  // Half the width takes four times as many, less what the smaller t of more repeats saves: 40 (2.04 / 2.26)².
  EXPECT_EQ(repeats_needed(*ratio, *half / 2), 33U);
  EXPECT_EQ(repeats_needed(*ratio, 10), kSequentialMin);
  EXPECT_EQ(repeats_needed(*ratio, 1e-9), 10'000U);
  EXPECT_FALSE(repeats_needed(Ratio{}, 0.02));
}

// Stops as soon as the half-width is at the target, looking from `first_look` on, at most at 40. A spread of 3 %.
double coverage_of_stopping(std::size_t first_look, int experiments) {
  Random random(first_look);
  int covered = 0;
  for (int i = 0; i < experiments; ++i) {
    std::vector<double> logs;
    while (true) {
      logs.push_back(0.03 * test::normal(random));
      if (logs.size() < first_look) continue;
      const auto mean = mean_of(logs);
      if (mean->ci95->half_width() > 0.02 && logs.size() < 40) continue;
      covered += mean->ci95->contains(0);
      break;
    }
  }
  return static_cast<double>(covered) / experiments;
}

// The figures that the header gives as the reason for kSequentialMin.
TEST(Sequential, LookingEarlyLosesCoverage) {
  EXPECT_NEAR(coverage_of_stopping(3, 10'000), 0.905, 0.012);
  EXPECT_GT(coverage_of_stopping(kSequentialMin, 10'000), 0.935);
}

}  // namespace
}  // namespace nw::stats
