#include "net/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "raw_server.h"

namespace nw::net {
namespace {

using std::chrono::milliseconds;
using test::Connection;
using test::RawServer;
using testing::HasSubstr;

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    "6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\nTrailer: t\r\n\r\n";

class ClientTest : public testing::Test {
 protected:
  Endpoint at(const RawServer& server) const { return {"127.0.0.1", server.port(), false}; }
  Result<Response> fetch(const RawServer& server, Options options = {}) {
    return client_.fetch(at(server), request_, options);
  }
  static Options quick() {
    Options options;
    options.idle = Seconds(0.1);
    options.connect = Seconds(0.3);
    return options;
  }
  // The error of a fetch from a server that answers with these bytes and closes.
  Error error_of(std::string_view bytes) {
    const RawServer server([&](const Connection& connection, const std::string&) { connection.send(bytes); });
    const auto response = fetch(server, quick());
    return response ? Error{ErrorKind::usage, "no error", {}} : response.error();
  }

  test::RealClock clock_;
  Client client_{clock_};
  Request request_;
};

TEST_F(ClientTest, FetchesABodyOfKnownLength) {
  const RawServer server([](const Connection& connection, const std::string&) {
    connection.send(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Name:  value \r\n\r\nhello and more that does not belong");
  });
  request_.method = "POST";
  request_.target = "/completion";
  request_.headers = {{"Authorization", "Bearer k"}};
  request_.body = "{}";
  const auto response = fetch(server);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->head.status, 200);
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->head.header("x-NAME"), "value");
  EXPECT_FALSE(response->head.header("absent"));
  const std::string sent = server.requests().at(0);
  EXPECT_EQ(sent.substr(0, sent.find('\r')), "POST /completion HTTP/1.1");
  EXPECT_THAT(sent, HasSubstr("Authorization: Bearer k\r\n"));
  EXPECT_THAT(sent, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(sent, HasSubstr("Accept-Encoding: identity\r\n"));
  EXPECT_THAT(sent, HasSubstr("Content-Length: 2\r\n"));
}

// Beast asserted something else here, so this one ended the program.
TEST_F(ClientTest, ReadsABodyOfNoChunksSplitAtEveryByte) {
  static const std::string kEmpty = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  std::size_t split = 1;
  const RawServer server([&](const Connection& connection, const std::string&) {
    connection.send(kEmpty.substr(0, split));
    connection.pause(milliseconds(1));
    connection.send(kEmpty.substr(split));
  });
  for (split = 1; split < kEmpty.size(); ++split) {
    const auto response = client_.fetch(at(server), request_);
    ASSERT_TRUE(response) << "split at " << split << ": " << response.error().message;
    ASSERT_EQ(response->body, "") << "split at " << split;
  }
}

TEST_F(ClientTest, ReadsAChunkedBodySplitAtEveryByte) {
  std::size_t split = 1;
  const RawServer server([&](const Connection& connection, const std::string&) {
    connection.send(kChunked.substr(0, split));
    connection.pause(milliseconds(1));
    connection.send(kChunked.substr(split));
  });
  for (split = 1; split < kChunked.size(); ++split) {
    const auto response = fetch(server);
    ASSERT_TRUE(response) << "split at " << split << ": " << response.error().message;
    ASSERT_EQ(response->body, "hello world") << "split at " << split;
  }
}

TEST_F(ClientTest, ReadsOneByteAtATime) {
  const RawServer server([&](const Connection& connection, const std::string&) {
    for (const char byte : kChunked) {
      connection.send(std::string_view(&byte, 1));
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
  });
  const auto response = fetch(server);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "hello world");
}

TEST_F(ClientTest, ABodyMayEndWithTheConnection) {
  const RawServer server([](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.0 200 OK\r\n\r\npart one, ");
    connection.pause(milliseconds(5));
    connection.send("part two");
  });
  const auto response = fetch(server);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "part one, part two");
}

TEST_F(ClientTest, PiecesArriveWhenTheyAreSentAndCarryTheirTimes) {
  const RawServer server([](const Connection& connection, const std::string&) {
    connection.pause(milliseconds(40));
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 4; ++i) {
      connection.send("3\r\nabc\r\n");
      connection.pause(milliseconds(30));
    }
    connection.send("0\r\n\r\n");
  });
  std::vector<Moment> times;
  StreamHandler handler;
  handler.on_bytes = [&](std::string_view bytes, Moment moment) {
    EXPECT_EQ(bytes, "abc");
    times.push_back(moment);
    return Status();
  };
  const StreamEnd end = client_.stream(at(server), request_, handler);
  ASSERT_TRUE(end.outcome) << end.outcome.error().message;
  ASSERT_EQ(times.size(), 4U);
  ASSERT_TRUE(end.sent && end.first_byte);
  EXPECT_GE(to_seconds(*end.first_byte - *end.sent), 0.035);
  for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(to_seconds(times[i] - times[i - 1]), 0.02);
  EXPECT_GE(end.end, times.back());
  EXPECT_EQ(end.body_bytes, 12U);
  EXPECT_GT(end.wire_bytes, 12U + 40U);
  EXPECT_EQ(end.status, 200);
}

