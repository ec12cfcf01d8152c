// How to write 18 GB so that nobody ever sees a part of it, at the speed of the disk, without filling memory?
//
// Whole or nothing: a file opened with O_TMPFILE (open(2), Linux 3.11; ext4, xfs, btrfs, tmpfs, overlayfs of 6.1) has
// no name until linkat(2) gives it one, and linkat never replaces. No signal, crash or power cut can leave a half
// file. Some file systems lack it (9p, drvfs of WSL, vfat, NFS): there a named file is used, renamed at the end with
// RENAME_NOREPLACE, or by link and unlink where that flag is unknown (vfat and NFS answer EINVAL).
//
// Room: statvfs says early and in words whether the disk can hold the file; fallocate(2) then reserves it where the
// file system can, so that another program cannot take it meanwhile, and quotas speak up before the first byte.
//
// Speed and memory: the kernel would collect dirty pages up to vm.dirty_ratio of memory, stall, and leave gigabytes of
// cache that push out the things the user needs. sync_file_range(2) starts writing each step at once, and waits for
// the one that lies kWindow back, which is then dropped from the cache: the disk is always busy, the cache stays small.
#include "os/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace nw::os {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kStep = 16ULL << 20;     // written back in pieces of this size
constexpr std::uint64_t kWindow = 128ULL << 20;  // that much may be under way or cached

std::string reason(int error) { return std::generic_category().message(error); }

// --- The named fallback and signals -------------------------------------------------------------------------------
// One file at a time: nothing in this program writes two models at once, and a second one merely loses this net.
// The handler may use only what is async-signal-safe: an atomic flag and a fixed buffer that is set before it.
char g_part_path[4096];
std::atomic<bool> g_part_armed{false};
std::atomic<bool> g_named_only{false};

extern "C" void remove_part_and_die(int signal_number) {
  if (g_part_armed.exchange(false)) ::unlink(g_part_path);
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

void arm_signals(const std::string& part) {
  if (part.size() >= sizeof g_part_path || g_part_armed.load()) return;
  std::memcpy(g_part_path, part.c_str(), part.size() + 1);
  g_part_armed.store(true);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old{};
    if (::sigaction(number, nullptr, &old) != 0 || old.sa_handler != SIG_DFL) continue;  // somebody unwinds already
    struct sigaction action{};
    action.sa_handler = remove_part_and_die;
    ::sigaction(number, &action, nullptr);
  }
}

void disarm_signals() {
  if (!g_part_armed.exchange(false)) return;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old{};
    if (::sigaction(number, nullptr, &old) == 0 && old.sa_handler == remove_part_and_die) std::signal(number, SIG_DFL);
  }
}

// --- Opening --------------------------------------------------------------------------------------------------------
Error exists_error(const fs::path& target) {
  return usage_error(fmt::format("{} exists already", printable(target.string())),
                     "choose another name with -o, or remove the file first");
}

Status check_room(const fs::path& directory, std::uint64_t expected_bytes) {
  struct statvfs room{};
  if (::statvfs(directory.c_str(), &room) != 0) {
    return lacking_error(fmt::format("cannot write to {}: {}", printable(directory.string()), reason(errno)),
                         "create the directory, or choose another place with -o");
  }
  const std::uint64_t available = std::uint64_t{room.f_bavail} * room.f_frsize;
  if (available >= expected_bytes) return {};
  return failed_error(fmt::format("the file needs {}, and only {} are free in {}", human_bytes(expected_bytes),
                                  human_bytes(available), printable(directory.string())),
                      "free some space, or choose another disk with -o");
}

// Reserves the space; a file system that cannot is no error, a full one is.
Status reserve(int fd, const fs::path& target, std::uint64_t expected_bytes) {
  if (expected_bytes == 0) return {};
  int status = 0;
  do {
    status = ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(expected_bytes));
  } while (status != 0 && errno == EINTR);
  if (status == 0 || (errno != ENOSPC && errno != EDQUOT && errno != EFBIG)) return {};
  return failed_error(fmt::format("cannot reserve {} for {}: {}", human_bytes(expected_bytes),
                                  printable(target.string()), reason(errno)),
                      "free some space, or choose another disk with -o");
}

bool lacks_nameless_files(int error) {
  return error == EOPNOTSUPP || error == EISDIR || error == ENOENT || error == EINVAL;
}

}  // namespace

