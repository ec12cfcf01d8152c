// The throughput round against a server of known behaviour: real sockets, real time, a real dialect.
#include "load/throughput.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "model/figures.h"
#include "unit/net/raw_server.h"

namespace nw::load {
namespace {

using model::Reason;
using std::chrono::milliseconds;
using test::Connection;
using test::RawServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A dialect that says in its body what it wants, and reads lines: "token", "done PROMPT CACHED GENERATED", "error
// TEXT".
class LineDecoder : public model::AnswerDecoder {
 public:
  Result<std::vector<model::AnswerEvent>> feed(std::string_view bytes) override {
    text_ += bytes;
    std::vector<model::AnswerEvent> events;
    for (std::size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      const std::string line = text_.substr(0, end);
      text_.erase(0, end + 1);
      if (line == "token") events.push_back({model::AnswerEvent::Kind::content, "t"});
      if (line == "garbage") return failed_error("the answer is garbage");
      if (line.rfind("error ", 0) == 0) events.push_back({model::AnswerEvent::Kind::error, line.substr(6)});
      if (line.rfind("done ", 0) == 0) {
        long prompt = 0, cached = 0, generated = 0;
        EXPECT_EQ(std::sscanf(line.c_str(), "done %ld %ld %ld", &prompt, &cached, &generated), 3);
        counters_.prompt_tokens = prompt;
        counters_.cached_tokens = cached;
        if (generated > 0) counters_.generated_tokens = generated;
        events.push_back({model::AnswerEvent::Kind::finished, {}});
      }
    }
    return events;
  }
  Result<std::vector<model::AnswerEvent>> finish() override { return std::vector<model::AnswerEvent>(); }
  [[nodiscard]] const model::AnswerCounters& counters() const override { return counters_; }

 private:
  std::string text_;
  model::AnswerCounters counters_;
};

class LineDialect : public model::Dialect {
 public:
  [[nodiscard]] model::ApiRequest health() const override { return {}; }
  [[nodiscard]] std::vector<model::ApiRequest> introductions() const override {
    return {{"GET", "/one", {}, ""}, {"GET", "/two", {}, ""}};
  }
  Status learn(std::size_t introduction, int status, std::string_view body) override {
    learned.push_back(fmt::format("{} {} {}", introduction, status, body));
    return status == 200 ? Status() : Status(failed_error("not usable"));
  }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> labels() const override { return {}; }
  [[nodiscard]] bool exact_lengths() const override { return true; }
  [[nodiscard]] model::ApiRequest ask(const model::Question& q) const override {
    return {
        "POST", "/ask", {}, fmt::format("{} {} {} {}", q.prompt_tokens, q.generate, q.nonce, q.reuse_cache ? 1 : 0)};
  }
  [[nodiscard]] std::unique_ptr<model::AnswerDecoder> decoder() const override {
    return std::make_unique<LineDecoder>();
  }
  void calibrate(const model::Question&, const model::AnswerCounters&) override { ++calibrations; }
  [[nodiscard]] std::optional<model::ApiRequest> unload() const override { return std::nullopt; }

  std::vector<std::string> learned;
  int calibrations = 0;
};

struct Asked {
  long prompt = 0, generate = 0;
  unsigned long nonce = 0;
  int reuse = 0;
};
Asked asked_in(const std::string& request) {
  Asked asked;
  const std::string body = request.substr(request.find("\r\n\r\n") + 4);
  EXPECT_EQ(std::sscanf(body.c_str(), "%ld %ld %lu %d", &asked.prompt, &asked.generate, &asked.nonce, &asked.reuse), 4);
  return asked;
}

constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\n\r\n";

// Answers after `first`, then a token every `gap`; at a depth it remembers the last nonce as its cache.
class Engine {
 public:
  milliseconds first{10};
  milliseconds gap{5};
  long cached = 0;
  std::atomic<int> served{0};

  test::Script script() {
    return [this](const Connection& connection, const std::string& request) {
      const Asked asked = asked_in(request);
      const long from_cache = asked.reuse != 0 && asked.nonce == nonce_ ? length_ : cached;
      if (asked.reuse != 0) nonce_ = asked.nonce, length_ = asked.prompt;
      connection.send(kHead);
      connection.pause(first);
      for (long i = 0; i < asked.generate; ++i) {
        connection.send("token\n");
        if (i + 1 < asked.generate) connection.pause(gap);
      }
      ++served;
      connection.send(fmt::format("done {} {} {}\n", asked.prompt, from_cache, asked.generate));
    };
  }

