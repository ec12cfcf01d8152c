// Many exchanges on one client: they overlap, keep to their moments, and end together when the user says so.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "net/client.h"
#include "raw_server.h"

namespace nw::net {
namespace {

using std::chrono::milliseconds;
using test::Connection;
using test::RawServer;

constexpr const char* kFine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

class Many : public testing::Test {
 protected:
  static Endpoint of(const RawServer& server) { return {"127.0.0.1", server.port(), false}; }
  test::RealClock clock_;
  Client client_{clock_};
};

// The first answer comes only after the second question was asked: one after the other they would wait for ever.
TEST_F(Many, ExchangesOverlap) {
  std::atomic<bool> second_asked = false;
  const RawServer first([&](const Connection& connection, const std::string&) {
    while (!second_asked && !connection.over()) connection.pause(milliseconds(1));
    connection.send(kFine);
  });
  const RawServer second([&](const Connection& connection, const std::string&) {
    second_asked = true;
    connection.send(kFine);
  });
  int good = 0;
  for (const RawServer* server : {&first, &second}) {
    client_.start(of(*server), {}, {}, {}, [&](StreamEnd end) { good += end.outcome ? 1 : 0; });
  }
  EXPECT_TRUE(client_.run());
  EXPECT_EQ(good, 2);
}

TEST_F(Many, OneMayBeStartedFromTheEndOfAnother) {
  const RawServer server([](const Connection& connection, const std::string&) { connection.send(kFine); });
  int ended = 0;
  std::function<void()> next = [&] {
    client_.start(of(server), {}, {}, {}, [&](StreamEnd end) {
      EXPECT_TRUE(end.outcome);
      if (++ended < 10) next();
    });
  };
  next();
  EXPECT_TRUE(client_.run());
  EXPECT_EQ(ended, 10);
  EXPECT_TRUE(client_.run()) << "nothing to do is done at once";
}

TEST_F(Many, MomentsComeInTheirOrderAndNotEarly) {
  const Moment begin = clock_.now();
  std::vector<int> order;
  client_.at(begin + milliseconds(60), [&] { order.push_back(3); });
  client_.at(begin + milliseconds(20), [&] {
    order.push_back(1);
    EXPECT_GE(clock_.now(), begin + milliseconds(20));
    client_.at(clock_.now() + milliseconds(10), [&] { order.push_back(2); });
  });
  EXPECT_TRUE(client_.run());
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_GE(clock_.now(), begin + milliseconds(60));
}

TEST_F(Many, ACancelEndsAllAndDropsTheRest) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::atomic<bool> asked = false;
  const RawServer server([&](const Connection& connection, const std::string&) {
    asked = true;
    connection.pause(milliseconds(20'000));
  });
  int interrupted = 0;
  bool too_late = false;
  for (int i = 0; i < 5; ++i) {
    client_.start(of(server), {}, {}, {}, [&](StreamEnd end) {
      ASSERT_FALSE(end.outcome);
      EXPECT_EQ(end.outcome.error().kind, ErrorKind::interrupted);
      ++interrupted;
      // What is started now is not even tried.
      client_.start(of(server), {}, {}, {}, [&](StreamEnd after) {
        ASSERT_FALSE(after.outcome);
        EXPECT_EQ(after.outcome.error().kind, ErrorKind::interrupted);
        EXPECT_FALSE(after.sent);
      });
    });
  }
  client_.at(clock_.now() + std::chrono::seconds(20), [&] { too_late = true; });
  std::thread presser([&] {
    while (!asked) std::this_thread::sleep_for(milliseconds(1));
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
  });
  const Moment begin = clock_.now();
  EXPECT_FALSE(client_.run(ends[0]));
  presser.join();
  EXPECT_EQ(interrupted, 5);
  EXPECT_FALSE(too_late);
  EXPECT_LT(to_seconds(clock_.now() - begin), 10.0);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Many, ARefusalIsCalledBackFromTheLoopOnly) {
  bool called = false;
  Request broken;
  broken.target = "/a b";
  client_.start({"127.0.0.1", 9, false}, broken, {}, {}, [&](StreamEnd end) {
    EXPECT_FALSE(end.outcome);
    called = true;
  });
  EXPECT_FALSE(called);
  EXPECT_TRUE(client_.run());
  EXPECT_TRUE(called);
}

// Who gives a client away in the middle of its work leaves nothing behind that would touch it.
TEST_F(Many, MayBeDestroyedWithWorkLeft) {
  const RawServer server([](const Connection& connection, const std::string&) { connection.send(kFine); });
  auto client = std::make_unique<Client>(clock_);
  client->start(of(server), {}, {}, {}, [](StreamEnd) { FAIL() << "nobody ran it"; });
  client->at(clock_.now(), [] { FAIL() << "nobody ran it"; });
  client.reset();
}

}  // namespace
}  // namespace nw::net
