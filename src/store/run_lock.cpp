// flock(2) and not fcntl(2) record locks: the latter vanish as soon as any descriptor of the same file is closed in
// this process, and their owner is a process instead of an open file. A flock belongs to the open file description,
// which a forked child shares until it executes another program (O_CLOEXEC): hence the short wait in take(), which also
// covers a writer that was killed while a child of its own was between fork and exec.
#include "run_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "base/text.h"

namespace nw::store {
namespace {

using namespace std::chrono_literals;

constexpr int kTries = 6;
constexpr auto kPause = 50ms;

Error cannot_lock(const std::filesystem::path& file, int error) {
  return lacking_error(fmt::format("cannot lock {}: {}", file.string(), std::strerror(error)),
                       "choose a folder that you may write to");
}

Error already_locked(const std::filesystem::path& dir, int fd) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  const auto pid = size > 0 ? parse_int(trim({text.data(), static_cast<std::size_t>(size)})) : std::nullopt;
  const std::string who = pid ? fmt::format("another nightwatt (pid {})", *pid) : std::string("another nightwatt");
  return lacking_error(fmt::format("{} is writing to {}", who, dir.string()),
                       "wait for it to end, stop it, or choose another folder with --out");
}

// For people and for the message above only: the lock is the flock, so a failure here changes nothing.
void sign(int fd) {
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) == 0) [[maybe_unused]]
    const ssize_t written = ::pwrite(fd, text.data(), text.size(), 0);
}

}  // namespace

Result<RunLock> RunLock::take(const std::filesystem::path& dir) {
  const auto file = dir / "run.lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return cannot_lock(file, errno);
  RunLock lock(fd);
  for (int left = kTries; ::flock(fd, LOCK_EX | LOCK_NB) != 0;) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return cannot_lock(file, errno);
    if (--left == 0) return already_locked(dir, fd);
    std::this_thread::sleep_for(kPause);
  }
  sign(fd);
  return lock;
}

RunLock::RunLock(RunLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

RunLock& RunLock::operator=(RunLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

RunLock::~RunLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace nw::store
