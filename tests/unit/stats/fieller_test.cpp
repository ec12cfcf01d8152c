#include "stats/fieller.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "stats/ratio.h"
#include "unit/stats/normal.h"

namespace nw::stats {
namespace {

struct Truth {
  double level_a = 10, slope_a = 1, level_b = 2, slope_b = 3;  // they cross at 4
  double level_sd = 0.5, slope_sd = 0.2, common_sd = 0.3;
  double coupling = 0.6;  // slope per level: a repeat that idles high is steep as well
};

struct Sides {
  std::vector<Line> a, b;
};

Sides draw(Random& random, std::size_t n, const Truth& truth, int index_of_b = 0) {
  Sides sides;
  for (std::size_t i = 0; i < n; ++i) {
    const double common = truth.common_sd * test::normal(random);
    const double off_a = common + truth.level_sd * test::normal(random);
    const double off_b = common + truth.level_sd * test::normal(random);
    const double slope_a = truth.slope_a + truth.coupling * off_a + truth.slope_sd * test::normal(random);
    const double slope_b = truth.slope_b + truth.coupling * off_b + truth.slope_sd * test::normal(random);
    const int index = static_cast<int>(i);
    sides.a.push_back({index, truth.level_a + off_a, slope_a});
    sides.b.push_back({index + index_of_b, truth.level_b + off_b, slope_b});
  }
  return sides;
}

std::vector<Repeat> at(const std::vector<Line>& lines, double x) {
  std::vector<Repeat> values;
  for (const Line& line : lines) values.push_back({line.index, line.level + line.slope * x});
  return values;
}

TEST(Crossing, ExactLines) {
  const std::vector<Line> a = {{0, 10, 1}, {1, 10, 1}}, b = {{0, 2, 3}, {1, 2, 3}};
  const auto crossing = crossing_of(a, b);
  ASSERT_TRUE(crossing && crossing->at && crossing->ci95);
  EXPECT_DOUBLE_EQ(*crossing->at, 4);
  EXPECT_NEAR(crossing->ci95->half_width(), 0, 1e-9);
}

TEST(Crossing, ParallelLinesNeverCross) {
  const std::vector<Line> a = {{0, 10, 1}, {1, 11, 1}}, b = {{0, 2, 1}, {1, 3, 1}};
  const auto crossing = crossing_of(a, b);
  ASSERT_TRUE(crossing);
  EXPECT_FALSE(crossing->at);
  EXPECT_FALSE(crossing->ci95);
}

TEST(Crossing, SlopesWithinNoiseHaveNoBoundedInterval) {
  const std::vector<Line> a = {{0, 10, 1.0}, {1, 10, 2.0}, {2, 10, 1.5}}, b = {{0, 2, 1.6}, {1, 2, 1.5}, {2, 2, 1.7}};
  const auto crossing = crossing_of(a, b);
  EXPECT_TRUE(crossing->at);
  EXPECT_FALSE(crossing->ci95);
}

TEST(Crossing, OneRepeatHasAPointOnly) {
  const std::vector<Line> a = {{0, 10, 1}}, b = {{0, 2, 3}};
  EXPECT_EQ(crossing_of(a, b)->at, 4);
  EXPECT_FALSE(crossing_of(a, b)->ci95);
  EXPECT_FALSE(crossing_of({}, b));
}

// The set is by construction where the paired difference is within noise.
TEST(Crossing, AgreesWithTheTestAtEveryX) {
  Random random(21);
  int compared = 0;
  for (int round = 0; round < 300; ++round) {
    const Sides sides = draw(random, 5, {});
    const auto crossing = crossing_of(sides.a, sides.b);
    if (!crossing->ci95) continue;
    for (double x = 0; x < 12; x += 0.37) {
      const bool within = !*difference_of(at(sides.a, x), at(sides.b, x))->beyond_noise();
      EXPECT_EQ(within, crossing->ci95->contains(x)) << x;
      ++compared;
    }
  }
  EXPECT_GT(compared, 5000);
}

TEST(Crossing, CoverageOfTheInterval) {
  constexpr int kExperiments = 10'000;
  for (const int index_of_b : {0, 1000}) {
    Random random(77);
    Truth truth;
    if (index_of_b != 0) truth.common_sd = 0;  // measured apart, nothing is shared
    int covered = 0, bounded = 0;
    for (int i = 0; i < kExperiments; ++i) {
      const Sides sides = draw(random, 6, truth, index_of_b);
      const auto crossing = crossing_of(sides.a, sides.b);
      if (!crossing->ci95) continue;
      ++bounded, covered += crossing->ci95->contains(4);
    }
    EXPECT_EQ(bounded, kExperiments) << "the slopes are far apart";
    const double coverage = static_cast<double>(covered) / bounded;
    EXPECT_GT(coverage, 0.94);
    EXPECT_LT(coverage, index_of_b == 0 ? 0.96 : 0.98) << "unpaired errs on the safe side";
  }
}

}  // namespace
}  // namespace nw::stats
