#include "stats/series.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nw::stats {
namespace {

double mean_value(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Means of `size` neighbours each, counted from the end: what is left over lies at the beginning, where a rest of the
// warm-up would be.
std::vector<double> batches_of(std::span<const double> series, std::size_t size) {
  std::vector<double> means;
  for (std::size_t from = series.size() % size; from < series.size(); from += size) {
    means.push_back(mean_value(series.subspan(from, size)));
  }
  return means;
}

bool resemble(std::span<const double> values) {
  const auto r = autocorrelation(values);
  if (!r) return false;
  return *r > std::max(0.1, 1 / std::sqrt(static_cast<double>(values.size())));
}

}  // namespace

std::optional<double> autocorrelation(std::span<const double> series) {
  const std::size_t n = series.size();
  if (n < 4) return std::nullopt;
  const double mean = mean_value(series);
  double products = 0, squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double here = series[i] - mean;
    squares += here * here;
    if (i > 0) products += here * (series[i - 1] - mean);
  }
  if (!(squares > 0)) return std::nullopt;
  const double r = products / squares;
  return std::clamp(r + (1 + 4 * r) / static_cast<double>(n), -1.0, 1.0);
}

std::optional<BatchMean> batch_mean(std::span<const double> series) {
  if (series.empty()) return std::nullopt;
  BatchMean result;
  std::vector<double> means(series.begin(), series.end());
  bool settled = !resemble(means);
  while (!settled && series.size() / (2 * result.batch) >= kBatchesMin) {
    result.batch *= 2;
    means = batches_of(series, result.batch);
    settled = !resemble(means);
  }
  result.mean = *mean_of(means);
  result.mean.mean = mean_value(series);
  if (!result.mean.sd) {
    result.mean.approximate = true;
    return result;
  }
  const double r = std::clamp(autocorrelation(means).value_or(0), 0.0, 0.9);
  const double batches = static_cast<double>(means.size());
  const double worth = std::max(2.0, batches * (1 - r) / (1 + r));  // in independent batches
  const double error = *result.mean.sd / std::sqrt(worth);
  const double half = t95(worth - 1) * error;
  result.mean.ci95 = Interval{result.mean.mean - half, result.mean.mean + half};
  result.independent_n = static_cast<double>(series.size());
  const double single = *mean_of(series)->sd;
  // sd² / n is the squared error of the mean of n independent values.
  if (error > 0) result.independent_n = std::min(result.independent_n, single * single / (error * error));
  result.mean.approximate = result.mean.approximate || !settled || result.independent_n < kIndependentMin;
  return result;
}

std::optional<Drift> drift_of(std::span<const double> series) {
  const double n = static_cast<double>(series.size());
  if (series.size() < kDriftMin) return std::nullopt;
  const double mean = mean_value(series);
  if (mean == 0) return std::nullopt;
  const double middle = (n - 1) / 2;
  double products = 0, squares = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const double x = static_cast<double>(i) - middle;
    products += x * (series[i] - mean);
    squares += x * x;
  }
  const double slope = products / squares;
  double residues = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const double off = series[i] - mean - slope * (static_cast<double>(i) - middle);
    residues += off * off;
  }
  const double error = std::sqrt(residues / (n - 2) / squares);
  const double scale = (n - 1) / mean;
  Drift drift;
  drift.change = slope * scale;
  const double half = t95(n - 2) * error * std::abs(scale);
  drift.ci95 = {drift.change - half, drift.change + half};
  drift.found = std::abs(slope) > t_quantile(0.995, n - 2) * error;
  return drift;
}

}  // namespace nw::stats
