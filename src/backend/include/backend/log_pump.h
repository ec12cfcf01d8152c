// Carries a server's output into its log file, with secrets masked on the way: the file never holds one, not even when
// nightwatt is killed, because what is not yet carried over is lost with the server.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "os/wait.h"
#include "wire/mask.h"

namespace nw::backend {

class LogPump {
 public:
  // Appends to the file `path` (mode 0600). Errors: failed, when it cannot be written.
  static Result<std::unique_ptr<LogPump>> start(const std::string& path, wire::SecretFilter filter);
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // The write end, for the server's standard output and error. Close it here once the server has its copy.
  [[nodiscard]] int input() const { return input_.get(); }
  void close_input() { input_.reset(); }
  // Waits until everything that was written is in the file: to the end of the pipe, or, when something still holds its
  // other end, until nothing has come for half a second.
  void finish();

  // The last lines, masked, oldest first; and every line so far that `wanted` accepts. Any thread.
  [[nodiscard]] std::vector<std::string> tail(std::size_t lines) const;
  [[nodiscard]] const std::string& path() const { return path_; }
  // Lines near the start of the log (the first 400): where engines print their devices and versions.
  [[nodiscard]] std::vector<std::string> head() const;

 private:
  LogPump(std::string path, os::Fd file, os::Fd output, os::Fd input, wire::SecretFilter filter);
  void run();
  bool wait_for_output();
  void take_line(std::string_view line);
  void take_long_line(std::string_view line);

  std::string path_;
  os::Fd file_, output_, input_;
  wire::SecretFilter filter_;
  mutable std::mutex mutex_;
  std::deque<std::string> tail_;
  std::vector<std::string> head_;
  std::atomic<bool> ending_{false};
  os::EitherStop end_{-1};
  std::thread thread_;  // last: it uses what is above
};

}  // namespace nw::backend
