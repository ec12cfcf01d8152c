// The data files of this test: layers.toml, tolerated.txt, banned.txt, and what CMakeLists.txt says about rooms.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nw::tidy {

using Names = std::vector<std::string>;

struct Layers {
  std::map<std::string, Names> rooms;        // room → rooms it may include
  std::map<std::string, Names> kinds;        // kind → rooms
  std::map<std::string, Names> third_party;  // beginning of a header's name → rooms
  std::map<std::string, Names> places;       // construct → folders
  std::map<std::string, Names> skipped;
  std::size_t function_lines = 0;
  std::size_t file_lines = 0;
};

// Of TOML only this: [table], key = ["string", …] over any number of lines, and comments.
[[nodiscard]] Result<Layers> parse_layers(std::string_view text);

// "path lines" per line, '#' begins a comment.
[[nodiscard]] Result<std::map<std::string, std::size_t>> parse_tolerated(std::string_view text);
[[nodiscard]] Names parse_banned(std::string_view text);

// room → DEPS of its nw_room() call.
[[nodiscard]] std::map<std::string, std::set<std::string>> parse_nw_rooms(std::string_view cmake);

}  // namespace nw::tidy
