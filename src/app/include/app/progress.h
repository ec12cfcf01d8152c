// Progress for a person: which backend, which round, how far, how long still, and the last figure. One line of the
// terminal, rewritten; nothing at all where standard error is not a terminal.
#pragma once

#include <string>

#include "base/clock.h"

namespace nw::app {

class Progress {
 public:
  // `enabled`: standard error is a terminal and --quiet was not given. The clock must outlive it.
  Progress(const Clock& clock, bool enabled, int width);
  ~Progress();  // leaves an empty line behind
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void plan(double expected_s);  // of the whole run
  void step(int number, int of, std::string backend, double expected_left_s);
  void doing(std::string what);     // "loaded_idle 30 s", "tg128"
  void figure(std::string figure);  // "1.00 cores", "48.1 t/s"
  void tick();                      // redraws; call about once a second
  void clear();                     // before another line is written

 private:
  const Clock& clock_;
  bool enabled_;
  int width_;
  Moment step_begin_;
  double left_s_ = 0;
  std::string where_, what_, figure_;
  bool drawn_ = false;
};

}  // namespace nw::app
