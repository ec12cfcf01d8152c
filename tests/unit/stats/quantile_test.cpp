#include "stats/quantile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "unit/stats/normal.h"

namespace nw::stats {
namespace {

std::vector<double> first_numbers(std::size_t n) {
  std::vector<double> values;
  for (std::size_t i = 1; i <= n; ++i) values.push_back(static_cast<double>(i));
  Random(9).shuffle(values);
  return values;
}

TEST(Quantile, RefusesFromTooFew) {
  EXPECT_FALSE(quantiles_of({}).p50);
  EXPECT_FALSE(quantiles_of(first_numbers(2)).p50);
  EXPECT_TRUE(quantiles_of(first_numbers(3)).p50);
  EXPECT_FALSE(quantiles_of(first_numbers(19)).p90);
  EXPECT_TRUE(quantiles_of(first_numbers(20)).p90);
  EXPECT_FALSE(quantiles_of(first_numbers(99)).p99);
  EXPECT_TRUE(quantiles_of(first_numbers(100)).p99);
  EXPECT_EQ(quantiles_of(first_numbers(99)).n, 99U);
}

TEST(Quantile, KnownValues) {
  const auto quantiles = quantiles_of(first_numbers(101));
  EXPECT_DOUBLE_EQ(*quantiles.p50, 51);
  EXPECT_DOUBLE_EQ(*quantiles.p90, 91);
  EXPECT_DOUBLE_EQ(*quantiles.p99, 100);
  EXPECT_DOUBLE_EQ(quantile_of_sorted(std::vector{1.0, 2.0}, 0.25), 1.25);
  EXPECT_DOUBLE_EQ(quantile_of_sorted(std::vector{7.0}, 0.99), 7);
  EXPECT_DOUBLE_EQ(quantile_of_sorted(std::vector{1.0, 2.0, 3.0}, 1), 3);
}

TEST(Quantile, IsMonotoneAndWithinTheSample) {
  Random random(4);
  for (int round = 0; round < 100; ++round) {
    std::vector<double> values(1 + random.below(200));
    for (double& value : values) value = random.unit();
    std::sort(values.begin(), values.end());
    double before = values.front();
    for (double q = 0; q <= 1.0; q += 0.05) {
      const double at = quantile_of_sorted(values, q);
      EXPECT_GE(at, before);
      EXPECT_LE(at, values.back());
      before = at;
    }
  }
}

TEST(QuantilesOver, AreTheMeansOfTheGroups) {
  const std::vector<std::vector<double>> groups = {{1, 2, 3}, {2, 3, 4}, {3, 4, 8}, {100}};
  const auto quantiles = quantiles_over(groups);
  EXPECT_EQ(quantiles.n, 10U);
  EXPECT_DOUBLE_EQ(*quantiles.p50, 3) << "2, 3 and 4; one value alone is no group";
  ASSERT_TRUE(quantiles.p50_ci95);
  EXPECT_NEAR(quantiles.p50_ci95->hi, 3 + 2.48414, 1e-4);
  EXPECT_FALSE(quantiles.p90) << "ten values are too few";
}

TEST(QuantilesOver, OneGroupHasNoInterval) {
  const std::vector<std::vector<double>> groups = {first_numbers(101)};
  const auto quantiles = quantiles_over(groups);
  EXPECT_DOUBLE_EQ(*quantiles.p99, 100);
  EXPECT_FALSE(quantiles.p99_ci95);
  EXPECT_EQ(quantiles_over({}).n, 0U);
}

// What the requests of a restart have in common is in the interval: over restarts it covers, over requests it would
// not.
TEST(QuantilesOver, CoverageWithWhatRestartsHaveInCommon) {
  constexpr int kExperiments = 4000;
  Random random(8);
  int covered = 0, covered_alone = 0;
  for (int i = 0; i < kExperiments; ++i) {
    std::vector<std::vector<double>> groups;
    std::vector<double> all;
    for (int k = 0; k < 8; ++k) {
      groups.push_back(test::normals(random, 30, 100 + 3 * test::normal(random), 5));
      all.insert(all.end(), groups.back().begin(), groups.back().end());
    }
    covered += quantiles_over(groups).p50_ci95->contains(100);
    std::sort(all.begin(), all.end());
    covered_alone += quantile_estimate(all, 0.5).ci95->contains(100);
  }
  EXPECT_NEAR(covered, 0.95 * kExperiments, 0.012 * kExperiments);
  EXPECT_LT(covered_alone, 0.6 * kExperiments);
}

// Hettmansperger and Sheather's interval of a median of the numbers 1 … 10 lies between the second and third from
// either end: P(B ≤ 1) = 0.0107 and P(B ≤ 2) = 0.0547 enclose 0.025.
TEST(QuantileEstimate, OfAMedian) {
  std::vector<double> values;
  for (int i = 1; i <= 10; ++i) values.push_back(i);
  const auto median = quantile_estimate(values, 0.5);
  EXPECT_DOUBLE_EQ(median.value, 5.5);
  ASSERT_TRUE(median.ci95);
  EXPECT_GT(median.ci95->lo, 2);
  EXPECT_LT(median.ci95->lo, 3);
  EXPECT_NEAR(median.ci95->lo + median.ci95->hi, 11, 1e-12) << "symmetric values, symmetric interval";
}

TEST(QuantileEstimate, SaysNothingFromTooFew) {
  const auto has = [](std::size_t n, double q) {
    std::vector<double> values(n);
    std::iota(values.begin(), values.end(), 0);
    return quantile_estimate(values, q).ci95.has_value();
  };
  EXPECT_FALSE(has(1, 0.5));
  EXPECT_FALSE(has(5, 0.5));
  EXPECT_TRUE(has(6, 0.5));
  EXPECT_FALSE(has(35, 0.9));
  EXPECT_TRUE(has(36, 0.9));
  EXPECT_FALSE(has(367, 0.99));
  EXPECT_TRUE(has(368, 0.99));
}

double coverage(std::size_t n, double q, double truth, bool skewed) {
  constexpr int kExperiments = 10'000;
  Random random(n + static_cast<std::uint64_t>(1000 * q));
  int covered = 0;
  for (int i = 0; i < kExperiments; ++i) {
    auto values = test::normals(random, n, 0, 1);
    if (skewed) {
      for (double& value : values) value = std::exp(value);
    }
    std::sort(values.begin(), values.end());
    covered += quantile_estimate(values, q).ci95->contains(truth);
  }
  return static_cast<double>(covered) / kExperiments;
}

// Latencies are skewed, so the lognormal counts as much as the normal.
TEST(QuantileEstimate, Coverage) {
  constexpr double kP90 = 1.2815515655446004, kP99 = 2.3263478740408408;  // of the standard normal
  struct Case {
    std::size_t n;
    double q, z;
  };
  for (const Case& one : {Case{6, 0.5, 0}, Case{8, 0.5, 0}, Case{12, 0.5, 0}, Case{40, 0.5, 0}, Case{200, 0.5, 0},
                          Case{40, 0.9, kP90}, Case{200, 0.9, kP90}, Case{400, 0.99, kP99}}) {
    const double normal = coverage(one.n, one.q, one.z, false);
    const double skewed = coverage(one.n, one.q, std::exp(one.z), true);
    std::printf("quantile %.2f of %3zu: coverage %.3f on normal, %.3f on lognormal samples\n", one.q, one.n, normal,
                skewed);
    EXPECT_GT(normal, 0.94) << one.n << " " << one.q;
    EXPECT_LT(normal, 0.97) << one.n << " " << one.q;
    EXPECT_GT(skewed, 0.93) << one.n << " " << one.q;
  }
}

}  // namespace
}  // namespace nw::stats
