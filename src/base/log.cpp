#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <string>

namespace nw::log {
namespace {

std::atomic<Level> g_level{Level::info};

std::string_view prefix(Level level) {
  switch (level) {
    case Level::error:
      return "nightwatt: ";
    case Level::warning:
      return "warning: ";
    case Level::info:
    case Level::verbose:
      return "";
  }
  return "";
}

}  // namespace

void set_level(Level level) { g_level = level; }
bool enabled(Level level) { return level <= g_level.load(std::memory_order_relaxed); }

void raw(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);  // unlike fmt::print, it does not throw when that fails
}

void write(Level level, std::string_view text) {
  if (!enabled(level)) return;
  const std::string line = fmt::format("{}{}\n", prefix(level), text);
  std::fwrite(line.data(), 1, line.size(), stderr);  // stderr is unbuffered: one write
}

}  // namespace nw::log
