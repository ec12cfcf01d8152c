// The descriptor that a Ctrl-C makes readable: it ends a request, and nobody else notices that it was watched.
#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "net/client.h"
#include "raw_server.h"

namespace nw::net {
namespace {

using std::chrono::milliseconds;
using test::Connection;
using test::RawServer;

class CancelTest : public testing::Test {
 protected:
  Endpoint at(const RawServer& server) const { return {"127.0.0.1", server.port(), false}; }
  void SetUp() override { ASSERT_EQ(::pipe(pipe_), 0); }
  void TearDown() override {
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  Options cancellable() const {
    Options options;
    options.cancel_fd = pipe_[0];
    return options;
  }
  // The descriptor is still open and still readable: nobody read from it.
  bool untouched() const {
    pollfd entry{pipe_[0], POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1 && entry.revents == POLLIN;
  }
  int pipe_[2] = {-1, -1};
  test::RealClock clock_;
  Client client_{clock_};
  Request request_;
};

TEST_F(CancelTest, EndsAWaitAtOnce) {
  const RawServer server(
      [](const Connection& connection, const std::string&) { connection.pause(milliseconds(5000)); });
  std::thread presser([&] {
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_EQ(::write(pipe_[1], "x", 1), 1);
  });
  const Moment begin = clock_.now();
  const auto response = client_.fetch(at(server), request_, cancellable());
  presser.join();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::interrupted);
  EXPECT_LT(to_seconds(clock_.now() - begin), 2.0);
  EXPECT_TRUE(untouched());
}

TEST_F(CancelTest, ThatWasPressedBeforeStopsTheNextRequestToo) {
  const RawServer server(
      [](const Connection& connection, const std::string&) { connection.pause(milliseconds(5000)); });
  ASSERT_EQ(::write(pipe_[1], "x", 1), 1);
  for (int i = 0; i < 2; ++i) {
    const auto response = client_.fetch(at(server), request_, cancellable());
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::interrupted);
  }
  EXPECT_TRUE(untouched());
}

TEST_F(CancelTest, DoesNotDisturbRequestsWhileNobodyPresses) {
  const RawServer server(
      [](const Connection& connection, const std::string&) { connection.send("HTTP/1.1 200 OK\r\n\r\nfine"); });
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client_.fetch(at(server), request_, cancellable()));
  EXPECT_FALSE(untouched());
}

}  // namespace
}  // namespace nw::net
