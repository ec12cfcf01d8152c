#include "net/port.h"

#include <gtest/gtest.h>

#include "raw_server.h"

namespace nw::net {
namespace {

TEST(Port, AFreeOneCanBeListenedOnAndIsThenInUse) {
  const auto port = free_port();
  ASSERT_TRUE(port) << port.error().message;
  EXPECT_GT(*port, 0);
  const auto before = port_in_use(*port);
  ASSERT_TRUE(before);
  EXPECT_FALSE(*before);
  const test::RawServer server([](const test::Connection&, const std::string&) {});
  const auto taken = port_in_use(server.port());
  ASSERT_TRUE(taken);
  EXPECT_TRUE(*taken);
}

TEST(Port, AListenerOnAllAddressesWithReusePortCountsToo) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 4), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const auto taken = port_in_use(ntohs(address.sin_port));
  ASSERT_TRUE(taken);
  EXPECT_TRUE(*taken);
  ::close(listener);
}

}  // namespace
}  // namespace nw::net
