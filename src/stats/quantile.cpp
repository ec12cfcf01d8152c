#include "stats/quantile.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nw::stats {

double quantile_of_sorted(std::span<const double> ascending, double q) {
  const double place = q * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  const double share = place - static_cast<double>(below);
  return ascending[below] + share * (ascending[above] - ascending[below]);
}

Quantiles quantiles_of(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  Quantiles result;
  result.n = sorted.size();
  if (sorted.size() >= kMedianMin) result.p50 = quantile_of_sorted(sorted, 0.5);
  if (sorted.size() >= kP90Min) result.p90 = quantile_of_sorted(sorted, 0.9);
  if (sorted.size() >= kP99Min) result.p99 = quantile_of_sorted(sorted, 0.99);
  return result;
}

}  // namespace nw::stats
