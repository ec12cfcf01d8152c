// Two backends compared: the ratio of their means on the logarithm, or the difference of their means.
//
// Backends are interleaved, so that the repeats with the same index were measured next to each other and share the
// machine's mood of that hour. Pairing by index takes this common part out of the comparison. Which test is used
// follows from the design of the run, never from the values: paired when the indices that both have are at least two
// and at least half of either side's; otherwise Welch's unequal-variance interval over all values of both sides.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "stats/interval.h"

namespace nw::stats {

// One value per restart. Indices are unique within a side.
struct Repeat {
  int index = 0;
  double value = 0;
};

// A / B. The estimate is the ratio of the geometric means, the interval is exp of a t interval of the difference of
// logarithms: ratios are skewed, their logarithms nearly symmetric, and A/B and B/A give the same answer.
struct Ratio {
  double ratio = 1;
  std::optional<Interval> ci95;  // none when either side (or the pairs) has one value only
  std::size_t n = 0;             // pairs, or the smaller side
  bool paired = false;
  std::optional<double> p;  // of the hypothesis that the two are equal; below 0.05 exactly where ci95 excludes 1
  // Of this comparison alone (stats/multiple.h judges several). nullopt: not known, for lack of an interval.
  [[nodiscard]] std::optional<bool> beyond_noise() const;
};

// nullopt when a side is empty or a value is not above 0.
[[nodiscard]] std::optional<Ratio> ratio_of(std::span<const Repeat> a, std::span<const Repeat> b);

// A − B in the unit of the values; what is said above holds without the logarithm.
struct Difference {
  double difference = 0;
  std::optional<Interval> ci95;
  std::size_t n = 0;
  bool paired = false;
  std::optional<double> p;
  [[nodiscard]] std::optional<bool> beyond_noise() const;
};

[[nodiscard]] std::optional<Difference> difference_of(std::span<const Repeat> a, std::span<const Repeat> b);

}  // namespace nw::stats
