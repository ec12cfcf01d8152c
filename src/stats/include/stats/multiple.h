// Several comparisons judged together: with six pairs, one in four runs of equal backends would show a difference
// "beyond noise" by the rule for one.
#pragma once

#include <span>
#include <vector>

namespace nw::stats {

// Which of these hypotheses of equality are rejected, by their p-values (0 to 1), so that the chance of one false
// rejection or more among them is at most 5 %, whatever their dependence (Holm 1979, "A simple sequentially rejective
// multiple test procedure"). Of one hypothesis: p ≤ 0.05. O(n log n).
[[nodiscard]] std::vector<bool> rejected_together(std::span<const double> p);

}  // namespace nw::stats
