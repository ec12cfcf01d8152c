// Quantiles, and the refusal to give one from too few values.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace nw::stats {

// Below these numbers of values a quantile is mostly the luck of its last few: p99 of 50 values is their maximum.
inline constexpr std::size_t kMedianMin = 3;
inline constexpr std::size_t kP90Min = 20;
inline constexpr std::size_t kP99Min = 100;

struct Quantiles {
  std::optional<double> p50, p90, p99;  // none: too few values
  std::size_t n = 0;
};

// In the unit of the values, which must be finite and may come in any order. O(n log n), copies them.
[[nodiscard]] Quantiles quantiles_of(std::span<const double> values);

// The q quantile (0 ≤ q ≤ 1) of ascending values, at least one: linear between the two neighbours of q (n − 1), as
// most tools print it (type 7 of Hyndman and Fan 1996).
[[nodiscard]] double quantile_of_sorted(std::span<const double> ascending, double q);

}  // namespace nw::stats
