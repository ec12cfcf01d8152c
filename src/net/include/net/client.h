// An HTTP/1.1 client for measuring: with the moments that matter, one connection per request, one exchange while the
// caller waits or a thousand at once.
//
// Why no connection is kept: an idle keep-alive connection makes some servers poll (cpp-httplib wakes about 100 times a
// second for 5 s, and llama-server is built on it), and the idle window right after the requests would measure that.
// Connecting happens before `sent`, so it is not part of any latency.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"

namespace nw::net {

struct Endpoint {
  std::string host;  // a name or an address, IPv6 without brackets; "localhost" is tried as 127.0.0.1, then ::1
  std::uint16_t port = 80;
  bool tls = false;  // refused by this version with a clear error
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;  // besides Host, User-Agent, Accept-Encoding, Connection and Content-Length, which are added
  std::string body;
};

struct Head {
  int status = 0;
  Headers headers;  // names as sent
  // Value of the first header of this name, case-insensitively.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

struct Options {
  Seconds connect{5};  // until the connection stands, name look-up included
  Seconds idle{300};   // longest silence: a prompt of minutes is silent until its first token
  Seconds total{3600};
  // Of fetch() and stream(); readable: stop with ErrorKind::interrupted. Not read, not closed, but made non-blocking.
  int cancel_fd = -1;
  std::size_t max_body_bytes = 64U << 20;  // of fetch() only
};

struct Response {
  Head head;
  std::string body;
  Moment sent, first_byte, end;
};

// Called on the caller's thread. An error from one of them ends the exchange with that error.
struct StreamHandler {
  std::function<Status(const Head&, Moment)> on_head;        // may be empty
  std::function<Status(std::string_view, Moment)> on_bytes;  // the body without its framing; may be empty
};

// How an exchange went. Times that did not happen are null: an exchange that fails half-way keeps what it saw.
struct [[nodiscard]] StreamEnd {
  Status outcome;              // an answer of any status that arrived whole is a success
  int status = 0;              // of HTTP; 0: no head came
  std::optional<Moment> sent;  // right before the request was handed to the kernel
  std::optional<Moment> first_byte;
  Moment end;  // of the last read
  std::uint64_t body_bytes = 0;
  std::uint64_t wire_bytes = 0;  // with head and framing
};

// Errors name the address and tell apart: refused, unreachable, name not found (lacking); silence and overall limit
// (timeout); closed or reset half-way, not HTTP, compressed, too large (failed); cancel (interrupted).
//
// Moments come from the Clock, taken when the read that brought the bytes returned, before they are parsed. Memory: a
// head of at most 64 KiB and a read buffer of 64 KiB; the body is handed on, never gathered (but by fetch, up to its
// bound). A Client is used by one thread at a time; several clients are independent. The clock must outlive it.
// Cost of many: one thread and one loop for all, 16 KiB and a socket each (the limit of open files is the caller's).
class Client {
 public:
  explicit Client(const Clock& clock);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The whole answer, of whatever status.
  Result<Response> fetch(const Endpoint& endpoint, const Request& request, const Options& options = {});
  // The answer as it comes.
  StreamEnd stream(const Endpoint& endpoint, const Request& request, const StreamHandler& handler,
                   const Options& options = {});

  // Many at once. start() and at() only take note; run() does the work and calls back on its thread, from where more
  // may be started. `done` is called once per exchange, after the last call of its handler. Options::cancel_fd is not
  // looked at: run() has one for all.
  using Done = std::function<void(StreamEnd)>;
  void start(Endpoint endpoint, Request request, StreamHandler handler, Options options, Done done);
  // Not before `when` (a moment of the Clock); in the past: as soon as possible.
  void at(Moment when, std::function<void()> then);
  // Until all that was started is done and every moment has come. False: `cancel_fd` became readable; then exchanges
  // ended as interrupted, and moments that had not come will not. fetch() and stream() must not be called meanwhile.
  bool run(int cancel_fd = -1);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nw::net
