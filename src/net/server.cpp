// One coroutine accepts, one per connection reads requests (Beast's parser), hands them out and waits until the answer
// is complete. Answers are written by their Reply straight into the socket: the moment of a piece is what a null
// backend is asked for, so it does not go through a queue unless the kernel's buffer is full.
//
// g++ 12 miscompiles temporaries with captures or braces in an expression with co_await, so operands are names and
// plain calls (see CONTRIBUTING.md).
// As in answer_parser.cpp: Beast asserts what does not hold for a body of no chunks.
#define BOOST_DISABLE_ASSERTS
#include "net/server.h"

#include <fmt/format.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <set>
#include <utility>

#include "base/text.h"
#include "loop.h"

namespace nw::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr std::uint64_t kMostBody = 64U << 20;
constexpr std::uint32_t kMostHead = 64U << 10;

std::string_view reason_phrase(int status) {
  const auto text = http::obsolete_reason(static_cast<http::status>(status));
  return {text.data(), text.size()};
}

class Connection;

class SocketReply final : public Reply {
 public:
  explicit SocketReply(std::weak_ptr<Connection> connection, bool head_only)
      : connection_(std::move(connection)), head_only_(head_only) {}
  void begin(int status, std::string_view content_type) override;
  void send(std::string_view bytes) override;
  void finish() override;
  void answer(int status, std::string_view content_type, std::string_view body) override;
  void drop() override;
  [[nodiscard]] bool open() const override;

 private:
  void complete();
  std::weak_ptr<Connection> connection_;
  bool head_only_;
  bool begun_ = false;
  bool over_ = false;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& io, tcp::socket socket, const Server::Handler& handler)
      : socket_(std::move(socket)), handler_(handler), answered_(io) {}

  asio::awaitable<void> serve();
  void write(std::string_view bytes);
  void close() {
    ErrorCode ignored;
    socket_.close(ignored);
    answered_.cancel();
  }
  void complete() {
    complete_ = true;
    answered_.cancel();
  }
  [[nodiscard]] bool open() const { return socket_.is_open() && !failed_; }

 private:
  asio::awaitable<bool> one();
  void listen_for_end();
  void flush();

  tcp::socket socket_;
  const Server::Handler& handler_;
  asio::steady_timer answered_;  // cancelled when the answer is complete: a condition for one waiter
  boost::beast::flat_buffer buffer_;
  std::string waiting_, leaving_;  // not taken by the kernel yet; being written
  bool complete_ = false;
  bool failed_ = false;
};

asio::awaitable<void> Connection::serve() {
  const auto self = shared_from_this();
  ErrorCode ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  while (open()) {
    const bool again = co_await one();
    if (!again) break;
  }
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

// One request and its answer. False: the connection is over.
asio::awaitable<bool> Connection::one() {
  ErrorCode code;
  auto token = asio::redirect_error(asio::use_awaitable, code);
  http::request_parser<http::string_body> parser;
  parser.body_limit(kMostBody);
  parser.header_limit(kMostHead);
  co_await http::async_read(socket_, buffer_, parser, token);
  if (code == http::error::body_limit)
    write("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  if (code) co_return false;
  ServerRequest request;
  const auto& message = parser.get();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  request.body = message.body();
  const bool again = message.keep_alive();
  complete_ = false;
  const std::shared_ptr<Reply> reply = std::make_shared<SocketReply>(weak_from_this(), request.method == "HEAD");
  handler_(request, reply);
  if (!complete_) listen_for_end();
  while (open() && (!complete_ || !leaving_.empty())) {
    answered_.expires_at(asio::steady_timer::time_point::max());
    co_await answered_.async_wait(token);
  }
  co_return again&& open();
}

// A client that goes away while its answer is being made is noticed at once, not with the next piece.
void Connection::listen_for_end() {
  const auto self = shared_from_this();
  socket_.async_wait(tcp::socket::wait_read, [self](const ErrorCode& failed) {
    if (failed || !self->open()) return;
    char byte = 0;
    ErrorCode code;
    const std::size_t seen = self->socket_.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, code);
    if (code == asio::error::would_block) return self->listen_for_end();
    if (code || seen == 0) {
      self->failed_ = true;
      self->close();
    }
    // Bytes: the next request, which waits for this answer.
  });
}

void Connection::write(std::string_view bytes) {
  if (!open()) return;
  if (leaving_.empty()) {
    ErrorCode code;
    const std::size_t taken = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), code);
    if (code && code != asio::error::would_block && code != asio::error::try_again) {
      failed_ = true;
      return close();
    }
    if (!code) bytes.remove_prefix(taken);
  }
  if (bytes.empty()) return;
  waiting_ += bytes;
  flush();
}

