// May a run stop before its planned number of repeats?
//
// Looking at an interval after every repeat and stopping when it looks narrow picks the moments at which the spread
// was underestimated by chance. At a coefficient of variation of 3 % and a target of 2 %, stopping from the third
// repeat on leaves a 95 % interval with a coverage of 0.905; from the eighth on, 0.943 (tests/unit/stats repeats the
// simulation). So nobody may look before kSequentialMin, and the target is compared with the half-width on the
// logarithm, which is what "2 %" means for a ratio.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "stats/ratio.h"

namespace nw::stats {

inline constexpr std::size_t kSequentialMin = 8;

// Half the width of the interval of ln(A/B): 0.02 is ±2 %. nullopt without an interval.
[[nodiscard]] std::optional<double> log_half_width(const Ratio& ratio);

// True when the ratio has at least kSequentialMin repeats and log_half_width is at most `target` (> 0).
[[nodiscard]] bool may_stop(const Ratio& ratio, double target);

// The repeats that would reach `target` if the spread stayed what it is; at least kSequentialMin, at most 10,000.
// nullopt without an interval.
[[nodiscard]] std::optional<std::size_t> repeats_needed(const Ratio& ratio, double target);

}  // namespace nw::stats
