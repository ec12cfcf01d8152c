#include "app/progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace nw::app {

Progress::Progress(const Clock& clock, bool enabled, int width)
    : clock_(clock), enabled_(enabled), width_(width), step_begin_(clock.now()) {}

Progress::~Progress() { clear(); }

void Progress::plan(double expected_s) { left_s_ = expected_s; }

void Progress::step(int number, int of, std::string backend, double expected_left_s) {
  where_ = fmt::format("[{}/{}] {}", number, of, printable(backend));
  what_.clear();
  left_s_ = expected_left_s;
  step_begin_ = clock_.now();
  tick();
}

void Progress::doing(std::string what) {
  what_ = std::move(what);
  tick();
}

void Progress::figure(std::string figure) {
  figure_ = std::move(figure);
  tick();
}

void Progress::tick() {
  if (!enabled_) return;
  const double left = std::max(0.0, left_s_ - to_seconds(clock_.now() - step_begin_));
  std::string line = where_;
  if (!what_.empty()) line += " · " + what_;
  line += fmt::format(" · {} left", human_seconds(left));
  if (!figure_.empty()) line += " · last: " + figure_;
  // Cut by characters, not bytes: "·" is one column and two bytes.
  std::size_t columns = 0;
  std::size_t bytes = 0;
  while (bytes < line.size() && columns + 1 < static_cast<std::size_t>(width_)) {
    do ++bytes;
    while (bytes < line.size() && (static_cast<unsigned char>(line[bytes]) & 0xC0) == 0x80);
    ++columns;
  }
  log::raw(fmt::format("\r\x1b[K{}", line.substr(0, bytes)));
  drawn_ = true;
}

void Progress::clear() {
  if (!std::exchange(drawn_, false)) return;
  log::raw(fmt::format("\r\x1b[K"));
}

}  // namespace nw::app
