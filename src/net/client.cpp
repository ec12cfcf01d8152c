// One exchange is one coroutine: resolve, connect, write, read until the answer is whole. Several exchanges are several
// coroutines on one loop; the blocking call starts one and runs the loop until it is done.
//
// What can end an exchange from outside (silence, overall limit, cancel) is not woven into each step: a watchdog holds
// the reason and closes the socket, the pending operation fails, and the coroutine reports the reason instead of the
// failure. The watchdog's timer is not re-armed for each read: it fires at the earliest possible deadline, sees whether
// the deadline has moved meanwhile, and sleeps on. A stream of many tokens so costs no timer work.
//
// g++ 12 miscompiles temporaries with captures or braces in an expression with co_await, so operands are names and
// plain calls (see CONTRIBUTING.md).
#include "net/client.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <memory>
#include <set>

#include "answer_parser.h"
#include "base/text.h"
#include "loop.h"

namespace nw::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t kReadBuffer = 16U << 10;

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string address_of(const Endpoint& endpoint) {
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", printable(endpoint.host), v6 ? "]" : "", endpoint.port);
}

SteadyTime after(Seconds seconds) {
  // Ten years stand for "never", so that no sum overflows.
  constexpr double kNever = 3e8;
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(
             std::chrono::duration<double>(std::clamp(seconds.value(), 0.0, kNever)));
}

// A line break in a header or a target would let one request become two.
Status check_request(const Request& request) {
  const auto clean = [](std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
  };
  bool ok = clean(request.method) && clean(request.target) && request.target.find(' ') == std::string::npos;
  for (const auto& [name, value] : request.headers) ok = ok && clean(name) && clean(value) && !name.empty();
  if (ok) return {};
  return usage_error("a header or the path of a request contains a line break or a blank that is not allowed there",
                     "check the url and the API key for a stray line break");
}