TEST_F(ClientTest, AnswersOfOtherStatusesKeepTheirBody) {
  for (const std::string status : {"401 Unauthorized", "404 Not Found", "503 Service Unavailable"}) {
    const RawServer server([&](const Connection& connection, const std::string&) {
      connection.send("HTTP/1.1 " + status + "\r\nContent-Length: 3\r\n\r\nwhy");
    });
    const auto response = fetch(server);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(std::to_string(response->head.status), status.substr(0, 3));
    EXPECT_EQ(response->body, "why");
  }
}

TEST_F(ClientTest, SkipsInformationalAnswersButNotForEver) {
  const RawServer server([](const Connection& connection, const std::string&) {
    connection.send(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const auto response = fetch(server);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->head.status, 200);
  EXPECT_EQ(response->body, "ok");
  EXPECT_FALSE(response->head.header("Link"));

  const RawServer endless([](const Connection& connection, const std::string&) {
    while (connection.send("HTTP/1.1 100 Continue\r\n\r\n")) {
    }
  });
  const auto refused = fetch(endless);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("informational answers without an end"));
}

TEST_F(ClientTest, AnswersWithoutABodyEndWithTheirHead) {
  for (const std::string_view head :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"}) {
    const RawServer server([&](const Connection& connection, const std::string&) {
      connection.send(head);
      connection.pause(milliseconds(2000));
    });
    const auto response = fetch(server, quick());
    EXPECT_TRUE(response) << head;
    request_.method = "HEAD";
  }
}

TEST_F(ClientTest, AServerThatLiesAboutItsLengthIsNamed) {
  const Error error = error_of("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort");
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_THAT(error.message,
              testing::MatchesRegex("127.0.0.1:[0-9]+ closed the connection in the middle of its answer"));
  EXPECT_FALSE(error.hint.empty());
  EXPECT_THAT(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab").message,
              HasSubstr("in the middle"));
  EXPECT_THAT(error_of("HTTP/1.1 200 OK\r\nTransfer-Enc").message, HasSubstr("in the middle"));
}

TEST_F(ClientTest, WhatIsNotHttpIsSaidSo) {
  EXPECT_THAT(error_of("SSH-2.0-OpenSSH_9.2\r\n").message, HasSubstr("something that is not HTTP/1.1"));
  EXPECT_THAT(error_of("HTTP/1.1 abc\r\n\r\n").message, HasSubstr("something that is not HTTP/1.1"));
  EXPECT_THAT(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").message,
              HasSubstr("not HTTP/1.1"));
  EXPECT_THAT(error_of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").message,
              HasSubstr("not HTTP/1.1"));
  EXPECT_THAT(error_of("").message, HasSubstr("closed the connection without an answer"));
}

TEST_F(ClientTest, CompressedAnswersAreRefused) {
  const Error error = error_of("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08");
  EXPECT_THAT(error.message, HasSubstr("sends its answer compressed (gzip)"));
  EXPECT_THAT(error.hint, HasSubstr("switch compression off"));
}

TEST_F(ClientTest, EndlessHeadersCostBoundedMemory) {
  std::size_t sent = 0;
  {
    const RawServer server([&](const Connection& connection, const std::string&) {
      connection.send("HTTP/1.1 200 OK\r\n");
      const std::string line = "X-Filler: " + std::string(1000, 'x') + "\r\n";
      while (connection.send(line) && sent < (200U << 20)) sent += line.size();
    });
    const auto response = fetch(server);
    ASSERT_FALSE(response);
    EXPECT_THAT(response.error().message, HasSubstr("a head of more than 65536 bytes"));
  }
  EXPECT_LT(sent, 20U << 20) << "the client kept on reading";
}

TEST_F(ClientTest, AnEndlessLineInHeadOrFramingIsBounded) {
  for (const std::string_view start : {"HTTP/1.1 200 OK\r\nX-Endless: ", "HTTP/1.1 200 ",
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;extension="}) {
    const RawServer server([&](const Connection& connection, const std::string&) {
      connection.send(start);
      const std::string filler(4000, 'x');
      while (connection.send(filler)) {
      }
    });
    const auto response = fetch(server);
    ASSERT_FALSE(response) << start;
    EXPECT_EQ(response.error().kind, ErrorKind::failed) << response.error().message;
  }
}

TEST_F(ClientTest, FetchStopsAtItsBoundAndStreamDoesNot) {
  const RawServer server([](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    const std::string filler(1U << 16, 'x');
    for (int i = 0; i < 320 && connection.send(filler); ++i) {
    }
  });
  Options options;
  options.max_body_bytes = 1U << 20;
  const auto response = fetch(server, options);
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("answered with more than 1.05 MB"));
  const StreamEnd end = client_.stream(at(server), request_, {});
  ASSERT_TRUE(end.outcome) << end.outcome.error().message;
  EXPECT_EQ(end.body_bytes, 320U << 16);
}

TEST_F(ClientTest, SilenceIsATimeoutAndKeepsWhatArrived) {
  const RawServer server([](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\nfirst");
    connection.pause(milliseconds(3000));
  });
  std::string got;
  StreamHandler handler;
  handler.on_bytes = [&](std::string_view bytes, Moment) {
    got += bytes;
    return Status();
  };
  const StreamEnd end = client_.stream(at(server), request_, handler, quick());
  ASSERT_FALSE(end.outcome);
  EXPECT_EQ(end.outcome.error().kind, ErrorKind::timeout);
  EXPECT_THAT(end.outcome.error().message, HasSubstr("sent nothing for"));
  EXPECT_EQ(got, "first");
  EXPECT_EQ(end.status, 200);
  EXPECT_TRUE(end.sent && end.first_byte);
}

TEST_F(ClientTest, ASlowDripHitsTheOverallLimit) {
  const RawServer server([](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    while (connection.send("x") && !connection.over()) connection.pause(milliseconds(10));
  });
  Options options = quick();
  options.total = Seconds(0.3);
  const Moment begin = clock_.now();
  const auto response = fetch(server, options);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::timeout);
  EXPECT_THAT(response.error().message, HasSubstr("for one request"));
  EXPECT_LT(to_seconds(clock_.now() - begin), 2.0);
}