void Connection::flush() {
  if (!leaving_.empty() || waiting_.empty()) return;
  leaving_.swap(waiting_);
  const auto self = shared_from_this();
  asio::async_write(socket_, asio::buffer(leaving_), [self](const ErrorCode& code, std::size_t) {
    self->leaving_.clear();
    if (code) {
      self->failed_ = true;
      return self->close();
    }
    self->flush();
    if (self->leaving_.empty()) self->answered_.cancel();
  });
}

void SocketReply::begin(int status, std::string_view content_type) {
  const auto connection = connection_.lock();
  if (!connection || over_ || begun_) return;
  begun_ = true;
  connection->write(fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n", status,
                                reason_phrase(status), content_type));
}

void SocketReply::send(std::string_view bytes) {
  const auto connection = connection_.lock();
  if (!connection || over_ || !begun_ || head_only_ || bytes.empty()) return;
  fmt::memory_buffer chunk;
  fmt::format_to(std::back_inserter(chunk), "{:x}\r\n{}\r\n", bytes.size(), bytes);
  connection->write({chunk.data(), chunk.size()});
}

void SocketReply::finish() {
  const auto connection = connection_.lock();
  if (connection && begun_ && !over_ && !head_only_) connection->write("0\r\n\r\n");
  complete();
}

void SocketReply::answer(int status, std::string_view content_type, std::string_view body) {
  const auto connection = connection_.lock();
  if (connection && !over_ && !begun_) {
    connection->write(fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", status,
                                  reason_phrase(status), content_type, body.size(), head_only_ ? "" : body));
  }
  complete();
}

void SocketReply::drop() {
  if (const auto connection = connection_.lock(); connection && !over_) connection->close();
  over_ = true;
}

bool SocketReply::open() const {
  const auto connection = connection_.lock();
  return !over_ && connection && connection->open();
}

void SocketReply::complete() {
  if (over_) return;
  over_ = true;
  if (const auto connection = connection_.lock()) connection->complete();
}

}  // namespace

struct Server::Impl {
  explicit Impl(const Clock& clock) : acceptor(io), timers(io, clock, [] {}) {}

  asio::awaitable<void> accept();
  void end() {
    ErrorCode ignored;
    acceptor.close(ignored);
    timers.cancel();
    if (watch != nullptr) watch->release();
    for (const auto& connection : connections) {
      if (const auto open = connection.lock()) open->close();
    }
  }

  asio::io_context io{1};
  tcp::acceptor acceptor;
  Timers timers;
  Handler handler;
  CancelWatch* watch = nullptr;  // of the run() in progress
  std::set<std::weak_ptr<Connection>, std::owner_less<>> connections;
};

asio::awaitable<void> Server::Impl::accept() {
  ErrorCode code;
  auto token = asio::redirect_error(asio::use_awaitable, code);
  while (acceptor.is_open()) {
    tcp::socket socket = co_await acceptor.async_accept(token);
    if (code == asio::error::operation_aborted) co_return;
    if (code) {
      // Mostly too many open files: others will close theirs.
      asio::steady_timer pause(io);
      pause.expires_after(std::chrono::milliseconds(10));
      co_await pause.async_wait(token);
      continue;
    }
    std::erase_if(connections, [](const auto& known) { return known.expired(); });
    const auto connection = std::make_shared<Connection>(io, std::move(socket), handler);
    connections.insert(connection);
    asio::co_spawn(io, connection->serve(), asio::detached);
  }
}

Server::Server(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}
Server::~Server() = default;

Result<std::uint16_t> Server::listen(const std::string& address, std::uint16_t port) {
  ErrorCode code;
  const auto numeric = asio::ip::make_address(address, code);
  if (code) {
    return usage_error(fmt::format("\"{}\" is not an IP address to listen on", printable(address)), "use 127.0.0.1");
  }
  const tcp::endpoint endpoint(numeric, port);
  auto& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), code);
  if (!code) acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (!code) acceptor.bind(endpoint, code);
  if (!code) acceptor.listen(4096, code);
  if (code) {
    ErrorCode ignored;
    acceptor.close(ignored);
    return lacking_error(fmt::format("cannot listen on {}:{}: {}", printable(address), port, code.message()),
                         "choose another port, or stop the program that has it");
  }
  return acceptor.local_endpoint(code).port();
}

void Server::at(Moment when, std::function<void()> then) { impl_->timers.at(when, std::move(then)); }

void Server::run(Handler handler, int stop_fd) {
  Impl& impl = *impl_;
  impl.handler = std::move(handler);
  CancelWatch watch(impl.io, stop_fd, [&impl] { impl.end(); });
  impl.watch = &watch;
  asio::co_spawn(impl.io, impl.accept(), asio::detached);
  impl.io.restart();
  impl.io.run();
  impl.watch = nullptr;
}

void Server::stop() {
  asio::post(impl_->io, [this] { impl_->end(); });
}

}  // namespace nw::net
