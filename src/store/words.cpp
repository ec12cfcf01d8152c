#include "words.h"

#include <array>
#include <optional>

namespace nw::store {
namespace {

template <class E>
bool take(std::optional<E> value, E& out) {
  if (!value) return false;
  out = *value;
  return true;
}

constexpr std::array kLevels = {log::Level::error, log::Level::warning, log::Level::info, log::Level::verbose};

}  // namespace

std::string_view to_string(log::Level level) {
  switch (level) {
    case log::Level::error:
      return "error";
    case log::Level::warning:
      return "warning";
    case log::Level::info:
      return "info";
    case log::Level::verbose:
      return "verbose";
  }
  return "info";
}

bool from_word(std::string_view word, model::Engine& out) { return take(model::engine_from(word), out); }
bool from_word(std::string_view word, model::State& out) { return take(model::state_from(word), out); }
bool from_word(std::string_view word, model::Round& out) { return take(model::round_from(word), out); }
bool from_word(std::string_view word, model::Reason& out) { return take(model::reason_from(word), out); }
bool from_word(std::string_view word, model::RestartStatus& out) { return take(model::restart_status_from(word), out); }
bool from_word(std::string_view word, log::Level& out) {
  for (const log::Level level : kLevels) {
    if (to_string(level) != word) continue;
    out = level;
    return true;
  }
  return false;
}

}  // namespace nw::store
