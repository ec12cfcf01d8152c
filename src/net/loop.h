// What the client and the server of this room share of an event loop: moments to come, and a descriptor that stops it.
// Private to net/; needs Asio, so only the .cpp files that use it anyway include it.
#pragma once

#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "base/clock.h"

namespace nw::net {

// Tells the loop that a descriptor became readable, without reading or closing it.
class CancelWatch {
 public:
  CancelWatch(boost::asio::io_context& io, int fd, std::function<void()> on_cancel)
      : descriptor_(io), on_cancel_(std::move(on_cancel)) {
    boost::system::error_code code;
    if (fd >= 0) descriptor_.assign(fd, code);
    listen();
  }
  ~CancelWatch() { release(); }
  CancelWatch(const CancelWatch&) = delete;
  CancelWatch& operator=(const CancelWatch&) = delete;
  // Lets the loop end: a wait is work.
  void release() {
    if (descriptor_.is_open()) descriptor_.release();  // not ours to close
  }

 private:
  // Asio recycles its records of descriptors, and a record may still be queued with an event of the socket that had it
  // before: a wait (unlike a read, which would see EAGAIN) then completes for nothing. So the descriptor is asked.
  void listen() {
    if (!descriptor_.is_open()) return;
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this](const boost::system::error_code& failed) {
                             if (failed || !descriptor_.is_open()) return;
                             pollfd asked{descriptor_.native_handle(), POLLIN, 0};
                             if (::poll(&asked, 1, 0) > 0) return on_cancel_();
                             listen();
                           });
  }

  boost::asio::posix::stream_descriptor descriptor_;
  std::function<void()> on_cancel_;
};

// Calls at moments of a Clock, never early. `on_change` is called after each call and each cancelled one.
class Timers {
 public:
  Timers(boost::asio::io_context& io, const Clock& clock, std::function<void()> on_change)
      : io_(io), clock_(clock), on_change_(std::move(on_change)) {}
  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  void at(Moment when, std::function<void()> then) {
    const auto timer = std::make_shared<boost::asio::steady_timer>(io_);
    timer->expires_at(std::chrono::steady_clock::now() + (when - clock_.now()));
    waiting_.insert(timer);
    timer->async_wait([this, timer, then = std::move(then)](const boost::system::error_code& failed) {
      waiting_.erase(timer);
      if (!failed) then();
      on_change_();
    });
  }
  void cancel() {
    for (const auto& timer : waiting_) timer->cancel();
  }

 private:
  boost::asio::io_context& io_;
  const Clock& clock_;
  std::function<void()> on_change_;
  std::set<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

}  // namespace nw::net
