// Messages for the person at the terminal, on standard error; results go to standard output and never through here.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace nw::log {

enum class Level { error, warning, info, verbose };

// What is shown: everything up to this level. Default info. Set once at start-up, before threads.
void set_level(Level level);
[[nodiscard]] bool enabled(Level level);

// Writes one line in one write(2), so that lines of several threads do not mix. Any thread.
void write(Level level, std::string_view text);

// Text as it is (a list, a progress line), in one write. A terminal that is gone is no error: what is measured counts.
void raw(std::string_view text);

template <class... A>
void info(fmt::format_string<A...> f, A&&... a) {
  if (enabled(Level::info)) write(Level::info, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
void warning(fmt::format_string<A...> f, A&&... a) {
  if (enabled(Level::warning)) write(Level::warning, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
void verbose(fmt::format_string<A...> f, A&&... a) {
  if (enabled(Level::verbose)) write(Level::verbose, fmt::format(f, std::forward<A>(a)...));
}

}  // namespace nw::log
