// Which repeats of two sides belong together: the rule of stats/ratio.h, shared by its users in this room.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace nw::stats {

// The pairs with equal index, by index. Empty when the sides are to be treated as unpaired: fewer than two common
// indices, or fewer than half of either side's. T has a member `index`.
template <class T>
[[nodiscard]] std::vector<std::pair<T, T>> pairs_by_index(std::span<const T> a, std::span<const T> b) {
  std::vector<std::pair<T, T>> pairs;
  for (const T& left : a) {
    for (const T& right : b) {
      if (left.index == right.index) pairs.emplace_back(left, right);
    }
  }
  if (pairs.size() < 2 || 2 * pairs.size() < std::max(a.size(), b.size())) return {};
  std::sort(pairs.begin(), pairs.end(), [](const auto& x, const auto& y) { return x.first.index < y.first.index; });
  return pairs;
}

}  // namespace nw::stats