TEST_F(ClientTest, AResetIsNamedAndSaysWhen) {
  const RawServer early([](const Connection& connection, const std::string&) { connection.reset(); });
  const auto before = fetch(early);
  ASSERT_FALSE(before);
  EXPECT_THAT(before.error().message, HasSubstr("dropped the connection before it answered"));
  const RawServer late([](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\nabc");
    connection.pause(milliseconds(30));
    connection.reset();
  });
  const auto during = fetch(late);
  ASSERT_FALSE(during);
  EXPECT_THAT(during.error().message, HasSubstr("dropped the connection in the middle of its answer"));
}

TEST_F(ClientTest, AnAnswerBeforeTheWholeRequestIsReadIsHeard) {
  const RawServer server(
      [](const Connection& connection, const std::string&) {
        connection.send("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig");
        connection.pause(milliseconds(20));
        EXPECT_FALSE(connection.read_request().empty());
      },
      false, false);
  request_.method = "POST";
  request_.body = std::string(2000, 'x');
  const auto response = fetch(server);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->head.status, 413);
}

TEST_F(ClientTest, NobodyListening) {
  std::uint16_t port = 0;
  {
    const RawServer server([](const Connection&, const std::string&) {});
    port = server.port();
  }
  const auto response = client_.fetch({"127.0.0.1", port, false}, request_);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::lacking);
  EXPECT_EQ(response.error().message, "nothing listens on 127.0.0.1:" + std::to_string(port) + " (connection refused)");
}

