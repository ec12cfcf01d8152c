// Waiting for a moment, a descriptor or the user's Ctrl-C, whichever is first.
#pragma once

#include <span>

#include "base/clock.h"
#include "os/fd.h"

namespace nw::os {

// Waits until `deadline` or until one of `fds` is readable (or hung up). Returns the index of the first such
// descriptor, or -1 at the deadline. Descriptors of -1 are skipped. One thread per call; costs one ppoll.
int wait_until(Moment deadline, std::span<const int> fds);

// SIGINT, SIGTERM and SIGHUP as a descriptor that becomes, and stays, readable. A second signal ends the program at
// once (exit status 130): whatever was started is ended by its guard. Create one, early, in main().
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  [[nodiscard]] int fd() const { return event_.get(); }
  [[nodiscard]] bool stopped() const;

 private:
  Fd event_;
};

// A descriptor that becomes readable when another one does, or when stop() is called: ends one piece of work by itself
// or together with everything else.
class EitherStop {
 public:
  explicit EitherStop(int other);
  [[nodiscard]] int fd() const { return epoll_.get(); }
  void stop();  // any thread

 private:
  Fd event_, epoll_;
};

}  // namespace nw::os
