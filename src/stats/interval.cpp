// Student's t comes from Boost.Math, in this one file: its headers are heavy and throw, neither of which is to spread.
// Sums are made around the mean (two passes), so that a large level does not swallow a small spread.
#include "stats/interval.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace nw::stats {
namespace {

bool looks_skewed(std::span<const double> values, double mean, double sd) {
  const double n = static_cast<double>(values.size());
  if (values.size() < 5 || sd <= 0) return false;
  double cubes = 0;
  for (const double value : values) {
    const double z = (value - mean) / sd;
    cubes += z * z * z;
  }
  const double skewness = cubes * n / ((n - 1) * (n - 2));
  const double error = std::sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)));
  return std::abs(skewness) > 2 * error;
}

}  // namespace

double t_quantile(double p, double dof) { return boost::math::quantile(boost::math::students_t(dof), p); }

double t_p_value(double t, double dof) {
  if (std::isinf(t)) return 0;
  return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(dof), std::abs(t)));
}

double t95(double dof) { return t_quantile(0.975, dof); }

std::optional<Mean> mean_of(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  const double n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  Mean result;
  result.mean = sum / n;
  result.n = values.size();
  if (values.size() == 1) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  const double sd = std::sqrt(squares / (n - 1));
  const double half = t95(n - 1) * sd / std::sqrt(n);
  result.sd = sd;
  result.ci95 = Interval{result.mean - half, result.mean + half};
  result.approximate = looks_skewed(values, result.mean, sd);
  return result;
}

std::optional<Mean> mean_of_non_negative(std::span<const double> values) {
  auto result = mean_of(values);
  if (result && result->ci95) result->ci95->lo = std::max(0.0, result->ci95->lo);
  return result;
}

}  // namespace nw::stats
