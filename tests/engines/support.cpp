#include "engines/support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

namespace nw::fake {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The value of a "Key:\tvalue" line of /proc.
std::string field_of(const std::string& text, std::string_view key) {
  const std::size_t at = text.find(std::string(key) + ":\t");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + key.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

// Moves whole chunks from `raw` to `out`; true at the last one.
bool take_chunks(std::string& raw, std::string& out) {
  while (true) {
    const std::size_t line = raw.find("\r\n");
    if (line == std::string::npos) return false;
    const std::size_t size = std::strtoul(raw.c_str(), nullptr, 16);
    if (raw.size() < line + 2 + size + 2) return false;
    out.append(raw, line + 2, size);
    raw.erase(0, line + 2 + size + 2);
    if (size == 0) return true;
  }
}

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto end = SteadyClock::now() + patience;
  while (!condition()) {
    if (SteadyClock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

Program::Program(std::vector<std::string> argv) {
  std::vector<char*> raw;
  for (std::string& word : argv) raw.push_back(word.data());
  raw.push_back(nullptr);
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::abort();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(out[1], STDERR_FILENO);
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_fd_ = out[0];
}

Program::~Program() {
  if (!status_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  close_input();
  ::close(output_fd_);
}

void Program::read_some(int wait_ms) {
  pollfd input{output_fd_, POLLIN, 0};
  if (::poll(&input, 1, wait_ms) <= 0) return;
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(output_fd_, buffer.data(), buffer.size());
  if (got > 0) {
    output_.append(buffer.data(), static_cast<std::size_t>(got));
  } else {
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  }
}

std::optional<std::string> Program::line_after(std::string_view marker) {
  std::optional<std::string> found;
  eventually([&] {
    read_some(5);
    const std::size_t at = output_.find(marker);
    const std::size_t end = output_.find('\n', at);
    if (at == std::string::npos || end == std::string::npos) return false;
    found = output_.substr(at + marker.size(), end - at - marker.size());
    return true;
  });
  return found;
}

const std::string& Program::output() {
  for (std::size_t before = output_.size() + 1; before != output_.size();) {
    before = output_.size();
    read_some(0);
  }
  return output_;
}

void Program::forget_output() {
  output();
  output_.clear();
}

void Program::type(std::string_view text) const {
  if (::write(input_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
}

void Program::close_input() {
  if (input_ >= 0) ::close(input_);
  input_ = -1;
}

void Program::signal(int number) const { ::kill(pid_, number); }

std::optional<int> Program::wait(std::chrono::milliseconds patience) {
  eventually(
      [&] {
        int raw = 0;
        if (!status_ && ::waitpid(pid_, &raw, WNOHANG) == pid_) {
          status_ = WIFSIGNALED(raw) ? 1000 + WTERMSIG(raw) : WEXITSTATUS(raw);
        }
        return status_.has_value();
      },
      patience);
  return status_;
}

HttpClient::HttpClient(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    socket_ = -1;
  }
}

HttpClient::~HttpClient() {
  if (socket_ >= 0) ::close(socket_);
}

HttpAnswer HttpClient::ask(std::string_view method, std::string_view path, std::string_view body,
                           std::string_view extra_header, std::chrono::milliseconds patience) {
  HttpAnswer answer;
  const std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{}\r\n{}", method,
                                          path, body.size(), extra_header, body);
  if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) < 0) return answer;
  const auto end = SteadyClock::now() + patience;
  std::optional<std::size_t> length;
  bool chunked = false;
  while (!answer.complete) {
    if (answer.status == 0) {
      const std::size_t head_end = received_.find("\r\n\r\n");
      if (head_end != std::string::npos) {
        answer.head = received_.substr(0, head_end);
        received_.erase(0, head_end + 4);
        answer.status = std::atoi(answer.head.c_str() + 9);
        chunked = answer.head.find("Transfer-Encoding: chunked") != std::string::npos;
        const std::size_t at = answer.head.find("Content-Length: ");
        if (at != std::string::npos) length = std::strtoul(answer.head.c_str() + at + 16, nullptr, 10);
      }
    }
    if (answer.status != 0 && chunked) answer.complete = take_chunks(received_, answer.body);
    if (answer.status != 0 && length && received_.size() >= *length) {
      answer.body = received_.substr(0, *length);
      received_.erase(0, *length);
      answer.complete = true;
    }
    if (answer.complete) break;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - SteadyClock::now()).count();
    pollfd input{socket_, POLLIN, 0};
    if (left <= 0 || ::poll(&input, 1, static_cast<int>(left)) <= 0) break;
    std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    received_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return answer;
}

bool HttpClient::closed() {
  pollfd input{socket_, POLLIN, 0};
  char byte = 0;
  return ::poll(&input, 1, 1000) == 1 && ::recv(socket_, &byte, 1, MSG_PEEK) == 0;
}

HttpAnswer get(int port, std::string_view path) { return HttpClient(port).ask("GET", path); }
HttpAnswer post(int port, std::string_view path, std::string_view body) {
  return HttpClient(port).ask("POST", path, body);
}

double cpu_seconds(pid_t pid) {
  clockid_t clock{};
  timespec t{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &t) != 0) return -1;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

std::vector<ThreadInfo> threads_of(pid_t pid) {
  std::vector<ThreadInfo> threads;
  const std::string folder = fmt::format("/proc/{}/task", pid);
  DIR* tasks = ::opendir(folder.c_str());
  if (tasks == nullptr) return threads;
  while (const dirent* entry = ::readdir(tasks)) {
    const int tid = std::atoi(entry->d_name);
    if (tid == 0) continue;
    const std::string status = read_text(fmt::format("{}/{}/status", folder, tid));
    threads.push_back({tid, field_of(status, "Name"), std::atoll(field_of(status, "voluntary_ctxt_switches").c_str())});
  }
  ::closedir(tasks);
  return threads;
}

std::string process_name(pid_t pid) {
  const std::string status = read_text(fmt::format("/proc/{}/status", pid));
  const std::string state = field_of(status, "State");
  if (state.empty() || state.front() == 'Z' || state.front() == 'X') return {};
  return field_of(status, "Name");
}

}  // namespace nw::fake
