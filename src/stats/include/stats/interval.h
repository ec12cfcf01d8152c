// A mean and how sure we are of it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace nw::stats {

// Both ends belong to it.
struct Interval {
  double lo = 0;
  double hi = 0;
  [[nodiscard]] bool contains(double x) const { return lo <= x && x <= hi; }
  [[nodiscard]] double half_width() const { return (hi - lo) / 2; }
  bool operator==(const Interval&) const = default;
};

// The mean of n independent values (restarts, not requests) in their unit.
struct Mean {
  double mean = 0;
  std::optional<Interval> ci95;  // Student's t; none from one value
  std::optional<double> sd;      // sample standard deviation (n − 1); none from one value
  std::size_t n = 0;
  // The 95 % are doubtful. Set here when the values are visibly skewed (see mean_of); a caller sets it when the values
  // are not independent (repeats without a restart between them).
  bool approximate = false;
};

// nullopt for no values. Skewed: |G1|, the adjusted Fisher-Pearson skewness, above twice its standard error on normal
// samples, sqrt(6n(n−1) / ((n−2)(n+1)(n+3))); below five values no sample can show it. Values must be finite.
[[nodiscard]] std::optional<Mean> mean_of(std::span<const double> values);

// The same for a quantity that cannot be negative: the interval is cut at 0, which takes nothing from its coverage.
[[nodiscard]] std::optional<Mean> mean_of_non_negative(std::span<const double> values);

// The point below which a share p (0 < p < 1) of Student's t distribution lies; dof > 0, not necessarily whole.
[[nodiscard]] double t_quantile(double p, double dof);

// The chance that |T| is at least |t|, T of Student's t distribution: the two-sided p-value. 0 for an infinite t.
[[nodiscard]] double t_p_value(double t, double dof);

// t_quantile(0.975, dof): what a standard error is multiplied by for a two-sided 95 % interval.
[[nodiscard]] double t95(double dof);

}  // namespace nw::stats
