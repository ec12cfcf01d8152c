// One writer per run: an exclusive flock(2) on DIR/run.lock, held as long as the object lives. The kernel releases it
// when the process dies, however it dies, so that there is no stale lock to clean up. The file stays; it names the
// last writer's process id.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace nw::store {

class RunLock {
 public:
  // Waits up to a quarter of a second for the lock. A living writer is ErrorKind::lacking and named by its pid.
  static Result<RunLock> take(const std::filesystem::path& dir);

  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&& other) noexcept;
  ~RunLock();

 private:
  explicit RunLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace nw::store
