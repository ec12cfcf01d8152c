#include "stats/plateau.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "unit/stats/normal.h"

namespace nw::stats {
namespace {

// The definition, in the obvious way.
std::size_t by_definition(const std::vector<double>& series) {
  const std::size_t n = series.size();
  if (n <= kPlateauMin) return 0;
  std::size_t best = 0;
  double least = -1;
  for (std::size_t cut = 0; cut <= n / 2 && n - cut >= kPlateauMin; ++cut) {
    const double length = static_cast<double>(n - cut);
    const double mean = std::accumulate(series.begin() + static_cast<std::ptrdiff_t>(cut), series.end(), 0.0) / length;
    double squares = 0;
    for (std::size_t i = cut; i < n; ++i) squares += (series[i] - mean) * (series[i] - mean);
    const double error = squares / (length * length);
    if (least < 0 || error < least) least = error, best = cut;
  }
  return best;
}

TEST(Plateau, ShortAndConstantSeriesHaveNoWarmup) {
  EXPECT_EQ(warmup_length({}), 0U);
  EXPECT_EQ(warmup_length(std::vector{1.0, 100.0}), 0U);
  EXPECT_EQ(warmup_length(std::vector{1.0, 100.0, 100.0}), 0U);
  EXPECT_EQ(warmup_length(std::vector(20, 5.0)), 0U);
}

TEST(Plateau, CutsASlowBeginning) {
  EXPECT_EQ(warmup_length(std::vector{10.0, 50.0, 50.1, 49.9, 50.0, 50.05}), 1U);
  EXPECT_EQ(warmup_length(std::vector{10.0, 40.0, 50.0, 50.1, 49.9, 50.0, 50.05, 49.95}), 2U);
}

TEST(Plateau, NeverMoreThanHalf) {
  const std::vector rising = {1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 64.0};
  EXPECT_LE(warmup_length(rising), rising.size() / 2);
  EXPECT_LE(warmup_length(std::vector{1.0, 9.0, 9.0, 9.0}), 1U);
}

TEST(Plateau, AgreesWithItsDefinition) {
  Random random(5);
  for (int round = 0; round < 500; ++round) {
    auto series = test::normals(random, 4 + static_cast<std::size_t>(round) % 40, 100, 2);
    const std::size_t warmup = random.below(series.size());
    for (std::size_t i = 0; i < warmup; ++i) series[i] -= 50.0 * static_cast<double>(warmup - i);
    EXPECT_EQ(warmup_length(series), by_definition(series)) << "round " << round;
  }
}

TEST(Plateau, FindsAKnownTransientInNoise) {
  Random random(6);
  int exact = 0;
  for (int round = 0; round < 300; ++round) {
    auto series = test::normals(random, 24, 100, 1);
    for (std::size_t i = 0; i < 6; ++i) series[i] -= 30 * std::exp(-static_cast<double>(i) / 4);
    const std::size_t cut = warmup_length(series);
    EXPECT_GE(cut, 4U);
    exact += cut >= 6 && cut <= 12;
  }
  EXPECT_GT(exact, 240);
}

}  // namespace
}  // namespace nw::stats