struct OutputFile::State {
  fs::path target;
  fs::path directory;
  std::string part;  // empty: the file has no name yet
  int fd = -1;
  std::uint64_t written = 0;
  std::uint64_t pushed = 0;   // handed to the disk up to here
  std::uint64_t dropped = 0;  // on the disk and out of the cache up to here

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (fd >= 0) ::close(fd);
    if (part.empty()) return;
    ::unlink(part.c_str());
    disarm_signals();
  }

  Status open();
  void push();
  Status give_name();
};

Status OutputFile::State::open() {
  constexpr mode_t kMode = 0666;  // the umask takes its part
  const bool named_only = g_named_only.load();
  if (!named_only) fd = ::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode);
  if (named_only || (fd < 0 && lacks_nameless_files(errno))) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    part = (directory / fmt::format(".{}.{}-{}.part", target.filename().string(), ::getpid(), now)).string();
    arm_signals(part);
    fd = ::open(part.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kMode);
  }
  if (fd >= 0) return {};
  return lacking_error(fmt::format("cannot write to {}: {}", printable(directory.string()), reason(errno)),
                       "choose a directory that you may write to with -o");
}

void OutputFile::State::push() {
  // Errors of these hints do not matter here: fsync reports a broken disk again.
  const auto range = [this](std::uint64_t from, std::uint64_t to, unsigned flags) {
    ::sync_file_range(fd, static_cast<off_t>(from), static_cast<off_t>(to - from), flags);
  };
  while (written - pushed >= kStep) {
    range(pushed, pushed + kStep, SYNC_FILE_RANGE_WRITE);
    pushed += kStep;
  }
  while (pushed - dropped > kWindow) {
    range(dropped, dropped + kStep, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    ::posix_fadvise(fd, static_cast<off_t>(dropped), static_cast<off_t>(kStep), POSIX_FADV_DONTNEED);
    dropped += kStep;
  }
}

Status OutputFile::State::give_name() {
  int status = 0;
  if (part.empty()) {
    // Through /proc, because linkat with AT_EMPTY_PATH is for the privileged before Linux 6.10.
    const std::string self = fmt::format("/proc/self/fd/{}", fd);
    status = ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW);
    if (status != 0 && errno == ENOENT) status = ::linkat(fd, "", AT_FDCWD, target.c_str(), AT_EMPTY_PATH);
  } else {
    status = ::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE);
    if (status != 0 && (errno == EINVAL || errno == ENOSYS)) status = ::link(part.c_str(), target.c_str());
  }
  if (status == 0) return {};
  if (errno == EEXIST) return exists_error(target);
  return failed_error(fmt::format("cannot name the finished file {}: {}", printable(target.string()), reason(errno)),
                      "choose another place with -o");
}

OutputFile::OutputFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutputFile::OutputFile(OutputFile&& other) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&& other) noexcept = default;
OutputFile::~OutputFile() = default;

Result<OutputFile> OutputFile::create(const fs::path& target, std::uint64_t expected_bytes) {
  auto state = std::make_unique<State>();
  state->target = target;
  state->directory = target.has_parent_path() ? target.parent_path() : fs::path(".");
  struct stat found{};
  if (::lstat(target.c_str(), &found) == 0) return exists_error(target);
  NW_CHECK(check_room(state->directory, expected_bytes));
  NW_CHECK(state->open());
  NW_CHECK(reserve(state->fd, target, expected_bytes));
  return OutputFile(std::move(state));
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(state_->fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return failed_error(fmt::format("cannot write {}: {}", printable(state_->target.string()), reason(errno)),
                          "nothing was left behind; free some space, or choose another disk with -o");
    }
    state_->written += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    state_->push();
  }
  return {};
}

Status OutputFile::commit() {
  // Space that was reserved and not used goes back.
  if (::ftruncate(state_->fd, static_cast<off_t>(state_->written)) != 0 || ::fsync(state_->fd) != 0) {
    return failed_error(fmt::format("cannot write {}: {}", printable(state_->target.string()), reason(errno)),
                        "nothing was left behind; look at the disk's health with dmesg");
  }
  NW_CHECK(state_->give_name());
  // The name is durable once its directory is; a file system that cannot do that has given what it can.
  if (const int dir = ::open(state_->directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); dir >= 0) {
    ::fsync(dir);
    ::close(dir);
  }
  return {};
}

std::uint64_t OutputFile::bytes_written() const { return state_->written; }

void OutputFile::use_named_files_for_test(bool yes) { g_named_only.store(yes); }

}  // namespace nw::os
