// A server for tests, of threads and plain sockets: it sends exactly the bytes that a test gives it, when it says so,
// and nothing of it is shared with the client under test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace nw::test {

class RealClock : public Clock {
 public:
  [[nodiscard]] Moment now() const override { return {read(CLOCK_MONOTONIC)}; }
  [[nodiscard]] std::int64_t wall_ns() const override { return read(CLOCK_REALTIME); }

 private:
  static std::int64_t read(clockid_t id) {
    timespec time{};
    ::clock_gettime(id, &time);
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
  }
};

// One accepted connection, inside a script.
class Connection {
 public:
  Connection(int fd, const std::atomic<bool>& over) : fd_(fd), over_(over) {}
  // False once the client has gone.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  // The head and, by its Content-Length, the body.
  [[nodiscard]] std::string read_request() const {
    std::string text;
    while (true) {
      const std::size_t end = text.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::size_t at = text.find("Content-Length: ");
        const std::size_t length = at < end ? std::strtoul(text.c_str() + at + 16, nullptr, 10) : 0;
        if (text.size() >= end + 4 + length) return text;
      }
      char buffer[4096];
      const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
      if (count <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }
  // Sleeps, but not beyond the end of the test.
  void pause(std::chrono::milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!over_ && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::min(time, std::chrono::milliseconds(2)));
    }
  }
  // The close that follows becomes a reset.
  void reset() const {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  [[nodiscard]] bool over() const { return over_; }

 private:
  int fd_;
  const std::atomic<bool>& over_;
};

using Script = std::function<void(const Connection&, const std::string& request)>;

class RawServer {
 public:
  explicit RawServer(Script script, bool v6 = false, bool read_requests = true)
      : script_(std::move(script)), read_requests_(read_requests) {
    listener_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (v6) {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      address.sin6_addr = in6addr_loopback;
      ok_ = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
      socklen_t size = sizeof address;
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
      port_ = ntohs(address.sin6_port);
    } else {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      ok_ = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
      socklen_t size = sizeof address;
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
      port_ = ntohs(address.sin_port);
    }
    ok_ = ok_ && ::listen(listener_, 16) == 0;
    thread_ = std::thread([this] { serve(); });
  }
  ~RawServer() {
    over_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    {
      const std::lock_guard lock(mutex_);
      if (current_ >= 0) ::shutdown(current_, SHUT_RDWR);
    }
    thread_.join();
    ::close(listener_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!over_) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) break;
      const int yes = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      {
        const std::lock_guard lock(mutex_);
        current_ = fd;
      }
      const Connection connection(fd, over_);
      const std::string request = read_requests_ ? connection.read_request() : std::string();
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      script_(connection, request);
      const std::lock_guard lock(mutex_);
      current_ = -1;
      ::close(fd);
    }
  }

  Script script_;
  bool read_requests_;
  bool ok_ = false;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> over_{false};
  mutable std::mutex mutex_;
  int current_ = -1;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace nw::test
