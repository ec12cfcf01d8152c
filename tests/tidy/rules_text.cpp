#include <fmt/core.h>

#include <array>
#include <filesystem>

#include "base/text.h"
#include "rules.h"
#include "source.h"

namespace nw::tidy {
namespace {

constexpr std::string_view kBannedFile = "tests/tidy/banned.txt";

// In a makefile a tab is the syntax.
bool may_have_tabs(std::string_view path) { return path.ends_with("Makefile") || path.ends_with(".mk"); }

// Between backticks nothing is a link.
std::string without_inline_code(std::string_view line) {
  std::string text(line);
  for (auto open = text.find('`'); open != std::string::npos; open = text.find('`')) {
    const auto close = text.find('`', open + 1);
    if (close == std::string::npos) break;
    text.replace(open, close - open + 1, close - open + 1, ' ');
  }
  return text;
}

// The targets of `[text](target)` and `[text]: target`.
Names targets_in(const std::string& line) {
  Names targets;
  for (auto at = line.find("]("); at != std::string::npos; at = line.find("](", at + 1)) {
    const auto end = line.find(')', at);
    if (end != std::string::npos) targets.push_back(line.substr(at + 2, end - at - 2));
  }
  const auto reference = line.find("]: ");
  if (line.starts_with('[') && reference != std::string::npos) targets.push_back(line.substr(reference + 3));
  return targets;
}

bool leads_elsewhere(std::string_view target) {
  constexpr std::array<std::string_view, 4> kElsewhere = {"http://", "https://", "mailto:", "#"};
  for (const std::string_view prefix : kElsewhere) {
    if (target.starts_with(prefix)) return true;
  }
  return target.empty();
}

bool resolves(const Tree& tree, const std::string& from, std::string_view target) {
  target = trim(target.substr(0, target.find_first_of("# ")));
  const auto path = (std::filesystem::path(from).parent_path() / target).lexically_normal().generic_string();
  const std::string name = path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
  return name == "." || tree.files.contains(name) || tree.other_paths.contains(name);
}

}  // namespace

std::string describe(const Findings& findings) {
  std::string text;
  for (const auto& f : findings) text += fmt::format("{}:{}: {} [{}]\n", f.path, f.line, f.text, f.rule);
  return text;
}

Findings check_white_space(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree.files) {
    if (path.starts_with("tests/fuzz/corpus/")) continue;  // bytes, not text
    std::size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
      ++number;
      if (!line.empty() && std::string_view(" \t\r").find(line.back()) != std::string_view::npos) {
        findings.push_back({path, number, "white-space", "white space at the end of the line"});
      }
      if (!may_have_tabs(path) && line.find('\t') != std::string_view::npos) {
        findings.push_back({path, number, "white-space", "a tab: use spaces"});
      }
    }
    if (!text.empty() && text.back() != '\n') {
      findings.push_back({path, number, "white-space", "the last line has no line feed"});
    }
  }
  return findings;
}

Findings check_banned(const Tree& tree, const Names& banned) {
  Findings findings;
  for (const auto& [path, text] : tree.files) {
    if (path == kBannedFile) continue;
    for (const std::string& word : banned) {
      for (const auto at : find_words(text, word)) {
        findings.push_back({path, line_of(text, at), "banned", fmt::format("holds '{}'", word)});
      }
    }
  }
  return findings;
}

Findings check_links(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree.files) {
    if (!path.ends_with(".md")) continue;
    bool code = false;
    std::size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
      ++number;
      if (trim(line).starts_with("```")) code = !code;
      if (code) continue;
      for (const std::string& target : targets_in(without_inline_code(line))) {
        if (leads_elsewhere(target) || resolves(tree, path, target)) continue;
        findings.push_back({path, number, "links", fmt::format("'{}' leads nowhere", target)});
      }
    }
  }
  return findings;
}

}  // namespace nw::tidy
