#include "stats/ratio.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "unit/stats/normal.h"

namespace nw::stats {
namespace {

std::vector<Repeat> side(std::vector<double> values, int first_index = 0) {
  std::vector<Repeat> repeats;
  for (const double value : values) repeats.push_back({first_index++, value});
  return repeats;
}

TEST(Ratio, NothingToCompare) {
  EXPECT_FALSE(ratio_of({}, side({1})));
  EXPECT_FALSE(ratio_of(side({1}), {}));
  EXPECT_FALSE(ratio_of(side({1, 0}), side({1, 1})));
  EXPECT_FALSE(ratio_of(side({1, -1}), side({1, 1})));
  EXPECT_FALSE(ratio_of(side({1, std::nan("")}), side({1, 1})));
}

TEST(Ratio, OneRepeatHasNoInterval) {
  const auto ratio = ratio_of(side({4}), side({2}));
  ASSERT_TRUE(ratio);
  EXPECT_DOUBLE_EQ(ratio->ratio, 2);
  EXPECT_FALSE(ratio->ci95);
  EXPECT_FALSE(ratio->beyond_noise());
}

TEST(Ratio, PairedByIndexTakesOutWhatBothShare) {
  // The machine gets slower from block to block, the ratio stays near 2.
  const auto ratio = ratio_of(side({200, 100, 50, 25}), side({100.1, 49.9, 25.05, 12.49}));
  ASSERT_TRUE(ratio && ratio->ci95);
  EXPECT_TRUE(ratio->paired);
  EXPECT_EQ(ratio->n, 4U);
  EXPECT_NEAR(ratio->ratio, 2, 0.01);
  EXPECT_LT(ratio->ci95->half_width(), 0.02);
  EXPECT_EQ(ratio->beyond_noise(), true);
}

TEST(Ratio, PairsByIndexAndNotByPlace) {
  const std::vector<Repeat> a = {{2, 50}, {0, 200}, {1, 100}};
  const auto ratio = ratio_of(a, side({100, 50, 25}));
  EXPECT_NEAR(ratio->ratio, 2, 1e-12);
  EXPECT_LT(ratio->ci95->half_width(), 1e-9);
}

TEST(Ratio, WithoutCommonIndicesWelch) {
  const auto ratio = ratio_of(side({10, 11, 12}), side({10, 11, 12}, 50));
  ASSERT_TRUE(ratio && ratio->ci95);
  EXPECT_FALSE(ratio->paired);
  EXPECT_NEAR(ratio->ratio, 1, 1e-12);
  EXPECT_EQ(ratio->beyond_noise(), false);
}

TEST(Ratio, TooFewCommonIndicesAreNotPaired) {
  // Two common of five: what is unpaired would be thrown away.
  const auto ratio = ratio_of(side({1, 1, 1, 1, 2}), side({1, 2, 1, 1, 1}, 3));
  EXPECT_FALSE(ratio->paired);
  EXPECT_EQ(ratio->n, 5U);
}

TEST(Ratio, SwappedSidesGiveTheReciprocal) {
  Random random(3);
  for (int i = 0; i < 200; ++i) {
    const auto a = side(test::normals(random, 5, 100, 3));
    const auto b = side(test::normals(random, 5, 80, 3), i % 2 == 0 ? 0 : 10);
    const auto ab = ratio_of(a, b), ba = ratio_of(b, a);
    EXPECT_NEAR(ab->ratio * ba->ratio, 1, 1e-12);
    EXPECT_NEAR(ab->ci95->lo * ba->ci95->hi, 1, 1e-12);
    EXPECT_EQ(ab->beyond_noise(), ba->beyond_noise());
  }
}

TEST(Difference, KnownWelchExample) {
  // Variances of the means 1/3 and 4/3; Satterthwaite's degrees of freedom 2.941.
  const auto difference = difference_of(side({1, 2, 3}), side({10, 12, 14}, 9));
  ASSERT_TRUE(difference && difference->ci95);
  EXPECT_NEAR(difference->difference, -10, 1e-12);
  const double dof = std::pow(5.0 / 3, 2) / (std::pow(1.0 / 3, 2) / 2 + std::pow(4.0 / 3, 2) / 2);
  EXPECT_NEAR(dof, 2.941, 0.001);
  EXPECT_NEAR(difference->ci95->half_width(), t95(dof) * std::sqrt(5.0 / 3), 1e-9);
}

TEST(Difference, WithoutAnySpreadThePointItself) {
  const auto same = difference_of(side({0, 0, 0}), side({0, 0, 0}));
  EXPECT_EQ(same->beyond_noise(), false);
  const auto other = difference_of(side({1, 1}), side({0, 0}, 7));
  EXPECT_EQ(other->beyond_noise(), true);
}

struct Coverage {
  int paired = 0, welch = 0;
};

// True ratio 1.25; a common factor a block of 5 %, own noise of 3 % and 2 %.
Coverage simulate(std::size_t n, int experiments) {
  Random random(1000 + n);
  Coverage coverage;
  for (int i = 0; i < experiments; ++i) {
    std::vector<double> a, b, apart;
    for (std::size_t k = 0; k < n; ++k) {
      const double block = 0.05 * test::normal(random);
      a.push_back(std::exp(block + 0.03 * test::normal(random)) * 1.25);
      b.push_back(std::exp(block + 0.02 * test::normal(random)));
      apart.push_back(std::exp(0.02 * test::normal(random)));
    }
    std::vector<double> alone;
    for (std::size_t k = 0; k < n; ++k) alone.push_back(std::exp(0.03 * test::normal(random)) * 1.25);
    coverage.paired += ratio_of(side(a), side(b))->ci95->contains(1.25);
    coverage.welch += ratio_of(side(alone), side(apart, 100))->ci95->contains(1.25);
  }
  return coverage;
}

TEST(Ratio, CoverageOfPairedAndUnpairedIntervals) {
  constexpr int kExperiments = 10'000;
  for (const std::size_t n : {3U, 8U, 12U}) {
    const Coverage coverage = simulate(n, kExperiments);
    const double paired = static_cast<double>(coverage.paired) / kExperiments;
    const double welch = static_cast<double>(coverage.welch) / kExperiments;
    EXPECT_GT(paired, 0.94) << "n = " << n;
    EXPECT_LT(paired, 0.96) << "n = " << n;
    // Welch's approximation errs on the safe side for the smallest samples.
    EXPECT_GT(welch, 0.94) << "n = " << n;
    EXPECT_LT(welch, n < 5 ? 0.975 : 0.96) << "n = " << n;
  }
}

}  // namespace
}  // namespace nw::stats
