// Readiness is asked, never slept for: the health endpoint every 20 to 250 ms (a model of 20 GB loads for a minute, and
// its loading must not be disturbed), and the end of the process is heard at once.
//
// Ports: llama-server and others bind with SO_REUSEPORT, so a second server on a taken port starts without an error and
// gets half of the requests. The port is therefore looked at before the start.
#include "backend/server.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "net/port.h"
#include "os/file.h"
#include "os/wait.h"
#include "wire/url.h"

namespace nw::backend {
namespace {

constexpr auto kStopGrace = std::chrono::seconds(5);
constexpr std::size_t kLogLines = 5;

std::string replaced(std::string text, std::string_view key, std::string_view value) {
  for (std::size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += value.size()) {
    text.replace(at, key.size(), value);
  }
  return text;
}

std::string value_of(const std::vector<std::string>& environment, std::string_view name) {
  for (const auto& variable : environment) {
    if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=') {
      return variable.substr(name.size() + 1);
    }
  }
  return {};
}

std::string last_lines(const LogPump& log) {
  const auto lines = log.tail(kLogLines);
  if (lines.empty()) return "it wrote nothing";
  std::string text = "its last lines:";
  for (const auto& line : lines) text += "\n    " + printable(line);
  return text;
}

}  // namespace

Result<Command> make_command(const model::BackendSpec& spec, const std::string& model_path, std::uint16_t port,
                             const std::vector<std::string>& environment) {
  Command command;
  command.port = port;
  for (const auto& [name, value] : spec.env) command.env.push_back(fmt::format("{}={}", name, value));
  for (const auto& variable : environment) {
    const auto name = variable.substr(0, variable.find('='));
    if (!spec.env.contains(name)) command.env.push_back(variable);
  }
  for (const auto& part : spec.command) {
    command.argv.push_back(replaced(replaced(part, "{model}", model_path), "{port}", std::to_string(port)));
  }
  const auto program = os::find_program(command.argv.front(), value_of(command.env, "PATH"));
  if (!program) {
    return lacking_error(fmt::format("backend \"{}\": the program {} is not found", printable(spec.name),
                                     printable(command.argv.front())),
                         "install it, put its folder into PATH, or give its whole path in `command`");
  }
  command.program = *program;
  return command;
}

wire::SecretFilter secret_filter(const model::BackendSpec& spec, const std::vector<std::string>& environment) {
  std::map<std::string, std::string> env;
  for (const auto& variable : environment) {
    const auto at = variable.find('=');
    if (at != std::string::npos) env[variable.substr(0, at)] = variable.substr(at + 1);
  }
  for (const auto& [name, value] : spec.env) env[name] = value;
  std::vector<std::string> secrets = wire::secrets_in_env(env);
  for (auto& secret : wire::secrets_in_argv(spec.command)) secrets.push_back(std::move(secret));
  for (auto& secret : wire::secrets_in_url(spec.url)) secrets.push_back(std::move(secret));
  if (const auto key = env.find(spec.api_key_env); key != env.end()) secrets.push_back(key->second);
  return wire::SecretFilter(std::move(secrets));
}

Result<Server> Server::start(const Command& command, const std::string& log_path, const wire::SecretFilter& filter,
                             bool try_namespace) {
  NW_TRY(const bool taken, net::port_in_use(command.port));
  if (taken) {
    return lacking_error(fmt::format("port {} is taken by another program", command.port),
                         "stop that program, or leave `port` out of the campaign so that a free one is chosen");
  }
  Server server;
  server.endpoint_ = {"127.0.0.1", command.port, false};
  NW_TRY(server.log_, LogPump::start(log_path, filter));
  os::LaunchSpec launch;
  launch.program = command.program;
  launch.argv = command.argv;
  launch.env = command.env;
  launch.output_fd = server.log_->input();
  launch.try_namespace = try_namespace;
  NW_TRY(auto process, os::GuardedProcess::start(launch));
  server.log_->close_input();
  server.process_ = std::make_unique<os::GuardedProcess>(std::move(process));
  return server;
}

Server Server::attach(net::Endpoint endpoint) {
  Server server;
  server.endpoint_ = std::move(endpoint);
  return server;
}

