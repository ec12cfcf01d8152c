// A server that cannot outlive us. It runs below a guard process; however nightwatt ends (return, Ctrl-C, kill -9), the
// guard hears the end of a socket and kills everything that descends from the server, daemons with sessions of their
// own included. See linux/guarded_process.cpp for how.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace nw::os {

struct LaunchSpec {
  std::string program;            // absolute path
  std::vector<std::string> argv;  // argv[0] included
  std::vector<std::string> env;   // "NAME=value", the whole environment
  int output_fd = -1;             // standard output and error of the server; not taken over
  // False: do not try a PID namespace (some engine may dislike it); the guard is then a subreaper only.
  bool try_namespace = true;
};

// How an ended process ended.
struct ExitStatus {
  bool by_signal = false;
  int code = 0;                            // exit code, or the signal
  int exec_error = 0;                      // the errno of an execve that failed, else 0
  [[nodiscard]] std::string text() const;  // "exited with status 1", "was killed by signal 11 (Segmentation fault)"
};

// Not thread-safe: one thread uses an object. Starting costs two forks (under 10 ms).
class GuardedProcess {
 public:
  // What ends with the guard: everything in its PID namespace, or what a subreaper can find (kill -9 of nightwatt and
  // of the guard in the same moment then leaves what the server itself has started; the server dies).
  enum class Containment { pid_namespace, subreaper };

  // Errors: lacking if the program cannot be executed, failed if no process can be made.
  static Result<GuardedProcess> start(const LaunchSpec& spec);

  GuardedProcess(GuardedProcess&&) noexcept = default;
  GuardedProcess& operator=(GuardedProcess&&) noexcept;
  ~GuardedProcess();  // kills without grace

  [[nodiscard]] pid_t pid() const { return pid_; }  // of the server, as /proc here shows it
  [[nodiscard]] pid_t guard_pid() const { return guard_; }
  [[nodiscard]] Containment containment() const { return containment_; }
  // Readable when the server (or the guard) has ended: call exit_status() then.
  [[nodiscard]] int exit_fd() const { return socket_.get(); }
  // The server's end, once it is known; never blocks.
  std::optional<ExitStatus> exit_status();

  // SIGTERM to the server's process group, up to `grace` for it to end, then SIGKILL to all that is left. Returns when
  // no descendant is left; an error when something survives SIGKILL for 10 s (stuck in the kernel).
  Status stop(std::chrono::milliseconds grace);

 private:
  GuardedProcess() = default;
  Status reap_guard();

  Fd socket_;
  pid_t guard_ = -1;
  pid_t pid_ = -1;
  Containment containment_ = Containment::subreaper;
  std::optional<ExitStatus> exit_;
};

}  // namespace nw::os
