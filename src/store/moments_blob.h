// Token times as bytes. A request has hundreds of them, some ten milliseconds apart, so each is kept as the difference
// to the one before it (the first: to 0), zigzag-mapped to an unsigned number (0, -1, 1, -2, … become 0, 1, 2, 3, …)
// and written in groups of seven bits, lowest first, with the top bit set on all but the last byte of a number.
// Typical: 4 bytes instead of 8. Differences wrap around in 64 bits, so that every value comes back, extremes included.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace nw::store {

[[nodiscard]] std::string pack_moments(const std::vector<Moment>& moments);
// nullopt: the bytes are not what pack_moments() makes.
[[nodiscard]] std::optional<std::vector<Moment>> unpack_moments(std::string_view bytes);

}  // namespace nw::store
