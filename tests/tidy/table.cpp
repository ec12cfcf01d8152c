#include "table.h"

#include <fmt/core.h>

#include <sstream>

#include "base/text.h"

namespace nw::tidy {
namespace {

// Without a comment; a '#' inside quotes is none.
std::string_view without_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (line[i] == '#' && !quoted) return line.substr(0, i);
  }
  return line;
}

Names strings_in(std::string_view text) {
  Names names;
  const auto parts = split(text, '"');
  for (std::size_t i = 1; i < parts.size(); i += 2) names.emplace_back(parts[i]);
  return names;
}

using Tables = std::map<std::string, std::map<std::string, Names>>;

Result<Tables> parse_tables(std::string_view text) {
  Tables tables;
  std::string table;
  std::string entry;
  std::size_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const auto line = trim(without_comment(raw));
    if (line.empty()) continue;
    if (entry.empty() && line.front() == '[' && line.back() == ']') {
      table = line.substr(1, line.size() - 2);
      continue;
    }
    entry += line;
    if (entry.back() != ']') continue;
    const auto equals = entry.find('=');
    if (equals == std::string::npos) return failed_error(fmt::format("layers.toml:{}: no key", number));
    auto key = trim(std::string_view(entry).substr(0, equals));
    if (key.size() > 1 && key.front() == '"') key = key.substr(1, key.size() - 2);
    tables[table][std::string(key)] = strings_in(std::string_view(entry).substr(equals));
    entry.clear();
  }
  if (!entry.empty()) return failed_error(fmt::format("layers.toml: '{}' does not end", entry));
  return tables;
}

Result<std::size_t> limit(Tables& tables, const char* name) {
  const Names& value = tables["limits"][name];
  const auto number = value.size() == 1 ? parse_int(value[0]) : std::nullopt;
  if (!number || *number <= 0) return failed_error(fmt::format("layers.toml: no limit '{}'", name));
  return static_cast<std::size_t>(*number);
}

}  // namespace

Result<Layers> parse_layers(std::string_view text) {
  NW_TRY(Tables tables, parse_tables(text));
  Layers layers;
  NW_TRY(layers.function_lines, limit(tables, "function_lines"));
  NW_TRY(layers.file_lines, limit(tables, "file_lines"));
  layers.rooms = std::move(tables["rooms"]);
  layers.kinds = std::move(tables["kinds"]);
  layers.third_party = std::move(tables["third_party"]);
  layers.places = std::move(tables["places"]);
  layers.skipped = std::move(tables["skipped"]);
  return layers;
}

Result<std::map<std::string, std::size_t>> parse_tolerated(std::string_view text) {
  std::map<std::string, std::size_t> tolerated;
  for (const std::string_view raw : split(text, '\n')) {
    const auto line = trim(raw.substr(0, raw.find('#')));
    if (line.empty()) continue;
    const auto space = line.rfind(' ');
    const auto lines = space == std::string_view::npos ? std::nullopt : parse_int(line.substr(space + 1));
    if (!lines || *lines <= 0) return failed_error(fmt::format("tolerated.txt: '{}' has no number of lines", line));
    tolerated[std::string(trim(line.substr(0, space)))] = static_cast<std::size_t>(*lines);
  }
  return tolerated;
}

Names parse_banned(std::string_view text) {
  Names banned;
  for (const std::string_view raw : split(text, '\n')) {
    const auto line = trim(raw);
    if (!line.empty() && line.front() != '#') banned.emplace_back(line);
  }
  return banned;
}

std::map<std::string, std::set<std::string>> parse_nw_rooms(std::string_view cmake) {
  constexpr std::string_view kCall = "nw_room(";
  std::string text;
  for (const std::string_view line : split(cmake, '\n')) text.append(without_comment(line)).append("\n");
  std::map<std::string, std::set<std::string>> rooms;
  for (auto at = text.find(kCall); at != std::string::npos; at = text.find(kCall, at + 1)) {
    const auto from = at + kCall.size();
    std::istringstream words(text.substr(from, text.find(')', from) - from));
    std::string room;
    words >> room;
    auto& dependencies = rooms[room];
    bool listing = false;
    for (std::string word; words >> word;) {
      const bool keyword = word == "DEPS" || word == "LIBS" || word == "PUBLIC_LIBS";
      if (keyword) listing = word == "DEPS";
      if (!keyword && listing) dependencies.insert(word);
    }
  }
  return rooms;
}

}  // namespace nw::tidy
