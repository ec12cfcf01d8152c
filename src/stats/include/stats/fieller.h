// Where two straight lines, each known from repeats, cross: the x at which the difference of their means is 0.
#pragma once

#include <optional>
#include <span>

#include "stats/interval.h"

namespace nw::stats {

// One repeat of a line y = level + slope · x.
struct Line {
  int index = 0;
  double level = 0;
  double slope = 0;
};

// The x that a 95 % test of "A and B are equal at x" does not reject (Fieller 1954). That set is an interval, the
// outside of an interval, a half line or everything; the last three say that the slopes cannot be told apart.
struct Crossing {
  std::optional<double> at;      // none when the mean slopes are equal
  std::optional<Interval> ci95;  // only where the set is a bounded interval
};

// Paired by index or not by the rule of ratio.h. Paired, the set is exact on normal repeats and agrees with
// difference_of at every x: 0 lies in the interval of the difference exactly where x lies in the set. Unpaired, the
// degrees of freedom are those of the smaller side, which is on the safe side. nullopt when a side is empty.
[[nodiscard]] std::optional<Crossing> crossing_of(std::span<const Line> a, std::span<const Line> b);

}  // namespace nw::stats
