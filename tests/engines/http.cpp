// Threads and blocking calls: an engine that nobody asks anything must not wake up by itself, because its wake-ups are
// what the tests measure. The one exception is llama-server's (cpp-httplib's) own: a client's connection that was
// silent for 5 s is closed, which a client that means to use it again after an idle window has to live with.
// TCP_NODELAY, because a token is on its way when it is sent, not when the next one fills a segment.

#include "http.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <thread>
#include <utility>

namespace nw::fake {
namespace {

constexpr std::size_t kMaxRequest = 64U << 20U;
constexpr int kKeepAlive_s = 5;
constexpr int kMaxRequests = 100;

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// The request line and the header fields; nullopt if there is no method and no target.
std::optional<HttpRequest> parse_head(std::string_view head) {
  HttpRequest request;
  const std::size_t line_end = std::min(head.find("\r\n"), head.size());
  const std::string_view line = head.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  request.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  request.path = target.substr(0, target.find('?'));

  std::size_t at = line_end;
  while (at + 2 < head.size()) {
    at += 2;
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view field = head.substr(at, end - at);
    at = end;
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = field.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    request.headers[lower(field.substr(0, colon))] = value;
  }
  return request;
}

std::optional<std::size_t> content_length(const HttpRequest& request) {
  const auto found = request.headers.find("content-length");
  if (found == request.headers.end()) return 0;
  std::size_t length = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size() || length > kMaxRequest) return std::nullopt;
  return length;
}

}  // namespace

Connection::~Connection() { ::close(socket_); }

std::optional<HttpRequest> Connection::read_request() {
  if (last_) return std::nullopt;
  std::size_t head_end = 0;
  while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (received_.size() > kMaxRequest || !receive_more()) return std::nullopt;
  }
  auto request = parse_head(std::string_view(received_).substr(0, head_end));
  if (!request) return std::nullopt;
  const auto length = content_length(*request);
  if (!length) return std::nullopt;
  const std::size_t body = head_end + 4;
  // curl asks before it sends a large body.
  if (request->headers.count("expect") != 0 && received_.size() < body + *length) {
    if (!send_all("HTTP/1.1 100 Continue\r\n\r\n")) return std::nullopt;
  }
  while (received_.size() < body + *length) {
    if (!receive_more()) return std::nullopt;
  }
  request->body = received_.substr(body, *length);
  received_.erase(0, body + *length);
  const auto connection = request->headers.find("connection");
  last_ = ++requests_ == kMaxRequests || (connection != request->headers.end() && lower(connection->second) == "close");
  return request;
}

bool Connection::answer(int status, std::string_view body, std::string_view type) {
  if (status >= 400) last_ = true;
  return send_all(
      fmt::format("HTTP/1.1 {} {}\r\nServer: fake_engine\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n\r\n{}",
                  status, reason_of(status), type, body.size(), persistence(), body));
}

bool Connection::begin_stream(std::string_view type) {
  return send_all(
      fmt::format("HTTP/1.1 200 OK\r\nServer: fake_engine\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n"
                  "{}\r\n\r\n",
                  type, persistence()));
}

bool Connection::chunk(std::string_view text) { return send_all(fmt::format("{:x}\r\n{}\r\n", text.size(), text)); }

bool Connection::end_stream() { return send_all("0\r\n\r\n"); }

std::string Connection::persistence() const {
  return last_ ? "Connection: close" : fmt::format("Keep-Alive: timeout={}, max={}", kKeepAlive_s, kMaxRequests);
}

bool Connection::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Connection::receive_more() {
  std::array<char, 65'536> buffer{};
  while (true) {
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    received_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
}

bool Listener::open(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const std::string& numeric = host == "localhost" ? "127.0.0.1" : host;
  if (::inet_pton(AF_INET, numeric.c_str(), &address.sin_addr) != 1) return false;
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  const int on = 1;
  ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof address;
  if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(socket_, 64) != 0 ||
      ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return false;
  }
  port_ = ntohs(address.sin_port);
  return true;
}

void Listener::start(Handler handle) {
  handle_ = std::move(handle);
  std::thread([this] { accept_for_ever(); }).detach();
}

void Listener::accept_for_ever() {
  ::prctl(PR_SET_NAME, "fake_listener");
  while (true) {
    const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) {
      ::usleep(10'000);  // out of descriptors, most likely: some client will leave
      continue;
    }
    const int on = 1;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const timeval silence{kKeepAlive_s, 0};
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    std::thread([this, client] {
      ::prctl(PR_SET_NAME, "fake_client");
      Connection connection(client);
      while (const auto request = connection.read_request()) handle_(connection, *request);
    }).detach();
  }
}

}  // namespace nw::fake
