#include "net/port.h"

#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace nw::net {
namespace {

using boost::asio::ip::tcp;
using ErrorCode = boost::system::error_code;

Error no_socket(const ErrorCode& code) {
  return failed_error(fmt::format("cannot open a socket on 127.0.0.1: {}", code.message()));
}

// Listens on 127.0.0.1:`port` for a moment. Returns the port that the system gave, or 0 when it is taken.
Result<std::uint16_t> try_listen(std::uint16_t port) {
  boost::asio::io_context io(1);
  tcp::acceptor acceptor(io);
  const tcp::endpoint wanted(boost::asio::ip::address_v4::loopback(), port);
  ErrorCode code;
  acceptor.open(tcp::v4(), code);
  if (code) return no_socket(code);
  // Connections of an ended server that linger in TIME_WAIT do not block a new one; a listener does.
  acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  acceptor.bind(wanted, code);
  if (!code) acceptor.listen(1, code);
  if (code == boost::asio::error::address_in_use) return std::uint16_t{0};
  if (code == boost::asio::error::access_denied) {
    return lacking_error(fmt::format("port {} is reserved for the administrator", port), "choose a port above 1023");
  }
  if (code) return no_socket(code);
  const tcp::endpoint given = acceptor.local_endpoint(code);
  if (code) return no_socket(code);
  return given.port();
}

}  // namespace

Result<std::uint16_t> free_port() {
  NW_TRY(const std::uint16_t port, try_listen(0));
  if (port == 0) return failed_error("no TCP port is free on 127.0.0.1");
  return port;
}

Result<bool> port_in_use(std::uint16_t port) {
  NW_TRY(const std::uint16_t given, try_listen(port));
  return given == 0;
}

}  // namespace nw::net
