// co_await. g++ 12 destroys some temporaries of a full expression with co_await twice: lambdas with captures by value
// and aggregates made in place. The rule that keeps clear of it is coarse on purpose: no '[' and no '{' in the full
// expression at all; name the object first. The full expression is found by walking from the word to both sides until a
// `;`, a brace of a block, or the parenthesis of an `if`, `while`, `for` or `switch`.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "functions.h"
#include "rules.h"
#include "source.h"

namespace nw::tidy {
namespace {

bool below(std::string_view path, const Layers& layers, const char* construct) {
  const auto found = layers.places.find(construct);
  if (found == layers.places.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const std::string& folder) { return path.starts_with(folder); });
}

std::string_view last_word(std::string_view text) {
  text = trim(text);
  auto from = text.size();
  while (from > 0 && is_word(text[from - 1])) --from;
  return text.substr(from);
}

bool is_one_of(std::string_view word, const auto& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Whether the '{' after `before` opens a block of statements and not an initialiser.
bool opens_block(std::string_view before) {
  constexpr std::array<std::string_view, 7> kWords = {"else", "do", "try", "const", "noexcept", "override", "mutable"};
  before = trim(before);
  if (before.empty() || std::string_view(");{}:").find(before.back()) != std::string_view::npos) return true;
  if (is_one_of(last_word(before), kWords)) return true;
  // A return type: `-> Task<void> {`.
  const auto arrow = before.rfind("->");
  return arrow != std::string_view::npos && before.find_first_of(");={", arrow) == std::string_view::npos;
}

// Whether a '}' before `after` ended something inside an expression, such as an argument.
bool inside_expression(std::string_view after) {
  after = trim(after);
  return !after.empty() && std::string_view(",).]?:+-*/|&<>=").find(after.front()) != std::string_view::npos;
}

class FullExpression {
 public:
  FullExpression(std::string_view code, std::size_t at) : code_(code), begin_(at), end_(at) {
    while (begin_ > 0 && go_left()) {
    }
    while (end_ < code_.size() && go_right()) {
    }
  }

  // Attributes and structured bindings have brackets, but no temporaries.
  [[nodiscard]] bool is_harmless() const {
    auto text = code_.substr(begin_, end_ - begin_);
    while (trim(text).starts_with("[[")) text = text.substr(text.find("]]") + 2);
    const auto name = trim(text);
    const auto bracket = text.find('[');
    if (name.starts_with("auto") || name.starts_with("const auto")) {
      const auto binding = trim(text.substr(0, std::min(bracket, text.size())));
      const bool only_type = binding.find_first_of("=(") == std::string_view::npos;
      if (only_type && bracket != std::string_view::npos) text = text.substr(text.find(']', bracket) + 1);
    }
    return text.find_first_of("[{") == std::string_view::npos;
  }

 private:
  bool go_left() {
    const char c = code_[begin_ - 1];
    if (c == ';') return false;
    if (c == '}' && !inside_expression(code_.substr(begin_))) return false;
    if (c == ')' || c == ']' || c == '}') ++closed_;
    if (c == '(' || c == '[' || c == '{') {
      const auto before = code_.substr(0, begin_ - 1);
      if (closed_ == 0 && c == '{' && opens_block(before)) return false;
      constexpr std::array<std::string_view, 4> kConditions = {"if", "while", "for", "switch"};
      if (closed_ == 0 && c == '(' && is_one_of(last_word(before), kConditions)) return false;
      if (closed_ > 0) {
        --closed_;
      } else {
        ++open_;
      }
    }
    --begin_;
    return true;
  }
  bool go_right() {
    const char c = code_[end_];
    if (c == ';' && open_ == 0) return false;
    if (c == '(' || c == '[' || c == '{') ++open_;
    if (c == ')' || c == ']' || c == '}') {
      if (open_ == 0) return false;
      --open_;
    }
    ++end_;
    return true;
  }

  std::string_view code_;
  std::size_t begin_;
  std::size_t end_;
  int closed_ = 0;  // groups that were entered from behind on the way to the left
  int open_ = 0;    // groups around the word
};

std::string banned_test(const Directive& directive) {
  constexpr std::array<std::string_view, 6> kNames = {"if", "ifdef", "ifndef", "elif", "elifdef", "elifndef"};
  constexpr std::array<std::string_view, 14> kSystems = {
      "__linux__", "__linux",  "linux",    "_WIN32",      "_WIN64",      "WIN32",       "__CYGWIN__",
      "__APPLE__", "__MACH__", "__unix__", "__FreeBSD__", "__OpenBSD__", "__ANDROID__", "__MINGW32__"};
  if (!is_one_of(directive.name, kNames)) return {};
  for (const std::string_view system : kSystems) {
    if (!find_words(directive.rest, system).empty()) return std::string(system);
  }
  return {};
}

// Reports what is above its limit and not tolerated, and marks the entries that were needed.
class Ratchet {
 public:
  Ratchet(const std::map<std::string, std::size_t>& tolerated, Findings& findings)
      : tolerated_(tolerated), findings_(findings) {}

  void check(const std::string& path, std::size_t line, const std::string& key, std::size_t lines, std::size_t limit) {
    if (lines <= limit) return;
    const auto entry = tolerated_.find(key);
    if (entry == tolerated_.end()) {
      add(path, line, fmt::format("{} has {} lines, the limit is {}: split it", key, lines, limit));
    } else if (needed_.insert(key); lines > entry->second) {
      add(path, line, fmt::format("{} grew from {} to {} lines: it may only shrink", key, entry->second, lines));
    } else if (lines < entry->second) {
      add(path, line,
          fmt::format("{} has {} lines: write that into tolerated.txt, which says {}", key, lines, entry->second));
    }
  }
  void finish() {
    for (const auto& [key, lines] : tolerated_) {
      if (!needed_.contains(key)) add("tests/tidy/tolerated.txt", 0, key + " need not be tolerated: remove it");
    }
  }

 private:
  void add(const std::string& path, std::size_t line, std::string text) {
    findings_.push_back({path, line, "size", std::move(text)});
  }
  const std::map<std::string, std::size_t>& tolerated_;
  Findings& findings_;
  std::set<std::string> needed_;
};

}  // namespace

bool is_header(std::string_view path) { return path.ends_with(".h"); }
bool is_cpp(std::string_view path) { return path.ends_with(".cpp") || is_header(path); }

Findings check_operating_system(const Tree& tree, const Layers& layers) {
  Findings findings;
  for (const auto& [path, text] : tree.files) {
    if (!is_cpp(path) || below(path, layers, "operating_system")) continue;
    for (const Directive& directive : scan(text).directives) {
      const std::string system = banned_test(directive);
      if (system.empty()) continue;
      findings.push_back(
          {path, directive.line, "operating-system",
           fmt::format("#{} on {}: what depends on the system goes below src/os", directive.name, system)});
    }
  }
  return findings;
}

Findings check_co_await(const Tree& tree, const Layers& layers) {
  Findings findings;
  for (const auto& [path, text] : tree.files) {
    if (!is_cpp(path)) continue;
    const Source source = scan(text);
    for (const auto at : find_words(source.code, "co_await")) {
      const auto line = line_of(text, at);
      if (!below(path, layers, "co_await")) {
        findings.push_back({path, line, "co-await", "coroutines are written in src/net only"});
      }
      if (!FullExpression(source.code, at).is_harmless()) {
        findings.push_back(
            {path, line, "co-await", "'[' or '{' in an expression with co_await: name the object first"});
      }
    }
  }
  return findings;
}

Findings check_headers(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree.files) {
    if (!is_header(path)) continue;
    const auto start = trim(text);
    if (!start.starts_with("//") && !start.starts_with("/*")) {
      findings.push_back({path, 1, "header", "a header begins with a comment that says what it is for"});
    }
    const Source source = scan(text);
    const bool first = !source.directives.empty() && source.directives[0].name == "pragma" &&
                       trim(source.directives[0].rest) == "once";
    const auto code = source.code.find_first_not_of(" \t\n");
    if (!first || (code != std::string::npos && line_of(text, code) < source.directives[0].line)) {
      findings.push_back({path, 1, "header", "#pragma once comes before everything but the comment"});
    }
  }
  return findings;
}

Findings check_sizes(const Tree& tree, const Layers& layers, const std::map<std::string, std::size_t>& tolerated) {
  Findings findings;
  Ratchet ratchet(tolerated, findings);
  for (const auto& [path, text] : tree.files) {
    if (!is_cpp(path)) continue;
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    ratchet.check(path, 0, path, lines, layers.file_lines);
    for (const Function& function : functions_of(scan(text).code)) {
      ratchet.check(path, function.line, path + ":" + function.name, function.lines, layers.function_lines);
    }
  }
  ratchet.finish();
  return findings;
}

}  // namespace nw::tidy
