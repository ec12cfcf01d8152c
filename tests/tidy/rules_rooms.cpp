#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "rules.h"
#include "source.h"

namespace nw::tidy {
namespace {

constexpr std::string_view kSrc = "src/";
constexpr std::string_view kTable = "tests/tidy/layers.toml";
// What every room may use without saying so.
constexpr std::string_view kCommon = "base";

bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string kind_of_room(const Layers& layers, const std::string& room) {
  for (const auto& [kind, rooms] : layers.kinds) {
    if (contains(rooms, room)) return kind;
  }
  return {};
}

bool may_use(const std::string& kind, const std::string& used) {
  if (kind == "pure") return used == "pure";
  if (kind == "door") return used == "pure";
  if (kind == "feature") return used == "pure" || used == "door";
  return true;
}

// True if following the table from `room` comes back to it.
bool in_circle(const Layers& layers, const std::string& room) {
  std::set<std::string> seen;
  Names open = layers.rooms.at(room);
  while (!open.empty()) {
    const std::string next = open.back();
    open.pop_back();
    if (next == room) return true;
    const auto found = layers.rooms.find(next);
    if (found == layers.rooms.end() || !seen.insert(next).second) continue;
    open.insert(open.end(), found->second.begin(), found->second.end());
  }
  return false;
}

// "boost/asio.hpp" of <boost/asio.hpp> and of "boost/asio.hpp".
std::string included(const Directive& directive) {
  if (directive.name != "include" || directive.rest.size() < 2) return {};
  const char close = directive.rest.front() == '<' ? '>' : '"';
  return directive.rest.substr(1, directive.rest.find(close, 1) - 1);
}

bool is_public_header(std::string_view path) {
  return path.starts_with(kSrc) && path.find("/include/") != std::string_view::npos;
}

std::set<std::string> without_common(const Names& names) {
  std::set<std::string> set(names.begin(), names.end());
  set.erase(std::string(kCommon));
  return set;
}

}  // namespace

std::string room_of(std::string_view path) {
  for (const std::string_view parent : {kSrc, std::string_view("tests/unit/")}) {
    if (!path.starts_with(parent)) continue;
    const auto rest = path.substr(parent.size());
    const auto end = rest.find('/');
    if (end != std::string_view::npos) return std::string(rest.substr(0, end));
  }
  return {};
}

Findings check_table(const Layers& layers) {
  Findings findings;
  const auto add = [&](std::string text) { findings.push_back({std::string(kTable), 0, "table", std::move(text)}); };
  for (const auto& [room, uses] : layers.rooms) {
    const std::string kind = kind_of_room(layers, room);
    if (kind.empty()) add(fmt::format("room '{}' has no kind", room));
    for (const std::string& used : uses) {
      const std::string other = kind_of_room(layers, used);
      if (!layers.rooms.contains(used)) {
        add(fmt::format("room '{}' uses '{}', which is no room", room, used));
      } else if (!may_use(kind, other)) {
        add(fmt::format("'{}' is {} and must not use '{}', which is {}", room, kind, used, other));
      }
    }
    if (in_circle(layers, room)) add(fmt::format("room '{}' uses itself in a circle", room));
  }
  return findings;
}

Findings check_cmake(const Tree& tree, const Layers& layers) {
  const std::string path = "CMakeLists.txt";
  Findings findings;
  const auto found = tree.files.find(path);
  const auto calls = found == tree.files.end() ? decltype(parse_nw_rooms("")){} : parse_nw_rooms(found->second);
  const auto add = [&](std::string text) { findings.push_back({path, 0, "cmake", std::move(text)}); };
  for (const auto& [room, dependencies] : calls) {
    const auto row = layers.rooms.find(room);
    if (row == layers.rooms.end()) {
      add(fmt::format("nw_room({}) is not in layers.toml", room));
      continue;
    }
    const auto said = without_common({dependencies.begin(), dependencies.end()});
    const auto wanted = without_common(row->second);
    if (said != wanted) add(fmt::format("nw_room({}) has DEPS {}, layers.toml has {}", room, said, wanted));
  }
  for (const auto& [room, uses] : layers.rooms) {
    if (!calls.contains(room)) add(fmt::format("room '{}' of layers.toml has no nw_room()", room));
  }
  std::set<std::string> folders;
  for (const auto& [file, text] : tree.files) {
    if (file.starts_with(kSrc)) folders.insert(room_of(file));
  }
  for (const std::string& room : folders) {
    if (!layers.rooms.contains(room)) add(fmt::format("src/{} is no room of layers.toml", room));
  }
  return findings;
}

Findings check_rooms(const Tree& tree, const Layers& layers) {
  Findings findings;
  for (const auto& [path, text] : tree.files) {
    const std::string room = room_of(path);
    const auto row = layers.rooms.find(room);
    if (!path.starts_with(kSrc) || !is_cpp(path) || row == layers.rooms.end()) continue;
    for (const Directive& directive : scan(text).directives) {
      const std::string header = included(directive);
      // Around the table by a relative path.
      if (header.starts_with("../")) {
        findings.push_back({path, directive.line, "rooms", fmt::format("includes \"{}\" by a relative path", header)});
      }
      const std::string used = header.substr(0, header.find('/'));
      if (directive.rest.front() != '"' || used == header || !layers.rooms.contains(used)) continue;
      if (used == room || used == kCommon || contains(row->second, used)) continue;
      findings.push_back({path, directive.line, "rooms",
                          fmt::format("'{}' must not include \"{}\": it may use {}", room, header, row->second)});
    }
  }
  return findings;
}

Findings check_third_party(const Tree& tree, const Layers& layers) {
  Findings findings;
  for (const auto& [path, text] : tree.files) {
    const std::string room = room_of(path);
    if (room.empty() || !is_cpp(path)) continue;
    const Source source = scan(text);
    for (const Directive& directive : source.directives) {
      const std::string header = included(directive);
      for (const auto& [prefix, rooms] : layers.third_party) {
        if (!header.starts_with(prefix) || contains(rooms, room)) continue;
        findings.push_back(
            {path, directive.line, "third-party", fmt::format("<{}> belongs into {} only", header, rooms)});
      }
      if (is_public_header(path) && header.starts_with("boost/")) {
        findings.push_back({path, directive.line, "third-party", "no Boost header in a public header"});
      }
    }
    if (!is_public_header(path)) continue;
    for (const auto at : find_words(source.code, "boost")) {
      findings.push_back({path, line_of(text, at), "third-party", "no Boost type in a public header"});
    }
  }
  return findings;
}

}  // namespace nw::tidy
