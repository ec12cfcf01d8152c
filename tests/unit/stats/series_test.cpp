#include "stats/series.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "unit/stats/normal.h"

namespace nw::stats {
namespace {

constexpr int kExperiments = 10'000;

// First-order autoregressive: each value keeps `rho` of its predecessor's deviation; standard deviation `sd`.
std::vector<double> resembling(Random& random, std::size_t n, double rho, double mean, double sd) {
  std::vector<double> values(n);
  double deviation = sd * test::normal(random);
  for (double& value : values) {
    value = mean + deviation;
    deviation = rho * deviation + sd * std::sqrt(1 - rho * rho) * test::normal(random);
  }
  return values;
}

struct Coverage {
  double covered = 0, marked = 0;
};
template <class Make>
Coverage coverage_of(double truth, Make make) {
  int covered = 0, marked = 0;
  for (int i = 0; i < kExperiments; ++i) {
    const std::vector<double> series = make();
    const auto result = batch_mean(series);
    covered += result->mean.ci95->contains(truth);
    marked += result->mean.approximate;
  }
  return {static_cast<double>(covered) / kExperiments, static_cast<double>(marked) / kExperiments};
}

TEST(Autocorrelation, IsNearItsTruth) {
  Random random(1);
  for (const double rho : {-0.4, 0.0, 0.5, 0.8}) {
    double sum = 0;
    constexpr int kSeries = 400;
    for (int i = 0; i < kSeries; ++i) sum += *autocorrelation(resembling(random, 100, rho, 5, 1));
    EXPECT_NEAR(sum / kSeries, rho, 0.02) << rho;
  }
}

TEST(Autocorrelation, NeedsFourValuesAndSomeSpread) {
  EXPECT_FALSE(autocorrelation(std::vector{1.0, 2.0, 3.0}));
  EXPECT_FALSE(autocorrelation(std::vector(10, 4.0)));
}

TEST(BatchMean, OfIndependentValuesIsMostlyTheirMean) {
  Random random(2);
  int single = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto values = test::normals(random, 100, 10, 1);
    const auto result = batch_mean(values);
    single += result->batch == 1;
    EXPECT_NEAR(result->mean.mean, mean_of(values)->mean, 1e-12);
  }
  EXPECT_GT(single, 800);
}

TEST(BatchMean, CountsWhatItsValuesAreWorth) {
  Random random(3);
  double sum = 0;
  constexpr int kSeries = 300;
  for (int i = 0; i < kSeries; ++i) sum += batch_mean(resembling(random, 1000, 0.5, 10, 1))->independent_n;
  EXPECT_NEAR(sum / kSeries, 1000.0 / 3, 70) << "(1 − ρ) / (1 + ρ) of them";
}

TEST(BatchMean, FewValuesAreMarked) {
  Random random(4);
  int marked = 0;
  for (int i = 0; i < 200; ++i) marked += batch_mean(resembling(random, 15, 0.9, 10, 1))->mean.approximate;
  EXPECT_GT(marked, 150);
  EXPECT_FALSE(batch_mean({}));
  EXPECT_TRUE(batch_mean(std::vector{1.0})->mean.approximate);
}

// Prints the coverage of stated 95 % intervals; where it falls below 93 %, most intervals must say that they are
// approximate.
TEST(BatchMean, CoverageIsKeptOrMarked) {
  for (const std::size_t n : {20U, 50U, 200U}) {
    for (const double rho : {0.0, 0.3, 0.5, 0.8}) {
      Random random(1000 * n + static_cast<std::uint64_t>(10 * rho));
      const auto seen = coverage_of(10, [&] { return resembling(random, n, rho, 10, 1); });
      std::printf("batch means, n = %3zu, autocorrelation %.1f: coverage %.3f, marked %.3f\n", n, rho, seen.covered,
                  seen.marked);
      if (rho == 0) {
        EXPECT_GT(seen.covered, 0.93) << n;
      }
      if (seen.covered < 0.93) {
        EXPECT_GT(seen.marked, 0.9) << n << " " << rho;
      }
    }
  }
}

TEST(Drift, LineIsExact) {
  const auto drift = drift_of(std::vector{1.0, 2.0, 3.0, 4.0, 5.0});
  ASSERT_TRUE(drift);
  EXPECT_NEAR(drift->change, 4.0 / 3, 1e-12);
  EXPECT_TRUE(drift->found);
  EXPECT_FALSE(drift_of(std::vector{1.0, 2.0, 3.0, 4.0}));
  EXPECT_FALSE(drift_of(std::vector{-2.0, -1.0, 0.0, 1.0, 2.0}));
}

TEST(Drift, IsRarelySeenWhereThereIsNoneAndCoversItsTruth) {
  for (const std::size_t n : {5U, 8U, 12U, 30U}) {
    Random random(n);
    int found = 0, covered = 0;
    for (int i = 0; i < kExperiments; ++i) {
      const auto drift = drift_of(test::normals(random, n, 100, 3));
      found += drift->found;
      covered += drift->ci95.contains(0);
    }
    EXPECT_LT(found, 0.015 * kExperiments) << n;
    EXPECT_NEAR(covered, 0.95 * kExperiments, 0.01 * kExperiments) << n;
  }
}

// 10 % over a run of 12 at a spread of 2 %: what a machine that heats up does.
TEST(Drift, IsSeenWhereItMatters) {
  Random random(6);
  int found = 0;
  for (int i = 0; i < kExperiments; ++i) {
    auto values = test::normals(random, 12, 100, 2);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] *= 1 - 0.1 * static_cast<double>(k) / 11;
    found += drift_of(values)->found;
  }
  EXPECT_GT(found, 0.9 * kExperiments);
}

}  // namespace
}  // namespace nw::stats
