// An HTTP/1.1 server on one thread, whose answers may take their time: each is written piece by piece, at moments that
// the handler chooses.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/client.h"

namespace nw::net {

struct ServerRequest {
  std::string method, target;
  Headers headers;
  std::string body;  // at most 64 MiB; more is answered with 413 and never seen
};

// The answer to one request. Used on the server's thread only; may be kept beyond the handler's call, also beyond the
// connection: then nothing happens any more.
class Reply {
 public:
  virtual ~Reply() = default;
  // Head of an answer that comes in pieces ("Transfer-Encoding: chunked"), then the pieces, then its end.
  virtual void begin(int status, std::string_view content_type) = 0;
  // Handed to the kernel before this returns, unless its buffer is full; what it does not take now is kept and sent
  // when it does.
  virtual void send(std::string_view bytes) = 0;
  virtual void finish() = 0;
  // Everything at once, with its length.
  virtual void answer(int status, std::string_view content_type, std::string_view body) = 0;
  // Closes the connection in the middle of whatever was sent.
  virtual void drop() = 0;
  // False: the client has gone (noticed when writing) or the answer is complete.
  [[nodiscard]] virtual bool open() const = 0;
};

// Cost: a socket, a coroutine and about 8 KiB per connection. One thread; stop() alone may come from another.
class Server {
 public:
  using Handler = std::function<void(const ServerRequest&, const std::shared_ptr<Reply>&)>;

  explicit Server(const Clock& clock);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds. Port 0 takes a free one; the port is returned. An address in use is an ErrorKind::lacking.
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port);
  // On the server's thread: not before `when`.
  void at(Moment when, std::function<void()> then);
  // Serves until stop() is called or `stop_fd` is readable; then connections are closed as they are.
  void run(Handler handler, int stop_fd = -1);
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nw::net