std::string head_text(const Endpoint& endpoint, const Request& request) {
  std::string text = fmt::format(
      "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: nightwatt\r\nAccept-Encoding: identity\r\nConnection: close\r\n",
      request.method, request.target.empty() ? "/" : request.target, address_of(endpoint));
  for (const auto& [name, value] : request.headers) text += fmt::format("{}: {}\r\n", name, value);
  if (!request.body.empty() || request.method == "POST") {
    text += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  return text += "\r\n";
}

// Closes the socket when time is up or the user cancels, and remembers why. Its handler runs on the loop of the
// exchange and may run after the exchange has gone (a cancelled timer still calls), so it holds on to what it needs.
class Watchdog {
 public:
  enum class Reason { none, silence, total, cancelled };

  Watchdog(asio::io_context& io, tcp::socket& socket, tcp::resolver& resolver, const Options& options)
      : socket_(socket), resolver_(resolver), timer_(io), total_(after(options.total)), phase_(after(options.connect)) {
    arm();
  }
  ~Watchdog() { *alive_ = false; }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // The next silence may last this long.
  void expect_within(Seconds limit) { phase_ = after(limit); }
  void finish() {
    over_ = true;
    timer_.cancel();
  }
  void cancel() {
    if (!over_) stop(Reason::cancelled);
  }
  [[nodiscard]] Reason reason() const { return reason_; }

 private:
  void arm() {
    timer_.expires_at(std::min(phase_, total_));
    timer_.async_wait([this, alive = alive_](const ErrorCode& failed) {
      if (failed || !*alive || over_) return;
      const SteadyTime now = std::chrono::steady_clock::now();
      if (now >= total_) return stop(Reason::total);
      if (now >= phase_) return stop(Reason::silence);
      arm();
    });
  }
  void stop(Reason reason) {
    if (reason_ == Reason::none) reason_ = reason;
    ErrorCode ignored;
    timer_.cancel();
    resolver_.cancel();
    socket_.close(ignored);
  }

  tcp::socket& socket_;
  tcp::resolver& resolver_;
  asio::steady_timer timer_;
  SteadyTime total_;
  SteadyTime phase_;
  Reason reason_ = Reason::none;
  bool over_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class Exchange {
 public:
  Exchange(asio::io_context& io, const Clock& clock, Endpoint endpoint, Request request, StreamHandler handler,
           const Options& options)
      : clock_(clock),
        endpoint_(std::move(endpoint)),
        request_(std::move(request)),
        handler_(std::move(handler)),
        options_(options),
        address_(address_of(endpoint_)),
        head_(head_text(endpoint_, request_)),
        socket_(io),
        resolver_(io),
        watchdog_(io, socket_, resolver_, options_),
        parser_(request_.method == "HEAD", {[this](Head& head) { return take_head(head); },
                                            [this](std::string_view bytes) { return take_body(bytes); }}) {}

  asio::awaitable<void> run() {
    end_.outcome = co_await attempt();
    if (const auto stopped = stop_error(); stopped && !end_.outcome) end_.outcome = *stopped;
    if (end_.end == Moment()) end_.end = clock_.now();
    watchdog_.finish();
  }
  void cancel() { watchdog_.cancel(); }
  StreamEnd take() { return std::move(end_); }

 private:
  asio::awaitable<Status> attempt() {
    ErrorCode code;
    const std::vector<tcp::endpoint> targets = co_await resolve(code);
    if (code) co_return not_found(code);
    co_await connect(targets, code);
    if (code) co_return not_connected(code);
    co_return co_await converse();
  }
  asio::awaitable<std::vector<tcp::endpoint>> resolve(ErrorCode& code);
  asio::awaitable<void> connect(const std::vector<tcp::endpoint>& targets, ErrorCode& code);
  asio::awaitable<Status> converse();

  Status take_head(Head& head);
  Status take_body(std::string_view bytes);
  [[nodiscard]] std::optional<Error> stop_error() const;
  [[nodiscard]] Error not_found(const ErrorCode& code) const;
  [[nodiscard]] Error not_connected(const ErrorCode& code) const;
  Status connection_lost(const ErrorCode& code);
  // Messages of the parser begin with what the server did; here its address is put in front.
  Status named(Status status) const;

  const Clock& clock_;
  const Endpoint endpoint_;
  const Request request_;
  const StreamHandler handler_;
  const Options options_;
  std::string address_;
  std::string head_;
  tcp::socket socket_;
  tcp::resolver resolver_;
  Watchdog watchdog_;
  AnswerParser parser_;
  bool from_handler_ = false;  // the error that ends the exchange is the caller's own
  Moment read_at_;
  StreamEnd end_;
};

asio::awaitable<std::vector<tcp::endpoint>> Exchange::resolve(ErrorCode& code) {
  std::vector<tcp::endpoint> targets;
  const auto numeric = asio::ip::make_address(endpoint_.host, code);
  if (!code) {
    targets.emplace_back(numeric, endpoint_.port);
    co_return targets;
  }
  code = ErrorCode();
  if (same_name(endpoint_.host, "localhost")) {  // RFC 6761: always the loopback; no look-up, no thread for it
    targets.emplace_back(asio::ip::address_v4::loopback(), endpoint_.port);
    targets.emplace_back(asio::ip::address_v6::loopback(), endpoint_.port);
    co_return targets;
  }
  const std::string service = fmt::to_string(endpoint_.port);
  auto token = asio::redirect_error(asio::use_awaitable, code);
  const tcp::resolver::results_type found = co_await resolver_.async_resolve(endpoint_.host, service, token);
  for (const auto& entry : found) targets.push_back(entry.endpoint());
  co_return targets;
}

asio::awaitable<void> Exchange::connect(const std::vector<tcp::endpoint>& targets, ErrorCode& code) {
  ErrorCode first;
  auto token = asio::redirect_error(asio::use_awaitable, code);
  for (const tcp::endpoint& target : targets) {
    if (watchdog_.reason() != Watchdog::Reason::none) break;
    ErrorCode ignored;
    socket_.close(ignored);
    co_await socket_.async_connect(target, token);
    if (!code) {
      socket_.set_option(tcp::no_delay(true), ignored);
      co_return;
    }
    if (!first) first = code;
  }
  code = first ? first : ErrorCode(asio::error::operation_aborted);
}

asio::awaitable<Status> Exchange::converse() {
  ErrorCode code;
  auto token = asio::redirect_error(asio::use_awaitable, code);
  const std::array<asio::const_buffer, 2> out = {asio::buffer(head_), asio::buffer(request_.body)};
  std::vector<char> buffer(kReadBuffer);
  const asio::mutable_buffer room = asio::buffer(buffer);
  watchdog_.expect_within(options_.idle);
  end_.sent = clock_.now();
  co_await asio::async_write(socket_, out, token);
  // A server may refuse a request before it has read all of it, and close: its answer is worth more than our EPIPE.
  const bool write_failed = static_cast<bool>(code);
  while (!parser_.done()) {
    const std::size_t count = co_await socket_.async_read_some(room, token);
    read_at_ = clock_.now();
    end_.end = read_at_;
    watchdog_.expect_within(options_.idle);
    if (code == asio::error::eof && !write_failed) co_return named(parser_.finish());
    if (code) co_return connection_lost(code);
    if (!end_.first_byte) end_.first_byte = read_at_;
    end_.wire_bytes += count;
    Status fed = parser_.feed(std::string_view(buffer.data(), count));
    if (!fed) co_return named(std::move(fed));
  }
  co_return Status();
}

Status Exchange::take_head(Head& head) {
  end_.status = head.status;
  const auto encoding = head.header("Content-Encoding");
  if (encoding && !encoding->empty() && !same_name(*encoding, "identity")) {
    return failed_error(
        fmt::format("sends its answer compressed ({}) although it was asked not to", printable(*encoding)),
        "switch compression off in the server or in the proxy before it");
  }
  if (!handler_.on_head) return {};
  Status status = handler_.on_head(head, read_at_);
  from_handler_ = !status;
  return status;
}

Status Exchange::take_body(std::string_view bytes) {
  end_.body_bytes += bytes.size();
  if (!handler_.on_bytes) return {};
  Status status = handler_.on_bytes(bytes, read_at_);
  from_handler_ = !status;
  return status;
}

Status Exchange::named(Status status) const {
  if (status || from_handler_) return status;
  Error error = std::move(status).error();
  error.message = fmt::format("{} {}", address_, error.message);
  return error;
}

Status Exchange::connection_lost(const ErrorCode& code) {
  const std::string_view when = parser_.has_head() ? "in the middle of its answer" : "before it answered";
  return failed_error(fmt::format("{} dropped the connection {} ({})", address_, when, code.message()),
                      "look at the server's log: it may have crashed");
}

Error Exchange::not_found(const ErrorCode& code) const {
  return lacking_error(fmt::format("the host name of {} cannot be looked up: {}", address_, code.message()),
                       "check the spelling of the host, or use its IP address");
}

Error Exchange::not_connected(const ErrorCode& code) const {
  if (code == asio::error::connection_refused) {
    return lacking_error(fmt::format("nothing listens on {} (connection refused)", address_),
                         "start the server, or correct the port");
  }
  return lacking_error(fmt::format("cannot connect to {}: {}", address_, code.message()),
                       "check the address and that the host can be reached");
}

std::optional<Error> Exchange::stop_error() const {
  switch (watchdog_.reason()) {
    case Watchdog::Reason::none:
      return std::nullopt;
    case Watchdog::Reason::cancelled:
      return interrupted_error();
    case Watchdog::Reason::total:
      return timeout_error(
          fmt::format("{} took longer than {} for one request", address_, human_seconds(options_.total.value())),
          "give the server more time, or a smaller task");
    case Watchdog::Reason::silence:
      break;
  }
  if (!end_.sent) {
    return timeout_error(
        fmt::format("{} did not accept a connection within {}", address_, human_seconds(options_.connect.value())),
        "check the address, and whether a firewall drops the packets");
  }
  return timeout_error(fmt::format("{} sent nothing for {}", address_, human_seconds(options_.idle.value())),
                       "look at the server's log: it may hang, or need more time for this prompt");
}

}  // namespace

std::optional<std::string_view> Head::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return std::string_view(value);
  }
  return std::nullopt;
}

