// Values that follow each other in time, such as the requests of one test: not independent, and perhaps on the move.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "stats/interval.h"

namespace nw::stats {

inline constexpr std::size_t kBatchesMin = 10;  // fewer batches make an interval of their own luck
inline constexpr double kIndependentMin = 30;   // below, a moderate autocorrelation cannot be told from none
inline constexpr std::size_t kDriftMin = 5;     // fewer values look straight by chance

// How much a value resembles its predecessor: the lag-1 autocorrelation, −1 to 1, with the bias of small samples
// taken out (r + (1 + 4r) / n; Marriott and Pope 1954). nullopt below four values or without any spread.
[[nodiscard]] std::optional<double> autocorrelation(std::span<const double> series);

struct BatchMean {
  Mean mean;                 // ci95 and sd are of the batches, n is their number
  std::size_t batch = 1;     // values in each; a remainder at the beginning is left out of the interval, not the mean
  double independent_n = 0;  // as many independent values would know as much
};

// The mean of an autocorrelated series. Neighbours are gathered into batches, doubled until their means no longer
// resemble each other (lag-1 autocorrelation below 0.1, or within its own noise of 1 / sqrt(batches)), and the t
// interval is made from the means (Law and Carson 1979). What resemblance is left, or cannot be seen among so few,
// widens it: n values with autocorrelation r count as n (1 − r) / (1 + r). Marked approximate when the batches still
// resemble each other, when all values together are worth fewer than kIndependentMin, or when they are skewed.
// nullopt for no values. O(n log n). tests/unit/stats/series_test.cpp prints the coverage.
[[nodiscard]] std::optional<BatchMean> batch_mean(std::span<const double> series);

// Did the level move from the beginning to the end? A straight line through the values.
struct Drift {
  double change = 0;   // along the line, from the first value to the last, as a share of the mean (0.05: 5 % up)
  Interval ci95;       // of it
  bool found = false;  // the 99 % interval of the change excludes 0
};

// nullopt below kDriftMin values, or when their mean is 0. Exact on independent normal values around a straight line;
// resembling neighbours look like drift, so give it restarts, not requests.
[[nodiscard]] std::optional<Drift> drift_of(std::span<const double> series);

}  // namespace nw::stats
