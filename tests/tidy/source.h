// C++ source as far as the rules need it: what is code and what is comment, literal or preprocessor directive.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nw::tidy {

struct Directive {
  std::size_t line = 0;  // from 1
  std::string name;      // "include", "ifdef"
  std::string rest;      // what follows, continuation lines joined, comments blanked, literals kept
};

struct Source {
  // The file with comments, directives and the insides of literals replaced by spaces: same length, same lines.
  std::string code;
  std::vector<Directive> directives;
};

[[nodiscard]] Source scan(std::string_view text);

// The number, from 1, of the line that holds the byte at `offset`.
[[nodiscard]] std::size_t line_of(std::string_view text, std::size_t offset);
[[nodiscard]] bool is_word(char c);
// The offsets at which `word` stands in `code` as a whole word.
[[nodiscard]] std::vector<std::size_t> find_words(std::string_view code, std::string_view word);

}  // namespace nw::tidy