struct Client::Impl {
  explicit Impl(const Clock& clock_) : clock(clock_), timers(io, clock_, [this] { maybe_over(); }) {}
  const Clock& clock;
  asio::io_context io{1};
  std::set<std::shared_ptr<Exchange>> exchanges;
  Timers timers;
  bool cancelled = false;
  CancelWatch* watch = nullptr;  // of the run() in progress

  // With nothing left to wait for, the loop may end.
  void maybe_over() {
    if (watch != nullptr && exchanges.empty() && timers.empty()) watch->release();
  }
  void cancel_all() {
    cancelled = true;
    for (const auto& exchange : exchanges) exchange->cancel();
    timers.cancel();
  }
};

Client::Client(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

void Client::start(Endpoint endpoint, Request request, StreamHandler handler, Options options, Done done) {
  Impl& impl = *impl_;
  StreamEnd refused;
  refused.end = impl.clock.now();
  refused.outcome = check_request(request);
  if (refused.outcome && endpoint.tls) {
    refused.outcome =
        lacking_error(fmt::format("{} is an https address, which this version cannot speak", address_of(endpoint)),
                      "use the server's http address, or put a local proxy without TLS before it");
  }
  if (refused.outcome && impl.cancelled) refused.outcome = interrupted_error();
  if (!refused.outcome) {
    // Not from here: who starts from inside a `done` would be called back deeper and deeper.
    asio::post(impl.io, [done = std::move(done), refused = std::move(refused)]() mutable { done(std::move(refused)); });
    return;
  }
  auto exchange = std::make_shared<Exchange>(impl.io, impl.clock, std::move(endpoint), std::move(request),
                                             std::move(handler), options);
  impl.exchanges.insert(exchange);
  auto finished = [&impl, exchange, done = std::move(done)](std::exception_ptr thrown) {
    StreamEnd end = exchange->take();
    if (thrown) {
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& exception) {
        end.outcome = failed_error(fmt::format("a request failed: {}", exception.what()));
      }
    }
    impl.exchanges.erase(exchange);
    done(std::move(end));
    impl.maybe_over();
  };
  asio::co_spawn(impl.io, exchange->run(), std::move(finished));
}

