// Small text helpers that several rooms need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nw {

[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
// Without white space at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);
// The whole of `text` as a decimal number; nullopt for anything else, overflow included.
[[nodiscard]] std::optional<std::int64_t> parse_int(std::string_view text);
[[nodiscard]] std::optional<double> parse_double(std::string_view text);
// "1.20 GB", "512 MB", "900 B": decimal units, as disks and model files are sold.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
// "45 s", "3 min 20 s", "2 h 05 min".
[[nodiscard]] std::string human_seconds(double seconds);
// Control characters (terminal escapes among them) become visible escapes, invalid UTF-8 becomes U+FFFD: for text
// that came from outside and is shown to a person.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace nw
