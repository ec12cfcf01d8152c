// Quantiles, and the refusal to give one from too few values.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "stats/interval.h"

namespace nw::stats {

// Below these numbers of values a quantile is mostly the luck of its last few: p99 of 50 values is their maximum.
inline constexpr std::size_t kMedianMin = 3;
inline constexpr std::size_t kP90Min = 20;
inline constexpr std::size_t kP99Min = 100;

struct Quantiles {
  std::optional<double> p50, p90, p99;  // none: too few values
  std::optional<Interval> p50_ci95, p90_ci95, p99_ci95;
  std::size_t n = 0;  // of values
};

// In the unit of the values, which must be finite and may come in any order. O(n log n), copies them.
[[nodiscard]] Quantiles quantiles_of(std::span<const double> values);

// Of values that come in groups which have something in common, such as the requests of one restart. A quantile is the
// mean of those of the groups that have enough values by themselves, its interval Student's t over these, cut at 0
// (latencies). Where fewer than two groups have enough, it is that of all values together, without an interval: the
// spread inside one group says nothing about the next.
[[nodiscard]] Quantiles quantiles_over(std::span<const std::vector<double>> groups);

// The q quantile (0 ≤ q ≤ 1) of ascending values, at least one: linear between the two neighbours of q (n − 1), as
// most tools print it (type 7 of Hyndman and Fan 1996).
[[nodiscard]] double quantile_of_sorted(std::span<const double> ascending, double q);

// A quantile of the population that the values were drawn from, with its 95 % interval. Nothing is assumed about the
// distribution: the chance that an order statistic lies below the quantile is binomial. Between two order statistics
// the limit is interpolated (Nyblom 1992, "Note on interpolated order statistics"; of the median Hettmansperger and
// Sheather 1986), because the steps of the binomial alone would cover up to 99 %. The values must be independent.
struct QuantileEstimate {
  double value = 0;
  std::optional<Interval> ci95;  // none from too few values: p50 needs 6, p90 36, p99 368
};

// `ascending` holds at least one value; 0 < q < 1. O(n).
[[nodiscard]] QuantileEstimate quantile_estimate(std::span<const double> ascending, double q);

}  // namespace nw::stats
