// One pass over the bytes with a state per kind of text. The difficult corners of the language are: raw strings with
// their delimiters, digit separators that look like the beginning of a character, backslashes that continue a comment
// or a directive on the next line, and comments inside directives. Trigraphs are not C++20.
#include "source.h"

#include <algorithm>
#include <cctype>

namespace nw::tidy {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), code_(text), kept_(text) {}

  Source scan() {
    while (at_ < text_.size()) step();
    Source source;
    source.directives = take_directives();
    source.code = std::move(code_);
    return source;
  }

 private:
  void step() {
    const char c = text_[at_];
    if (starts("//")) return blank_both(end_of_line(at_));
    if (starts("/*")) return blank_both(after("*/", at_ + 2));
    if (c == '"') return string();
    if (c == '\'' && !separates_digits()) return blank_inside(end_of_literal('\''));
    ++at_;
  }

  [[nodiscard]] bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  [[nodiscard]] std::size_t after(std::string_view what, std::size_t from) const {
    const auto found = text_.find(what, from);
    return found == std::string_view::npos ? text_.size() : found + what.size();
  }
  // Of a line that may be continued with a backslash; the offset of the line feed.
  [[nodiscard]] std::size_t end_of_line(std::size_t from) const {
    while (true) {
      const auto feed = text_.find('\n', from);
      if (feed == std::string_view::npos) return text_.size();
      if (feed == 0 || text_[feed - 1] != '\\') return feed;
      from = feed + 1;
    }
  }

  // The letters, digits and quotes just before `at_`: a number's, or the prefix of a literal.
  [[nodiscard]] std::string_view word_before() const {
    std::size_t from = at_;
    while (from > 0 && (is_word(text_[from - 1]) || (text_[from - 1] == '\'' && code_[from - 1] == '\''))) --from;
    return text_.substr(from, at_ - from);
  }
  [[nodiscard]] bool separates_digits() const {
    const auto word = word_before();
    return !word.empty() && std::isdigit(static_cast<unsigned char>(word.front())) != 0;
  }

  void string() {
    const auto prefix = word_before();
    const bool raw = prefix == "R" || prefix == "LR" || prefix == "uR" || prefix == "UR" || prefix == "u8R";
    if (!raw) return blank_inside(end_of_literal('"'));
    const auto open = text_.find('(', at_);
    if (open == std::string_view::npos) return blank_inside(text_.size());
    const std::string close = ")" + std::string(text_.substr(at_ + 1, open - at_ - 1)) + "\"";
    blank_inside(after(close, open));
  }
  [[nodiscard]] std::size_t end_of_literal(char quote) const {
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        return i + 1;
      } else if (text_[i] == '\n') {
        return i;  // not closed: an apostrophe in an #error, say
      }
    }
    return text_.size();
  }

  static void blank(std::string& in, std::size_t from, std::size_t to) {
    for (; from < to; ++from) {
      if (in[from] != '\n') in[from] = ' ';
    }
  }
  void blank_both(std::size_t end) {
    blank(code_, at_, end);
    blank(kept_, at_, end);
    at_ = end;
  }
  // Leaves the quotes, so that a literal is still something, and keeps the text for directives.
  void blank_inside(std::size_t end) {
    if (end > at_ + 1) blank(code_, at_ + 1, end - 1);
    at_ = end;
  }

  std::vector<Directive> take_directives() {
    std::vector<Directive> directives;
    for (std::size_t from = 0; from < code_.size();) {
      const auto feed = code_.find('\n', from);
      const auto line_end = feed == std::string::npos ? code_.size() : feed;
      const auto first = code_.find_first_not_of(" \t", from);
      if (first >= line_end || code_[first] != '#') {
        from = line_end + 1;
        continue;
      }
      const auto end = end_of_line(first);
      directives.push_back(directive(first, end));
      blank(code_, first, end);
      from = end + 1;
    }
    return directives;
  }

  [[nodiscard]] Directive directive(std::size_t hash, std::size_t end) const {
    std::string body = kept_.substr(hash + 1, end - hash - 1);
    std::replace_if(body.begin(), body.end(), [](char c) { return c == '\\' || c == '\n'; }, ' ');
    const auto name = std::min(body.find_first_not_of(" \t"), body.size());
    auto name_end = name;
    while (name_end < body.size() && is_word(body[name_end])) ++name_end;
    const auto rest = std::min(body.find_first_not_of(" \t", name_end), body.size());
    return {line_of(text_, hash), body.substr(name, name_end - name), body.substr(rest)};
  }

  std::string_view text_;
  std::string code_;
  std::string kept_;  // comments blanked, literals not
  std::size_t at_ = 0;
};

}  // namespace

Source scan(std::string_view text) { return Scanner(text).scan(); }

std::size_t line_of(std::string_view text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return static_cast<std::size_t>(std::count(text.begin(), end, '\n')) + 1;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::vector<std::size_t> find_words(std::string_view code, std::string_view word) {
  std::vector<std::size_t> found;
  for (auto at = code.find(word); at != std::string_view::npos; at = code.find(word, at + 1)) {
    const auto end = at + word.size();
    const bool joined_before = at > 0 && is_word(code[at - 1]) && is_word(word.front());
    const bool joined_after = end < code.size() && is_word(code[end]) && is_word(word.back());
    if (!joined_before && !joined_after) found.push_back(at);
  }
  return found;
}

}  // namespace nw::tidy
