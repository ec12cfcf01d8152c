// One life of a backend's server: started below a guard, ready by its health endpoint, stopped with all it started. Or,
// when it runs already, attached: found, asked, and never touched.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/log_pump.h"
#include "base/clock.h"
#include "base/result.h"
#include "model/campaign.h"
#include "model/dialect.h"
#include "model/machine.h"
#include "net/client.h"
#include "os/guarded_process.h"
#include "os/process.h"
#include "wire/mask.h"

namespace nw::backend {

// Everything needed to start a server, worked out before the first start so that the user can be shown it and a
// missing program is said early.
struct Command {
  std::string program;            // absolute path
  std::vector<std::string> argv;  // {model} and {port} replaced
  std::vector<std::string> env;   // whole environment, the campaign's settings on top
  std::uint16_t port = 0;
};

// `environment`: "NAME=value" of nightwatt itself. Errors: lacking, when the program is not found.
Result<Command> make_command(const model::BackendSpec& spec, const std::string& model_path, std::uint16_t port,
                             const std::vector<std::string>& environment);

// The secrets of a backend: flags, environment, URL and key.
[[nodiscard]] wire::SecretFilter secret_filter(const model::BackendSpec& spec,
                                               const std::vector<std::string>& environment);

class Server {
 public:
  // Starts it; it is not ready yet. Errors: lacking (port taken, cannot be executed), failed.
  static Result<Server> start(const Command& command, const std::string& log_path, const wire::SecretFilter& filter,
                              bool try_namespace);
  // The connection to a server that runs already.
  static Server attach(net::Endpoint endpoint);

  // Asks the health endpoint until it answers 200. Errors: failed (it ended: with the last lines of its log), timeout,
  // interrupted.
  Status wait_ready(const model::Dialect& dialect, Seconds timeout, const Clock& clock, int cancel_fd);

  [[nodiscard]] const net::Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] bool attached() const { return !process_; }
  [[nodiscard]] pid_t pid() const { return process_ ? process_->pid() : 0; }
  [[nodiscard]] pid_t guard_pid() const { return process_ ? process_->guard_pid() : 0; }
  // Readable when the started server ends; -1 for an attached one.
  [[nodiscard]] int exit_fd() const { return process_ ? process_->exit_fd() : -1; }
  // How a started server ended, with the last lines of its log, as one error; nullopt while it runs.
  std::optional<Error> death();
  // First lines of its log; empty for an attached one.
  [[nodiscard]] std::vector<std::string> log_head() const;

  // SIGTERM, a few seconds, SIGKILL to all that is left; nothing for an attached one.
  Status stop();

 private:
  Server() = default;
  net::Endpoint endpoint_;
  std::unique_ptr<LogPump> log_;
  std::unique_ptr<os::GuardedProcess> process_;
};

// What the kernel shows of the processes of a loaded backend: "compute" (cpu when no process holds a device node of a
// GPU or NPU, gpu when one does, unknown when that cannot be seen), "device" and "libraries" of inference runtimes.
[[nodiscard]] model::Labels runtime_labels(os::Processes& processes, const std::vector<pid_t>& pids);

}  // namespace nw::backend