TEST_F(ClientTest, AConnectionThatIsNotAcceptedTimesOut) {
  // A listener whose queue is full drops further connections in silence.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(fillers.back(), reinterpret_cast<sockaddr*>(&address), size);
  }
  const auto response = client_.fetch({"127.0.0.1", ntohs(address.sin_port), false}, request_, quick());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::timeout) << response.error().message;
  EXPECT_THAT(response.error().message, HasSubstr("did not accept a connection within"));
  for (const int fd : fillers) ::close(fd);
  ::close(listener);
}

TEST_F(ClientTest, UnknownHostNamesAreNamed) {
  const auto response = client_.fetch({"no-such-host.invalid", 80, false}, request_, quick());
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("no-such-host.invalid:80"));
}

TEST_F(ClientTest, LocalhostMeansBothLoopbacks) {
  const RawServer v4(
      [](const Connection& connection, const std::string&) { connection.send("HTTP/1.1 200 OK\r\n\r\nfour"); });
  const auto by_name = client_.fetch({"LOCALHOST", v4.port(), false}, request_);
  ASSERT_TRUE(by_name) << by_name.error().message;
  EXPECT_EQ(by_name->body, "four");
  const RawServer v6(
      [](const Connection& connection, const std::string&) { connection.send("HTTP/1.1 200 OK\r\n\r\nsix"); }, true);
  if (!v6.ok()) GTEST_SKIP() << "this machine has no IPv6 loopback";
  const auto by_address = client_.fetch({"::1", v6.port(), false}, request_);
  ASSERT_TRUE(by_address) << by_address.error().message;
  EXPECT_EQ(by_address->body, "six");
  EXPECT_THAT(v6.requests().at(0), HasSubstr("Host: [::1]:"));
  const auto second = client_.fetch({"localhost", v6.port(), false}, request_);
  ASSERT_TRUE(second) << second.error().message;
}

TEST_F(ClientTest, AnErrorOfTheHandlerEndsTheExchangeUnchanged) {
  const RawServer server([](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    while (connection.send("x")) connection.pause(milliseconds(2));
  });
  StreamHandler handler;
  handler.on_bytes = [](std::string_view, Moment) -> Status { return failed_error("that is enough", "hint"); };
  const StreamEnd end = client_.stream(at(server), request_, handler);
  ASSERT_FALSE(end.outcome);
  EXPECT_EQ(end.outcome.error().message, "that is enough");
}

TEST_F(ClientTest, HttpsAndLineBreaksAreRefusedBeforeAnythingIsSent) {
  const auto tls = client_.fetch({"127.0.0.1", 443, true}, request_);
  ASSERT_FALSE(tls);
  EXPECT_THAT(tls.error().message, HasSubstr("https"));
  EXPECT_FALSE(tls.error().hint.empty());
  request_.headers = {{"Authorization", "Bearer k\r\nX-Injected: 1"}};
  const auto injected = client_.fetch({"127.0.0.1", 1, false}, request_);
  ASSERT_FALSE(injected);
  EXPECT_EQ(injected.error().kind, ErrorKind::usage);
  EXPECT_EQ(injected.error().message.find("Injected"), std::string::npos);
}

TEST_F(ClientTest, AClientOutlivesManyFailures) {
  const RawServer server([](const Connection& connection, const std::string& request) {
    if (request.rfind("GET /bad", 0) == 0) return connection.reset();
    connection.send("HTTP/1.1 200 OK\r\n\r\nfine");
  });
  for (int i = 0; i < 20; ++i) {
    request_.target = "/bad";
    EXPECT_FALSE(fetch(server));
    request_.target = "/good";
    EXPECT_TRUE(fetch(server));
  }
}

}  // namespace
}  // namespace nw::net
