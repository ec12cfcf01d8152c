#include "os/wait.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include "os/system_clock.h"

namespace nw::os {

int wait_until(Moment deadline, std::span<const int> fds) {
  std::vector<pollfd> polled;
  polled.reserve(fds.size());
  for (const int fd : fds) polled.push_back({fd, POLLIN, 0});
  const SystemClock clock;
  while (true) {
    const std::int64_t left = std::max<std::int64_t>(0, (deadline - clock.now()).count());
    const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    const int ready = ::ppoll(polled.data(), polled.size(), &timeout, nullptr);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return -1;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents != 0) return static_cast<int>(i);
    }
  }
}

namespace {

// A signal handler reaches nothing but globals; there is one StopSignal in a program.
volatile std::sig_atomic_t g_event = -1;
volatile std::sig_atomic_t g_count = 0;
constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
constexpr int kInterruptedExit = 130;

void on_signal(int) {
  const int saved = errno;
  g_count = g_count + 1;
  if (g_count > 1) ::_exit(kInterruptedExit);
  const std::uint64_t one = 1;
  if (g_event >= 0) [[maybe_unused]]
    const auto n = ::write(g_event, &one, sizeof one);
  errno = saved;
}

}  // namespace

StopSignal::StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  g_event = event_.get();
  g_count = 0;
  struct sigaction action{};
  action.sa_handler = on_signal;
  for (const int signal : kSignals) {
    struct sigaction before{};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);  // nohup stays nohup
  }
  ::signal(SIGPIPE, SIG_IGN);
}

StopSignal::~StopSignal() {
  for (const int signal : kSignals) ::signal(signal, SIG_DFL);
  g_event = -1;
}

bool StopSignal::stopped() const {
  pollfd p{event_.get(), POLLIN, 0};
  return ::poll(&p, 1, 0) > 0;
}

EitherStop::EitherStop(int other)
    : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event readable{};
  readable.events = EPOLLIN;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &readable);
  if (other >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, other, &readable);
}

void EitherStop::stop() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(event_.get(), &one, sizeof one);
}

}  // namespace nw::os
