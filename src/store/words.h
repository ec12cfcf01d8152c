// Enumerations in the file are words, so that it can be read with the sqlite3 shell and survives a reordered enum.
#pragma once

#include <string_view>

#include "base/log.h"
#include "model/run_data.h"

namespace nw::store {

using model::to_string;
[[nodiscard]] std::string_view to_string(log::Level level);

// False: this version does not know the word; `out` is then unchanged.
[[nodiscard]] bool from_word(std::string_view word, model::Engine& out);
[[nodiscard]] bool from_word(std::string_view word, model::State& out);
[[nodiscard]] bool from_word(std::string_view word, model::Round& out);
[[nodiscard]] bool from_word(std::string_view word, model::Reason& out);
[[nodiscard]] bool from_word(std::string_view word, model::RestartStatus& out);
[[nodiscard]] bool from_word(std::string_view word, log::Level& out);

}  // namespace nw::store
