#include "stats/sequential.h"

#include <cmath>

namespace nw::stats {

std::optional<double> log_half_width(const Ratio& ratio) {
  if (!ratio.ci95) return std::nullopt;
  return (std::log(ratio.ci95->hi) - std::log(ratio.ci95->lo)) / 2;
}

bool may_stop(const Ratio& ratio, double target) {
  const auto half = log_half_width(ratio);
  return half && ratio.n >= kSequentialMin && *half <= target;
}

std::optional<std::size_t> repeats_needed(const Ratio& ratio, double target) {
  constexpr std::size_t kMost = 10'000;
  const auto half = log_half_width(ratio);
  if (!half || ratio.n < 2) return std::nullopt;
  // Degrees of freedom: n − 1 of pairs, about 2 (n − 1) of two sides.
  const double sides = ratio.paired ? 1 : 2;
  const auto dof = [&](std::size_t n) { return sides * static_cast<double>(n - 1); };
  const double spread = *half * std::sqrt(static_cast<double>(ratio.n)) / t95(dof(ratio.n));
  const auto reached = [&](std::size_t n) {
    return t95(dof(n)) * spread / std::sqrt(static_cast<double>(n)) <= target;
  };
  if (!reached(kMost)) return kMost;
  std::size_t low = kSequentialMin - 1, high = kMost;  // `high` reaches it
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (reached(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace nw::stats
