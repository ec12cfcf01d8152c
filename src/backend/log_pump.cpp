#include "backend/log_pump.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "os/file.h"
#include "os/system_clock.h"

namespace nw::backend {
namespace {

constexpr std::size_t kTailLines = 40;
constexpr std::size_t kHeadLines = 400;
// A line without an end is cut here: a progress bar or a binary dump must not fill the memory.
constexpr std::size_t kMaxLine = 16384;

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // a full disk must not stop the measurement: the log is then short
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

Result<std::unique_ptr<LogPump>> LogPump::start(const std::string& path, wire::SecretFilter filter) {
  os::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) return failed_error(fmt::format("cannot write the log {}: {}", path, os::errno_text(errno)));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return failed_error(fmt::format("cannot make a pipe for the log: {}", os::errno_text(errno)));
  }
  return std::unique_ptr<LogPump>(
      new LogPump(path, std::move(file), os::Fd(ends[0]), os::Fd(ends[1]), std::move(filter)));
}

LogPump::LogPump(std::string path, os::Fd file, os::Fd output, os::Fd input, wire::SecretFilter filter)
    : path_(std::move(path)),
      file_(std::move(file)),
      output_(std::move(output)),
      input_(std::move(input)),
      filter_(std::move(filter)),
      thread_([this] { run(); }) {}

LogPump::~LogPump() { finish(); }

void LogPump::finish() {
  close_input();
  ending_ = true;
  end_.stop();
  if (thread_.joinable()) thread_.join();
}

void LogPump::run() {
  std::string pending;
  bool skipping = false;
  std::array<char, 16384> buffer{};
  while (wait_for_output()) {
    const ssize_t n = ::read(output_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    pending.append(buffer.data(), static_cast<std::size_t>(n));
    std::size_t from = 0;
    for (std::size_t end = 0; (end = pending.find('\n', from)) != std::string::npos; from = end + 1) {
      if (!std::exchange(skipping, false)) take_line(std::string_view(pending).substr(from, end - from));
    }
    pending.erase(0, from);
    if (pending.size() > kMaxLine) {
      if (!skipping) take_long_line(pending);
      skipping = true;  // the rest of this line
      pending.clear();
    }
  }
  if (!pending.empty() && !skipping) take_line(pending);
}

// A secret may stand across the cut: the line is masked first, then its last bytes, which may hold the beginning of
// one, are left out.
void LogPump::take_long_line(std::string_view line) {
  constexpr std::size_t kLongestSecret = 512;
  std::string masked = filter_.apply(line);
  masked.resize(masked.size() > kLongestSecret ? masked.size() - kLongestSecret : 0);
  take_line(masked + " [the rest of this line is left out]");
}

// False: everything is read, or the pump is being ended and nothing more comes. A daemon that the server left behind
// may hold the other end for ever, so the end of the pipe alone is not waited for.
bool LogPump::wait_for_output() {
  constexpr auto kDrain = std::chrono::milliseconds(500);
  constexpr auto kLong = std::chrono::hours(24);
  const os::SystemClock clock;
  while (true) {
    const bool ending = ending_;
    const std::array fds = {output_.get(), ending ? -1 : end_.fd()};
    const int which = os::wait_until(clock.now() + (ending ? std::chrono::nanoseconds(kDrain) : kLong), fds);
    if (which == 0) return true;
    if (ending) return false;
  }
}

void LogPump::take_line(std::string_view line) {
  std::string masked = filter_.apply(line);
  write_all(file_.get(), masked + "\n");
  const std::lock_guard lock(mutex_);
  if (head_.size() < kHeadLines) head_.push_back(masked);
  tail_.push_back(std::move(masked));
  if (tail_.size() > kTailLines) tail_.pop_front();
}

std::vector<std::string> LogPump::tail(std::size_t lines) const {
  const std::lock_guard lock(mutex_);
  const std::size_t from = tail_.size() > lines ? tail_.size() - lines : 0;
  return {tail_.begin() + static_cast<std::ptrdiff_t>(from), tail_.end()};
}

std::vector<std::string> LogPump::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

}  // namespace nw::backend