std::optional<Error> Server::death() {
  if (!process_) return std::nullopt;
  const auto status = process_->exit_status();
  if (!status) return std::nullopt;
  log_->finish();  // its last words may be in the pipe still
  const auto kind = status->exec_error != 0 ? ErrorKind::lacking : ErrorKind::failed;
  return Error{kind, fmt::format("the server {}; {}", status->text(), last_lines(*log_)),
               fmt::format("the whole log is {}", log_->path())};
}

Status Server::wait_ready(const model::Dialect& dialect, Seconds timeout, const Clock& clock, int cancel_fd) {
  const Moment deadline = clock.now() + from_seconds(timeout.value());
  const auto health = dialect.health();
  net::Client client(clock);
  auto pause = std::chrono::milliseconds(20);
  std::string last = "it did not answer";
  while (clock.now() < deadline) {
    net::Options options;
    options.total = options.idle = Seconds(5);
    options.cancel_fd = cancel_fd;
    const auto answer = client.fetch(endpoint_, {health.method, health.target, health.headers, health.body}, options);
    if (answer && answer->head.status == 200) return {};
    if (!answer && answer.error().kind == ErrorKind::interrupted) return answer.error();
    last = answer ? fmt::format("its health endpoint answers {}", answer->head.status) : answer.error().message;
    if (auto dead = death()) return *dead;
    if (attached()) {
      return lacking_error(
          fmt::format("no ready server at {}: {}", wire::host_port(endpoint_.host, endpoint_.port), last),
          "start it first, or give the backend a `command` so that nightwatt starts it");
    }
    const std::array fds = {cancel_fd, exit_fd()};
    if (os::wait_until(std::min(clock.now() + pause, deadline), fds) == 0) return interrupted_error();
    if (auto dead = death()) return *dead;
    pause = std::min(pause * 3 / 2, std::chrono::milliseconds(250));
  }
  return timeout_error(
      fmt::format("the server was not ready within {:.0f} s ({}); {}", timeout.value(), last, last_lines(*log_)),
      fmt::format("raise ready_timeout_s of the backend; the whole log is {}", log_->path()));
}

std::vector<std::string> Server::log_head() const { return log_ ? log_->head() : std::vector<std::string>{}; }

Status Server::stop() {
  if (!process_) return {};
  const auto status = process_->stop(kStopGrace);
  if (log_) log_->finish();
  return status;
}

namespace {

// Device nodes of what computes beside the CPU: AMD's compute driver, the GPU interface of WSL2, NVIDIA, render nodes
// of any GPU, NPUs. Software devices (llvmpipe) open none of them.
bool is_accelerator(std::string_view device) {
  static constexpr std::array kPrefixes = {"/dev/kfd", "/dev/dxg", "/dev/nvidia", "/dev/dri/renderD", "/dev/accel"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](const char* p) { return device.starts_with(p); });
}

bool is_runtime_library(std::string_view name) {
  static constexpr std::array kParts = {"libggml",   "libllama",  "libhsa-runtime64", "libamdhip64", "libcuda",
                                        "libcublas", "libvulkan", "libgomp",          "libomp",      "libiomp5",
                                        "libOpenCL", "libze_",    "librocdxg",        "libsycl"};
  return std::any_of(kParts.begin(), kParts.end(), [&](const char* p) { return name.starts_with(p); });
}

std::string joined(const std::set<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

}  // namespace

model::Labels runtime_labels(os::Processes& processes, const std::vector<pid_t>& pids) {
  std::set<std::string> devices;
  std::set<std::string> libraries;
  bool visible = !pids.empty();
  for (const pid_t pid : pids) {
    const auto open = processes.open_devices(pid);
    visible = visible && open.has_value();
    for (const auto& device : open.value_or(std::vector<std::string>{})) {
      if (is_accelerator(device)) devices.insert(device);
    }
    for (const auto& file : processes.mapped_files(pid)) {
      const auto name = file.substr(file.rfind('/') + 1);
      if (is_runtime_library(name)) libraries.insert(printable(name));
    }
  }
  model::Labels labels;
  labels["compute"] = !devices.empty() ? "gpu" : visible ? "cpu" : "unknown";
  if (!devices.empty()) labels["device_nodes"] = joined(devices);
  if (!libraries.empty()) labels["libraries"] = joined(libraries);
  return labels;
}

}  // namespace nw::backend
