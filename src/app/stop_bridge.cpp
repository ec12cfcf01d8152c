#include "app/stop_bridge.h"

#include <array>
#include <chrono>

#include "os/system_clock.h"

namespace nw::app {

StopBridge::StopBridge(int stop_fd)
    : waiter_([this, stop_fd] {
        const std::array fds = {done_.fd(), stop_fd};
        constexpr auto kForEver = std::chrono::hours(24 * 365);
        if (os::wait_until(os::SystemClock().now() + kForEver, fds) == 1) source_.request_stop();
      }) {}

StopBridge::~StopBridge() {
  done_.stop();
  waiter_.join();
}

}  // namespace nw::app
