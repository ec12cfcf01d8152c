#include "stats/quantile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"

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

}  // namespace
}  // namespace nw::stats