 private:
  unsigned long nonce_ = 0;
  long length_ = 0;
};

class ThroughputTest : public testing::Test {
 protected:
  Result<TestOutcome> run(const RawServer& server, const TestPlan& plan, int cancel_fd = -1) {
    return run_test({"127.0.0.1", server.port(), false}, dialect_, plan, clock_, cancel_fd,
                    [this](const model::Request& request) { seen_.push_back(request.seq); });
  }
  static TestPlan plan(std::int64_t prompt, std::int64_t generate, std::int64_t depth = 0) {
    TestPlan plan;
    plan.test = {prompt, generate, depth, 1};
    plan.first_nonce = 100;
    return plan;
  }
  test::RealClock clock_;
  LineDialect dialect_;
  std::vector<int> seen_;
};

TEST_F(ThroughputTest, PromptTestsTimeTheFirstToken) {
  Engine engine;
  engine.first = milliseconds(40);
  const RawServer server(engine.script());
  const auto outcome = run(server, plan(512, 0));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_THAT(outcome->reasons, IsEmpty());
  ASSERT_GE(outcome->requests.size(), 4U);
  EXPECT_TRUE(outcome->requests.front().warmup);
  EXPECT_EQ(outcome->next_nonce, 100 + outcome->requests.size());
  for (const model::Request& request : outcome->requests) {
    const auto rate = model::tokens_per_second(request, {512, 0, 0, 1});
    ASSERT_TRUE(rate);
    EXPECT_LE(*rate, 512 / 0.038);
    EXPECT_GE(*rate, 512 / 0.4);
    ASSERT_TRUE(request.end && request.first_byte && request.first_token);
    EXPECT_LE(request.sent, *request.first_byte);
    EXPECT_LE(*request.first_byte, *request.first_token);
    EXPECT_LE(*request.first_token, *request.end);
    EXPECT_LE(request.scheduled, request.sent);
  }
  EXPECT_EQ(seen_.size(), outcome->requests.size());
  EXPECT_EQ(dialect_.calibrations, static_cast<int>(outcome->requests.size()));
}

TEST_F(ThroughputTest, GenerationTestsAskBehindOneTokenWithANonceEach) {
  Engine engine;
  const RawServer server(engine.script());
  const auto outcome = run(server, plan(0, 16));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_THAT(outcome->reasons, IsEmpty());
  const auto requests = server.requests();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Asked asked = asked_in(requests[i]);
    EXPECT_EQ(asked.prompt, 1);
    EXPECT_EQ(asked.generate, 16);
    EXPECT_EQ(asked.nonce, 100 + i);
    EXPECT_EQ(asked.reuse, 0);
  }
  for (const model::Request& request : outcome->requests) {
    EXPECT_EQ(request.token_times.size(), 16U);
    const double rate = model::tokens_per_second(request, {0, 16, 0, 1}).value_or(0);
    EXPECT_LE(rate, 1 / 0.0045);
    EXPECT_GT(rate, 20);
  }
}

TEST_F(ThroughputTest, ADepthIsPutIntoTheCacheFirst) {
  Engine engine;
  const RawServer server(engine.script());
  const auto outcome = run(server, plan(128, 0, 1024));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_THAT(outcome->reasons, IsEmpty());
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2 * outcome->requests.size());
  for (std::size_t i = 0; i < requests.size(); i += 2) {
    const Asked prefix = asked_in(requests[i]);
    const Asked question = asked_in(requests[i + 1]);
    EXPECT_EQ(prefix.prompt, 1024);
    EXPECT_EQ(question.prompt, 1152);
    EXPECT_EQ(prefix.nonce, question.nonce);
    EXPECT_EQ(prefix.reuse + question.reuse, 2);
  }
  for (const model::Request& request : outcome->requests) EXPECT_EQ(request.cached_tokens, 1024);
}

TEST_F(ThroughputTest, ACacheThatAnswersIsNoticed) {
  Engine engine;
  engine.cached = 300;
  const RawServer server(engine.script());
  const auto outcome = run(server, plan(512, 0));
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->reasons, ElementsAre(Reason::cache_hit));
}

TEST_F(ThroughputTest, ADepthThatIsNotInTheCacheIsNoticed) {
  const RawServer server([](const Connection& connection, const std::string& request) {
    connection.send(fmt::format("{}token\ndone {} 0 1\n", kHead, asked_in(request).prompt));
  });
  const auto outcome = run(server, plan(128, 0, 1024));
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->reasons, ElementsAre(Reason::token_mismatch));
}

TEST_F(ThroughputTest, AWarmUpOfSeveralRequestsIsLeftOut) {
  Engine engine;
  const RawServer server([&](const Connection& connection, const std::string& request) {
    engine.first = milliseconds(engine.served < 3 ? 200 - 60 * engine.served : 20);
    engine.script()(connection, request);
  });
  const auto outcome = run(server, plan(512, 0));
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->reasons, IsEmpty());
  int warm = 0;
  for (const model::Request& request : outcome->requests) warm += request.warmup ? 1 : 0;
  EXPECT_GE(warm, 2);
  EXPECT_TRUE(outcome->requests[0].warmup && outcome->requests[1].warmup);
  EXPECT_FALSE(outcome->requests.back().warmup);
  EXPECT_LE(outcome->requests.size(), 12U);
}

