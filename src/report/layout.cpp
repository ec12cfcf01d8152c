#include "layout.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/text.h"

namespace nw::report {
namespace {

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";
constexpr std::size_t kNarrowestName = 8;

struct Range {
  std::uint32_t from, to;
};
// Coarse on purpose: enough that a table with a Chinese name or an emoji keeps its columns.
constexpr std::array kZero = {Range{0x300, 0x36F}, Range{0xFE00, 0xFE0F}};
// Invisible, or turning the direction of what follows: a name made of these could pass for another one.
constexpr std::array kDeceptive = {Range{0x200B, 0x200F}, Range{0x2028, 0x202E}, Range{0x2060, 0x2069},
                                   Range{0xFEFF, 0xFEFF}};
constexpr std::array kWide = {Range{0x1100, 0x115F},   Range{0x2E80, 0xA4CF},   Range{0xAC00, 0xD7A3},
                              Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},
                              Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF},
                              Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};

bool within(const auto& ranges, std::uint32_t point) {
  return std::any_of(ranges.begin(), ranges.end(), [&](Range r) { return r.from <= point && point <= r.to; });
}

struct Glyph {
  std::string_view bytes;
  std::size_t columns = 1;
  std::uint32_t point = 0;
};

// The glyph at the front of valid, non-empty UTF-8.
Glyph front_glyph(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < std::min(length, text.size()); ++i) {
    point = (point << 6) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const std::size_t columns = within(kZero, point) ? 0 : within(kWide, point) ? 2 : 1;
  return {text.substr(0, length), columns, point};
}

// printable(), and what deceives the eye becomes U+FFFD.
std::string shown(std::string_view text) {
  const std::string clean = printable(text);
  std::string out;
  for (std::string_view rest = clean; !rest.empty();) {
    const Glyph glyph = front_glyph(rest);
    out += within(kDeceptive, glyph.point) ? "\xEF\xBF\xBD" : glyph.bytes;
    rest.remove_prefix(glyph.bytes.size());
  }
  return out;
}

// The longest beginning of `text` that has at most `width` columns; at least one glyph.
std::string_view take(std::string_view text, std::size_t width) {
  std::size_t bytes = 0, columns = 0;
  while (bytes < text.size()) {
    const Glyph glyph = front_glyph(text.substr(bytes));
    if (columns + glyph.columns > width && bytes > 0) break;
    bytes += glyph.bytes.size(), columns += glyph.columns;
  }
  return text.substr(0, bytes);
}

std::string pad(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, display_width(text)), ' ');
  return right ? space + text : text + space;
}

// Names whose beginnings are alike after clipping get their number in front.
std::vector<std::string> clip_names(const std::vector<std::string>& names, std::size_t width) {
  std::vector<std::string> distinct, clipped;
  for (const std::string& name : names) {
    if (std::find(distinct.begin(), distinct.end(), name) == distinct.end()) distinct.push_back(name);
  }
  std::vector<std::string> shorter;
  for (const std::string& name : distinct) shorter.push_back(clip(name, width));
  auto sorted = shorter;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    for (std::size_t i = 0; i < distinct.size(); ++i) {
      shorter[i] = clip(std::to_string(i + 1) + " " + distinct[i], width);
    }
  }
  for (const std::string& name : names) {
    const auto place = std::find(distinct.begin(), distinct.end(), name) - distinct.begin();
    clipped.push_back(shorter[static_cast<std::size_t>(place)]);
  }
  return clipped;
}

// The words of a line; the two halves of an interval "[1.0, 2.0]" stay together.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool open = false;
  for (const std::string_view word : split(text, ' ')) {
    if (open) {
      words.back().append(" ").append(word);
      open = false;
    } else {
      words.emplace_back(word);
      open = word.starts_with('[') && word.ends_with(',');
    }
  }
  return words;
}

std::string cell_text(std::string_view text) {
  std::string clean = shown(text);
  std::replace(clean.begin(), clean.end(), '|', '/');  // would end the cell
  return clean;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Glyph glyph = front_glyph(text);
    columns += glyph.columns;
    text.remove_prefix(glyph.bytes.size());
  }
  return columns;
}

std::string clip(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  return std::string(take(text, width > 1 ? width - 1 : 1)).append(kEllipsis);
}

std::string wrap(std::string_view text, std::size_t width, std::size_t hang) {
  const std::string clean = shown(text);
  std::string out, line;
  std::size_t columns = 0;
  const auto flush = [&] {
    out += line + "\n";
    line.assign(hang, ' ');
    columns = hang;
  };
  bool fresh = true;
  for (const std::string& text_word : words_of(clean)) {
    std::string_view word = text_word;
    if (!fresh && columns + 1 + display_width(word) > width) flush(), fresh = true;
    if (!fresh) line += ' ', ++columns;
    while (columns + display_width(word) > width) {
      const std::string_view part = take(word, width - columns);
      line += part;
      word.remove_prefix(part.size());
      flush();
    }
    line += word;
    columns += display_width(word);
    fresh = false;
  }
  return out + line + "\n";
}

Table::Table(std::vector<std::string> headings) {
  for (const std::string& heading : headings) {
    const bool right = heading.starts_with('>');
    right_.push_back(right);
    headings_.push_back(right ? heading.substr(1) : heading);
  }
}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = cell_text(cell);
  cells.resize(headings_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t width) const {
  std::vector<std::size_t> widths;
  // Two at least: Markdown wants a dash before the colon.
  for (const std::string& heading : headings_) widths.push_back(std::max<std::size_t>(2, display_width(heading)));
  std::vector<std::string> names;
  for (const auto& row : rows_) {
    names.push_back(row[0]);
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
  }
  std::size_t total = 1;
  for (const std::size_t w : widths) total += w + 3;
  if (total > width) widths[0] = std::max(kNarrowestName, widths[0] - std::min(widths[0], total - width));
  names = clip_names(names, widths[0]);

  const auto line = [&](const auto& cell) {
    std::string text = "|";
    for (std::size_t c = 0; c < widths.size(); ++c) text += " " + cell(c) + " |";
    return text + "\n";
  };
  std::string out = line([&](std::size_t c) { return pad(headings_[c], widths[c], right_[c]); });
  out += line(
      [&](std::size_t c) { return right_[c] ? std::string(widths[c] - 1, '-') + ":" : std::string(widths[c], '-'); });
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    out += line([&](std::size_t c) { return pad(c == 0 ? names[r] : rows_[r][c], widths[c], right_[c]); });
  }
  return out;
}

}  // namespace nw::report
