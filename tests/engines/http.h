// Just enough HTTP/1.1 for a server on the loopback interface: persistent connections, one thread each, answers in one
// piece or in chunks. Connections end as llama-server's do: after an error, after 100 requests, after 5 s of silence.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace nw::fake {

struct HttpRequest {
  std::string method;
  std::string path;                            // without the query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// One client. Used by one thread. Every send returns false once the client is gone.
class Connection {
 public:
  explicit Connection(int socket) : socket_(socket) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The next request; nullopt when the connection is over, or the client talks nonsense.
  [[nodiscard]] std::optional<HttpRequest> read_request();

  bool answer(int status, std::string_view body, std::string_view type = "application/json; charset=utf-8");
  bool begin_stream(std::string_view type);
  bool chunk(std::string_view text);
  bool end_stream();

 private:
  [[nodiscard]] std::string persistence() const;
  bool send_all(std::string_view bytes);
  bool receive_more();

  int socket_;
  std::string received_;
  int requests_ = 0;
  bool last_ = false;  // close after this answer
};

// Calls `handle` for each request of each client, in the client's own thread.
class Listener {
 public:
  using Handler = std::function<void(Connection&, const HttpRequest&)>;

  // False if the address cannot be had. Port 0 takes a free one.
  [[nodiscard]] bool open(const std::string& host, int port);
  [[nodiscard]] int port() const { return port_; }
  // Starts the thread that accepts; the listener must live as long as the process.
  void start(Handler handle);

 private:
  void accept_for_ever();

  int socket_ = -1;
  int port_ = 0;
  Handler handle_;
};

}  // namespace nw::fake
