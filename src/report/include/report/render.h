// A report as a person or a program wants it. All text that came from outside (names, labels, messages) is made
// printable first; a synthetic model's figures are marked wherever they appear.
#pragma once

#include <string>

#include "report/report.h"

namespace nw::report {

inline constexpr std::size_t kTextWidth = 80;

// One object, indented by two spaces, ending in a newline; keys in the order of cli.md of the frame. Whatever
// is null has a sibling KEY_reason. Numbers are finite and in the unit that the key names.
[[nodiscard]] std::string to_json(const Report& report);

// The tables, ending in a newline: at most `width` columns (60 or more; a narrower one is taken as 60).
[[nodiscard]] std::string to_text(const Report& report, std::size_t width = kTextWidth);
// The verdict in sentences, wrapped at `width`, ending in a newline.
[[nodiscard]] std::string verdict_text(const Report& report, std::size_t width = kTextWidth);

}  // namespace nw::report
