// What the tests of the engines need: a program with its output, and a client that shows every byte.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nw::fake {

constexpr std::chrono::seconds kPatience(10);

// Calls `condition` until it holds; false if it never did in `patience`.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);

// A child process with its standard input and with its output and errors in one text. Ends with SIGKILL if need be.
class Program {
 public:
  explicit Program(std::vector<std::string> argv);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The rest of the first line that holds `marker`, once there is one; nullopt if it does not come.
  std::optional<std::string> line_after(std::string_view marker);
  // Everything written so far.
  const std::string& output();
  void forget_output();
  void type(std::string_view text) const;
  void close_input();
  void signal(int number) const;
  // The exit status, or 1000 + the signal; nullopt if it runs on.
  std::optional<int> wait(std::chrono::milliseconds patience = kPatience);

 private:
  void read_some(int wait_ms);

  pid_t pid_ = -1;
  int input_ = -1;
  int output_fd_ = -1;
  std::string output_;
  std::optional<int> status_;
};

struct HttpAnswer {
  int status = 0;  // 0: no complete head came
  std::string head;
  std::string body;       // without the framing of chunks
  bool complete = false;  // false: the connection ended, or the time, before the body did
};

// One connection to 127.0.0.1. An answer is read until its end, the connection's, or the end of patience.
class HttpClient {
 public:
  explicit HttpClient(int port);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  HttpAnswer ask(std::string_view method, std::string_view path, std::string_view body = {},
                 std::string_view extra_header = {}, std::chrono::milliseconds patience = kPatience);
  // True once the other side has closed.
  bool closed();

 private:
  int socket_ = -1;
  std::string received_;
};

// Each with a connection of its own.
HttpAnswer get(int port, std::string_view path);
HttpAnswer post(int port, std::string_view path, std::string_view body);

// CPU seconds of all threads of a process, the dead ones included; exact to the moment.
double cpu_seconds(pid_t pid);
struct ThreadInfo {
  pid_t tid = 0;
  std::string name;
  std::int64_t voluntary_switches = 0;
};
std::vector<ThreadInfo> threads_of(pid_t pid);
// The name in /proc/PID/comm; empty if there is no such process, or only its zombie.
std::string process_name(pid_t pid);

}  // namespace nw::fake
