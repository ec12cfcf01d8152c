// Private to the room: columns of a terminal. All text is made printable here, so that nothing reaches a terminal
// around it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nw::report {

// Columns that a terminal gives to (printable, valid) UTF-8: combining marks 0, East Asian wide characters and emoji 2.
[[nodiscard]] std::size_t display_width(std::string_view text);

// At most `width` columns; what is cut is shown by an ellipsis.
[[nodiscard]] std::string clip(std::string_view text, std::size_t width);

// Lines of at most `width` columns, each ending in a newline, the second and later ones indented by `hang` spaces.
// Breaks at spaces; a word that is longer than a line is broken anywhere.
[[nodiscard]] std::string wrap(std::string_view text, std::size_t width, std::size_t hang = 0);

// A Markdown table with aligned columns, as llama-bench prints it. The first column is clipped so that the whole fits.
class Table {
 public:
  // Column headings; one that begins with '>' is aligned to the right.
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string text(std::size_t width) const;

 private:
  std::vector<std::string> headings_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace nw::report
