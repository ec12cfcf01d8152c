// Where secrets stand in free text; used by mask.cpp only.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace nw::wire {

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;  // behind the last byte
};

// In order, not overlapping, none empty. Linear but for the look-ahead of each rule.
[[nodiscard]] std::vector<Span> secret_spans(std::string_view text);

[[nodiscard]] bool starts_with_nocase(std::string_view text, std::string_view prefix);

}  // namespace nw::wire
