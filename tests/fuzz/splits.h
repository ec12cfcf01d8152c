// The same bytes, cut into pieces by a byte that the fuzzer chooses.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace nw::fuzz {

// Calls `take` with pieces of 1 … 16 bytes, by a sequence that begins with `seed`. Stops when it returns false.
template <class Take>
void in_pieces(std::string_view bytes, std::uint8_t seed, Take take) {
  std::uint32_t state = seed;
  while (!bytes.empty()) {
    state = state * 1664525U + 1013904223U;
    const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + (state >> 24) % 16);
    if (!take(bytes.substr(0, size))) return;
    bytes.remove_prefix(size);
  }
}

// A property that does not hold is a crash, which is what a fuzzer looks for.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace nw::fuzz
