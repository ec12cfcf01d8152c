// Turns the user's Ctrl-C (a descriptor, os/wait.h) into a std::stop_token, for work that only knows those.
#pragma once

#include <stop_token>
#include <thread>

#include "os/wait.h"

namespace nw::app {

// Holds a thread that sleeps until the descriptor is readable or the bridge ends.
class StopBridge {
 public:
  explicit StopBridge(int stop_fd);
  ~StopBridge();
  StopBridge(const StopBridge&) = delete;
  StopBridge& operator=(const StopBridge&) = delete;
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  os::EitherStop done_{-1};
  std::thread waiter_;
};

}  // namespace nw::app
