#include "stats/quantile.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nw::stats {
namespace {

// P(B ≤ k) for k = 0 … n, B binomial (n, p). Summed from the logarithms of its terms, which do not underflow.
std::vector<double> binomial_cdf(std::size_t n, double p) {
  std::vector<double> cdf(n + 1);
  const double size = static_cast<double>(n);
  double sum = 0;
  for (std::size_t k = 0; k <= n; ++k) {
    const double hits = static_cast<double>(k);
    sum += std::exp(std::lgamma(size + 1) - std::lgamma(hits + 1) - std::lgamma(size - hits + 1) + hits * std::log(p) +
                    (size - hits) * std::log1p(-p));
    cdf[k] = std::min(sum, 1.0);
  }
  return cdf;
}

// The point that lies above the quantile p with a chance of 0.975. `at(r)` is the r-th value from below, r = 1 … n.
template <class At>
std::optional<double> upper_limit(std::size_t n, double p, At at) {
  constexpr double kGamma = 0.975;
  // P(quantile ≤ X(r)) = P(fewer than r values lie below it).
  const auto cdf = binomial_cdf(n, p);
  std::size_t r = 1;
  while (r <= n && cdf[r - 1] <= kGamma) ++r;  // the first order statistic that is above it often enough
  if (r > n) return std::nullopt;
  if (r == 1) return at(1);
  const std::size_t below = r - 1;
  const double share = (kGamma - cdf[below - 1]) / (cdf[r - 1] - cdf[below - 1]);
  const double left = static_cast<double>(below), size = static_cast<double>(n);
  const double weight = 1 / (1 + left * (1 - p) * (1 - share) / ((size - left) * p * share));
  return share <= 0 ? at(below) : at(below) + weight * (at(r) - at(below));
}

}  // namespace

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

Quantiles quantiles_over(std::span<const std::vector<double>> groups) {
  std::vector<double> all;
  std::vector<double> p50, p90, p99;
  for (const auto& group : groups) {
    all.insert(all.end(), group.begin(), group.end());
    const auto own = quantiles_of(group);
    if (own.p50) p50.push_back(*own.p50);
    if (own.p90) p90.push_back(*own.p90);
    if (own.p99) p99.push_back(*own.p99);
  }
  Quantiles result = quantiles_of(all);
  const auto settle = [](const std::vector<double>& own, std::optional<double>& value, std::optional<Interval>& ci95) {
    if (own.size() < 2) return;
    const auto mean = mean_of_non_negative(own);
    value = mean->mean;
    ci95 = mean->ci95;
  };
  settle(p50, result.p50, result.p50_ci95);
  settle(p90, result.p90, result.p90_ci95);
  settle(p99, result.p99, result.p99_ci95);
  return result;
}

QuantileEstimate quantile_estimate(std::span<const double> ascending, double q) {
  QuantileEstimate result{quantile_of_sorted(ascending, q), std::nullopt};
  const std::size_t n = ascending.size();
  const auto hi = upper_limit(n, q, [&](std::size_t r) { return ascending[r - 1]; });
  const auto lo = upper_limit(n, 1 - q, [&](std::size_t r) { return -ascending[n - r]; });
  if (hi && lo) result.ci95 = Interval{-*lo, *hi};
  return result;
}

}  // namespace nw::stats
