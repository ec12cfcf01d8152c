// The problem: to know which of the braces of a file open a function, without a compiler. Outside functions C++ has few
// kinds: namespaces, types, initialisers and functions; and what stands between the last `;`, `{` or `}` and the brace
// (the head) tells them apart. Inside a function nothing has to be told apart, only counted.
//
// A head is a function's if it has a parenthesis outside template angles and neither a class-key nor an assignment
// there; an initialiser in braces inside a constructor's list (`: a_{1}, b_(2) {`) belongs to the head that goes on.
#include "functions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "source.h"

namespace nw::tidy {
namespace {

enum class Kind { scope, function, initializer, member_initializer };

// Blanks `open … close` from the opening mark at `at`, nested ones included.
void blank_group(std::string& text, std::size_t at, char open, char close) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == open) ++depth;
    if (text[at] == close && --depth == 0) {
      text[at] = ' ';
      return;
    }
    text[at] = ' ';
  }
}

bool closes(std::string_view text, std::size_t at) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    const bool arrow = text[at] == '>' && text[at - 1] == '-';
    if (text[at] == '<') ++depth;
    if (text[at] == '>' && !arrow && --depth == 0) return true;
  }
  return false;
}

// Attributes, template angles and the symbols after `operator` say nothing here, but confuse.
std::string simplified(std::string_view head) {
  std::string text(head);
  for (auto at = text.find("[["); at != std::string::npos; at = text.find("[[", at)) blank_group(text, at, '[', ']');
  for (const char* word : {"alignas", "requires"}) {
    for (const auto at : find_words(text, word)) {
      const auto open = text.find_first_not_of(' ', at + std::string_view(word).size());
      if (open != std::string::npos && text[open] == '(') blank_group(text, open, '(', ')');
    }
  }
  for (const auto at : find_words(text, "operator")) {
    auto from = at + std::string_view("operator").size();
    while (from < text.size() && text[from] == ' ') ++from;
    if (text.substr(from, 2) == "()") text[from] = text[from + 1] = '_';
    while (from < text.size() && text[from] != '(' && !is_word(text[from])) text[from++] = '_';
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto before = trim(std::string_view(text).substr(0, at));
    if (text[at] == '<' && !before.empty() && is_word(before.back()) && closes(text, at)) {
      blank_group(text, at, '<', '>');
    }
  }
  return text;
}

// The text at parenthesis depth 0; each group is left as "()".
std::string without_arguments(std::string_view text) {
  std::string flat;
  int depth = 0;
  for (const char c : text) {
    if (c == ')') --depth;
    if (depth == 0) flat += c;
    if (c == '(') ++depth;
  }
  return flat;
}

bool has_class_key(std::string_view flat) {
  constexpr std::array kKeys = {"class", "struct", "union", "enum"};
  for (const char* key : kKeys) {
    if (!find_words(flat, key).empty()) return true;
  }
  return false;
}

// In `Foo::Foo(int a) : a_(a), b_{`: true for the brace after b_.
bool in_constructor_list(std::string_view flat) {
  const auto arguments = flat.find("()");
  for (auto colon = flat.find(':', arguments); colon != std::string_view::npos; colon = flat.find(':', colon + 1)) {
    if (flat.substr(colon, 2) == "::" || flat[colon - 1] == ':') continue;
    const auto last = trim(flat);
    return is_word(last.back());
  }
  return false;
}

Kind kind_of(std::string_view head) {
  const std::string text = simplified(head);
  const std::string flat = without_arguments(text);
  const auto trimmed = trim(flat);
  const bool lambda = trimmed.ends_with("]") || flat.find("]()") != std::string::npos;
  if (lambda) return Kind::function;
  if (flat.find('=') != std::string::npos) return Kind::initializer;
  if (!find_words(flat, "namespace").empty()) return Kind::scope;
  const bool arguments = flat.find("()") != std::string::npos;
  if (has_class_key(flat) && !arguments) return Kind::scope;
  if (arguments) return in_constructor_list(flat) ? Kind::member_initializer : Kind::function;
  if (trimmed.find('"') != std::string_view::npos) return Kind::scope;  // extern "C"
  return trimmed.empty() ? Kind::scope : Kind::initializer;
}

// "TEST(A, B)" whole, otherwise what stands before the parenthesis.
std::string name_of(std::string_view head) {
  const std::string text = simplified(head);
  const auto open = text.find('(');
  const auto last = text.find_last_not_of(" \n\t(", open);
  if (open == std::string::npos || last == std::string::npos) return "lambda";
  auto from = last + 1;
  while (from > 0) {
    const char c = text[from - 1];
    // Template arguments were blanked, but are part of a qualified name.
    if (c == ' ' && head[from - 1] == '>') {
      from = std::min(head.rfind('<', from), from - 1);
    } else if (is_word(c) || c == ':' || c == '~') {
      --from;
    } else {
      break;
    }
  }
  const std::string name(head.substr(from, last + 1 - from));
  if (name.empty()) return "lambda";
  const bool macro = name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos;
  return macro ? name + text.substr(open, text.find(')') - open + 1) : name;
}

// Without labels and blank lines in front.
std::size_t start_of(std::string_view code, std::size_t from) {
  constexpr std::array kLabels = {"public:", "private:", "protected:"};
  while (true) {
    from = code.find_first_not_of(" \t\n", from);
    if (from == std::string_view::npos) return code.size();
    bool label = false;
    for (const std::string_view text : kLabels) {
      if (code.substr(from, text.size()) != text) continue;
      from += text.size();
      label = true;
    }
    if (!label) return from;
  }
}

class Finder {
 public:
  explicit Finder(std::string_view code) : code_(code) {}

  std::vector<Function> find() {
    for (at_ = 0; at_ < code_.size(); ++at_) {
      const char c = code_[at_];
      if (c == '(') ++parentheses_;
      if (c == ')') --parentheses_;
      if (c == '{') open();
      if ((c == ';' && parentheses_ <= 0) || c == '}') {
        head_ = at_ + 1;
        parentheses_ = 0;
      }
    }
    return std::move(found_);
  }

 private:
  void open() {
    const std::size_t from = start_of(code_, head_);
    const auto head = code_.substr(from, at_ - from);
    // Inside parentheses a brace is a default argument or a lambda: part of the head.
    const Kind kind = parentheses_ > 0 ? Kind::member_initializer : kind_of(head);
    if (kind == Kind::scope) {
      head_ = at_ + 1;
      return;
    }
    at_ = closing(at_);
    if (kind == Kind::member_initializer) return;
    if (kind == Kind::function) {
      const auto first = line_of(code_, from);
      found_.push_back({name_of(head), first, line_of(code_, at_) - first + 1});
    }
    head_ = at_ + 1;
  }

  [[nodiscard]] std::size_t closing(std::size_t at) const {
    int depth = 0;
    for (; at < code_.size(); ++at) {
      if (code_[at] == '{') ++depth;
      if (code_[at] == '}' && --depth == 0) return at;
    }
    return code_.size();
  }

  std::string_view code_;
  std::size_t at_ = 0;
  std::size_t head_ = 0;  // where the current head begins
  int parentheses_ = 0;
  std::vector<Function> found_;
};

}  // namespace

std::vector<Function> functions_of(std::string_view code) { return Finder(code).find(); }

}  // namespace nw::tidy
