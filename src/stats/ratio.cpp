// One comparison serves both: a ratio is a difference of logarithms.
#include "stats/ratio.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pairing.h"

namespace nw::stats {
namespace {

struct Moments {
  double mean = 0;
  double error2 = 0;  // squared standard error of the mean
  double dof = 0;
};

Moments moments_of(std::span<const Repeat> side) {
  std::vector<double> values;
  for (const Repeat& repeat : side) values.push_back(repeat.value);
  const auto mean = mean_of(values);
  const double n = static_cast<double>(side.size());
  const double sd = mean->sd.value_or(0);
  return {mean->mean, sd * sd / n, n - 1};
}

// Of a difference with this standard error. Without any spread equal is equal, and all else is certain.
double p_value(double difference, double error, double dof) {
  if (error <= 0) return difference == 0 ? 1 : 0;
  return t_p_value(difference / error, dof);
}

// Welch (1947): the degrees of freedom of Satterthwaite. Without any spread the interval is the point itself.
void welch(const Moments& a, const Moments& b, Difference& result) {
  if (a.dof < 1 || b.dof < 1) return;
  const double error2 = a.error2 + b.error2;
  const double centre = a.mean - b.mean;
  // Without any spread the degrees of freedom do not matter.
  const double dof = error2 <= 0 ? 1 : error2 * error2 / (a.error2 * a.error2 / a.dof + b.error2 * b.error2 / b.dof);
  const double half = t95(dof) * std::sqrt(error2);
  result.ci95 = Interval{centre - half, centre + half};
  result.p = p_value(centre, std::sqrt(error2), dof);
}

std::optional<bool> excludes(const std::optional<Interval>& interval, double x) {
  if (!interval) return std::nullopt;
  return !interval->contains(x);
}

std::optional<std::vector<Repeat>> logarithms(std::span<const Repeat> side) {
  std::vector<Repeat> logs;
  for (const Repeat& repeat : side) {
    if (!(repeat.value > 0)) return std::nullopt;
    logs.push_back({repeat.index, std::log(repeat.value)});
  }
  return logs;
}

}  // namespace

std::optional<bool> Ratio::beyond_noise() const { return excludes(ci95, 1); }
std::optional<bool> Difference::beyond_noise() const { return excludes(ci95, 0); }

std::optional<Difference> difference_of(std::span<const Repeat> a, std::span<const Repeat> b) {
  if (a.empty() || b.empty()) return std::nullopt;
  Difference result;
  const auto pairs = pairs_by_index(a, b);
  if (!pairs.empty()) {
    std::vector<double> differences;
    for (const auto& [left, right] : pairs) differences.push_back(left.value - right.value);
    const auto mean = mean_of(differences);
    result = {mean->mean, mean->ci95, mean->n, true, {}};
    const double n = static_cast<double>(mean->n);
    if (mean->sd) result.p = p_value(mean->mean, *mean->sd / std::sqrt(n), n - 1);
    return result;
  }
  const Moments left = moments_of(a), right = moments_of(b);
  result.difference = left.mean - right.mean;
  welch(left, right, result);
  result.n = std::min(a.size(), b.size());
  return result;
}

std::optional<Ratio> ratio_of(std::span<const Repeat> a, std::span<const Repeat> b) {
  const auto left = logarithms(a), right = logarithms(b);
  if (!left || !right) return std::nullopt;
  const auto difference = difference_of(*left, *right);
  if (!difference) return std::nullopt;
  Ratio result;
  result.ratio = std::exp(difference->difference);
  if (difference->ci95) result.ci95 = Interval{std::exp(difference->ci95->lo), std::exp(difference->ci95->hi)};
  result.n = difference->n;
  result.paired = difference->paired;
  result.p = difference->p;
  return result;
}

}  // namespace nw::stats