void Client::at(Moment when, std::function<void()> then) {
  if (!impl_->cancelled) impl_->timers.at(when, std::move(then));
}

bool Client::run(int cancel_fd) {
  Impl& impl = *impl_;
  impl.cancelled = false;
  {
    CancelWatch watch(impl.io, cancel_fd, [&impl] { impl.cancel_all(); });
    impl.watch = &watch;
    asio::post(impl.io, [&impl] { impl.maybe_over(); });
    impl.io.restart();
    impl.io.run();
    impl.watch = nullptr;
  }
  return !impl.cancelled;
}

StreamEnd Client::stream(const Endpoint& endpoint, const Request& request, const StreamHandler& handler,
                         const Options& options) {
  StreamEnd result;
  result.end = impl_->clock.now();
  impl_->cancelled = false;
  try {
    start(endpoint, request, handler, options, [&result](StreamEnd end) { result = std::move(end); });
    run(options.cancel_fd);
  } catch (const std::exception& exception) {
    result.outcome = failed_error(fmt::format("the request to {} failed: {}", address_of(endpoint), exception.what()));
    impl_ = std::make_unique<Impl>(impl_->clock);  // what is left in the loop refers to `result`
  }
  return result;
}

Result<Response> Client::fetch(const Endpoint& endpoint, const Request& request, const Options& options) {
  Response response;
  StreamHandler handler;
  handler.on_head = [&](const Head& head, Moment) {
    response.head = head;
    return Status();
  };
  handler.on_bytes = [&](std::string_view bytes, Moment) -> Status {
    if (response.body.size() + bytes.size() > options.max_body_bytes) {
      return failed_error(
          fmt::format("{} answered with more than {}", address_of(endpoint), human_bytes(options.max_body_bytes)),
          "check that the address belongs to an inference server");
    }
    response.body += bytes;
    return {};
  };
  StreamEnd end = stream(endpoint, request, handler, options);
  if (!end.outcome) return std::move(end.outcome).error();
  response.sent = end.sent.value_or(end.end);
  response.first_byte = end.first_byte.value_or(end.end);
  response.end = end.end;
  return response;
}

}  // namespace nw::net
