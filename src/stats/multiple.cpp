#include "stats/multiple.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace nw::stats {

std::vector<bool> rejected_together(std::span<const double> p) {
  constexpr double kLevel = 0.05;
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] < p[b]; });
  std::vector<bool> rejected(p.size(), false);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (p[order[i]] > kLevel / static_cast<double>(p.size() - i)) break;
    rejected[order[i]] = true;
  }
  return rejected;
}

}  // namespace nw::stats
