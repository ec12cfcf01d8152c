// The rules. Each looks at a tree of files and says what is wrong with it; none of them reads the disk, so that a test
// can show it a bad tree of three lines.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "table.h"

namespace nw::tidy {

struct Tree {
  std::map<std::string, std::string> files;  // path from the root, with '/' → text
  std::set<std::string> other_paths;         // folders and files that are not text: things that a link may name
};

struct Finding {
  std::string path;
  std::size_t line = 0;  // 0: the file as a whole
  std::string rule;
  std::string text;
};
using Findings = std::vector<Finding>;

// "path:line: text [rule]" per line.
[[nodiscard]] std::string describe(const Findings& findings);

// Rooms (rules_rooms.cpp).
// The table itself: every room has one kind, kinds look in one direction only, no circle.
[[nodiscard]] Findings check_table(const Layers& layers);
// The folders of src/ and the calls of nw_room() in CMakeLists.txt are what the table says.
[[nodiscard]] Findings check_cmake(const Tree& tree, const Layers& layers);
// No room includes a room that it may not.
[[nodiscard]] Findings check_rooms(const Tree& tree, const Layers& layers);
// Third-party I/O in its one room; no Boost in a public header.
[[nodiscard]] Findings check_third_party(const Tree& tree, const Layers& layers);

// Code (rules_code.cpp).
[[nodiscard]] Findings check_operating_system(const Tree& tree, const Layers& layers);
// Where it may be written, and that its full expression holds no '[' and no '{': g++ 12 destroys such temporaries
// twice.
[[nodiscard]] Findings check_co_await(const Tree& tree, const Layers& layers);
[[nodiscard]] Findings check_headers(const Tree& tree);
[[nodiscard]] Findings check_sizes(const Tree& tree, const Layers& layers,
                                   const std::map<std::string, std::size_t>& tolerated);

// Text (rules_text.cpp).
[[nodiscard]] Findings check_white_space(const Tree& tree);
[[nodiscard]] Findings check_banned(const Tree& tree, const Names& banned);
[[nodiscard]] Findings check_links(const Tree& tree);

// The project at `root`, without what layers.skipped names.
[[nodiscard]] Result<Tree> read_tree(const std::string& root, const Layers& layers);

// Helpers of the rules.
[[nodiscard]] bool is_cpp(std::string_view path);
[[nodiscard]] bool is_header(std::string_view path);
// "store" of "src/store/…" and of "tests/unit/store/…"; empty: neither.
[[nodiscard]] std::string room_of(std::string_view path);

}  // namespace nw::tidy