TEST_F(ThroughputTest, ErrorsAreKeptAndThreeInARowEndIt) {
  for (const auto& [answer, sentence] :
       {std::pair("HTTP/1.1 503 Busy\r\nContent-Length: 24\r\n\r\n{\"error\":\"out of slots\"}",
                  "status 503: out of slots"),
        std::pair("HTTP/1.1 200 OK\r\n\r\nerror no \x1b memory\n", "the engine reports: no \\x1b memory"),
        std::pair("HTTP/1.1 200 OK\r\n\r\ntoken\n", "ended before the engine said"),
        std::pair("HTTP/1.1 200 OK\r\n\r\ndone 512 0 1\n", "holds no token"),
        std::pair("HTTP/1.1 200 OK\r\n\r\ngarbage\n", "the answer is garbage"),
        std::pair("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ntoken\n", "in the middle of its answer")}) {
    const RawServer server([&](const Connection& connection, const std::string&) { connection.send(answer); });
    const auto outcome = run(server, plan(512, 0));
    ASSERT_TRUE(outcome);
    ASSERT_EQ(outcome->requests.size(), 3U) << sentence;
    for (const model::Request& request : outcome->requests) {
      EXPECT_THAT(request.error, HasSubstr(sentence));
      EXPECT_FALSE(request.warmup);
    }
    EXPECT_THAT(outcome->reasons, ElementsAre(Reason::request_failed, Reason::too_few_samples));
  }
}

TEST_F(ThroughputTest, OneFailureAmongManyInvalidatesButIsNotTheEnd) {
  Engine engine;
  std::atomic<int> count{0};
  const RawServer server([&](const Connection& connection, const std::string& request) {
    if (count++ == 2) return connection.reset();
    engine.script()(connection, request);
  });
  const auto outcome = run(server, plan(0, 4));
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->reasons, ElementsAre(Reason::request_failed));
  EXPECT_GE(outcome->requests.size(), 5U);
}

TEST_F(ThroughputTest, ACancelKeepsWhatIsThere) {
  Engine engine;
  engine.first = milliseconds(50);
  const RawServer server(engine.script());
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  std::thread presser([&] {
    while (engine.served < 2) std::this_thread::sleep_for(milliseconds(1));
    EXPECT_EQ(::write(fds[1], "x", 1), 1);
  });
  const auto outcome = run(server, plan(512, 0), fds[0]);
  presser.join();
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->reasons, ElementsAre(Reason::interrupted));
  EXPECT_GE(outcome->requests.size(), 2U);
  EXPECT_LE(outcome->requests.size(), 4U);
  EXPECT_TRUE(outcome->requests.front().error.empty());
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST_F(ThroughputTest, TheBudgetEndsItButNotBeforeTheMinimum) {
  Engine engine;
  engine.first = milliseconds(20);
  const RawServer server(engine.script());
  TestPlan hurried = plan(512, 0);
  hurried.budget = Seconds(0);
  const auto outcome = run(server, hurried);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->requests.size(), 4U);
}

TEST_F(ThroughputTest, PlansThatCannotBeCarriedOut) {
  const RawServer server([](const Connection&, const std::string&) {});
  TestPlan many = plan(512, 0);
  many.test.concurrency = 4;
  const auto refused = run(server, many);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("pp512 with 4 clients at once is not in this version"));
  EXPECT_FALSE(refused.error().hint.empty());
  EXPECT_FALSE(run(server, plan(0, 0)));
  EXPECT_FALSE(run(server, plan(5, 5)));
  EXPECT_FALSE(run(server, plan(0, 1)));
  EXPECT_FALSE(run(server, plan(5, 0, -1)));
  EXPECT_THAT(server.requests(), IsEmpty());
}

TEST_F(ThroughputTest, IntroductionsAreAskedInOrder) {
  const RawServer server([](const Connection& connection, const std::string& request) {
    const bool first = request.rfind("GET /one", 0) == 0;
    connection.send(first ? "HTTP/1.1 200 OK\r\n\r\n1" : "HTTP/1.1 500 Oops\r\n\r\n2");
  });
  const Status status = introduce({"127.0.0.1", server.port(), false}, dialect_, clock_, -1);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "not usable");
  EXPECT_THAT(dialect_.learned, ElementsAre("0 200 1", "1 500 2"));
}

}  // namespace
}  // namespace nw::load
