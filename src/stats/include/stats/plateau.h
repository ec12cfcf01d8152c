// Where a warm-up ends.
#pragma once

#include <cstddef>
#include <span>

namespace nw::stats {

// How many values at the beginning of `series` (in order of time, any unit, finite) belong to the warm-up and are to be
// left out. MSER (White 1997, "An effective truncation heuristic for bias reduction in simulation output"): the cut d
// that minimises the squared standard error of the mean of what remains, sum of squared deviations / (n − d)². Among
// equal cuts the shortest. Never more than half of the series, and never so many that fewer than kPlateauMin remain: on
// shorter tails the spread is small by chance. 0 for series of kPlateauMin values or fewer.
// One pass, O(n), no allocation.
[[nodiscard]] std::size_t warmup_length(std::span<const double> series);

inline constexpr std::size_t kPlateauMin = 3;

}  // namespace nw::stats
