// Private to the room: from the figures of the backends to comparisons and an answer.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace nw::report {

// Fills the verdict of a report whose backends are complete.
[[nodiscard]] Verdict judge(const Report& report, const model::Campaign& campaign, const VerdictOptions& options);

[[nodiscard]] std::vector<RatioRow> ratio_rows(const std::vector<std::vector<ThroughputRow>>& backends);

}  // namespace nw::report
