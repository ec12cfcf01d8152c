#include "os/file.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/text.h"
#include "os/fd.h"
#include "os/system_clock.h"

namespace nw::os {

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Moment SystemClock::now() const {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return {t.tv_sec * 1'000'000'000LL + t.tv_nsec};
}

std::int64_t SystemClock::wall_ns() const {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

std::string errno_text(int error) {
  char buffer[128];
  return ::strerror_r(error, buffer, sizeof buffer);  // the GNU one: thread-safe, returns the text
}

namespace {

// Returns 0 or an errno.
int read_into(const std::string& path, std::size_t limit, std::string& text) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return errno;
  text.clear();
  char buffer[16384];
  while (text.size() < limit) {
    const ssize_t n = ::read(fd.get(), buffer, std::min(sizeof buffer, limit - text.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return 0;
}

}  // namespace

std::uint64_t raise_open_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return 0;
  const auto before = files.rlim_cur;
  files.rlim_cur = files.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : before;
}

std::optional<std::string> read_small(const std::string& path, std::size_t limit) {
  std::string text;
  if (read_into(path, limit, text) != 0) return std::nullopt;
  return text;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  std::string text;
  struct stat facts{};
  // Opening a pipe would wait for somebody to write into it.
  if (::stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) {
    return lacking_error(fmt::format("cannot read {}: it is not a regular file", path));
  }
  if (const int error = read_into(path, limit, text); error != 0) {
    return lacking_error(fmt::format("cannot read {}: {}", path, errno_text(error)));
  }
  return text;
}

namespace {

// Returns 0 or an errno.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

// A device, a pipe or a terminal is written into: to replace it by a file would break it for everybody.
Status write_into(const std::string& path, std::string_view text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  const int error = fd ? write_all(fd.get(), text) : errno;
  if (error != 0) return failed_error(fmt::format("cannot write {}: {}", path, errno_text(error)));
  return {};
}

}  // namespace

Status write_file(const std::string& name, std::string_view text) {
  std::string path = name;
  struct stat there{};
  if (::stat(path.c_str(), &there) == 0) {
    if (S_ISDIR(there.st_mode)) {
      return usage_error(fmt::format("{} is a folder", name), "name a file");
    }
    if (!S_ISREG(there.st_mode)) return write_into(path, text);
    // The file behind a link is replaced, not the link.
    if (char* real = ::realpath(path.c_str(), nullptr); real != nullptr) {
      path = real;
      std::free(real);
    }
  }
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd) return failed_error(fmt::format("cannot write {}: {}", name, errno_text(errno)));
  int error = write_all(fd.get(), text);
  fd.reset();
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(temporary.c_str());
  return failed_error(fmt::format("cannot write {}: {}", name, errno_text(error)));
}

namespace {

// Distributions that give every user a private group set umask 002, so a group of the user's own name is no "other".
bool is_private_group(gid_t group) {
  const passwd* user = ::getpwuid(::geteuid());
  const ::group* entry = ::getgrgid(group);
  return user != nullptr && entry != nullptr && user->pw_gid == group &&
         std::strcmp(user->pw_name, entry->gr_name) == 0;
}

}  // namespace

std::optional<std::string> writable_by_others(const std::string& path) {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) return std::nullopt;  // reading it will say so
  if (file.st_uid != ::geteuid() && file.st_uid != 0) return "belongs to another user";
  if ((file.st_mode & S_IWOTH) != 0) return "is writable by everybody";
  if ((file.st_mode & S_IWGRP) != 0 && !is_private_group(file.st_gid)) return "is writable by its group";
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  struct stat dir{};
  if (::stat(folder.c_str(), &dir) != 0) return std::nullopt;
  if ((dir.st_mode & S_IWOTH) != 0 && (dir.st_mode & S_ISVTX) == 0) return "is in a folder that everybody can write";
  return std::nullopt;
}

std::optional<std::string> find_program(std::string_view name, std::string_view path) {
  const auto runnable = [](const std::string& file) {
    struct stat s{};
    return ::stat(file.c_str(), &s) == 0 && S_ISREG(s.st_mode) && ::access(file.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string_view::npos) {
    std::string file(name);
    if (!runnable(file)) return std::nullopt;
    return file;
  }
  for (const auto folder : split(path, ':')) {
    std::string file = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    if (runnable(file)) return file;
  }
  return std::nullopt;
}

}  // namespace nw::os
