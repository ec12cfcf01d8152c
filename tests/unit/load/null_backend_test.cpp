// The null backend, asked over the loopback and read with the project's own codecs.
#include "load/null_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <thread>
#include <vector>

#include "net/client.h"
#include "unit/net/raw_server.h"
#include "wire/llama_api.h"
#include "wire/ollama_api.h"
#include "wire/openai_api.h"

namespace nw::load {
namespace {

using ::testing::HasSubstr;

// A null backend on a thread of its own.
class Running {
 public:
  explicit Running(NullOptions options) : backend_(clock_, std::move(options)) {
    const auto port = backend_.listen("127.0.0.1", 0);
    EXPECT_TRUE(port);
    endpoint_ = {"127.0.0.1", port ? *port : std::uint16_t{0}, false};
    thread_ = std::thread([this] { backend_.run(); });
  }
  ~Running() {
    backend_.stop();
    thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  [[nodiscard]] const net::Endpoint& endpoint() const { return endpoint_; }
  net::Response ask(const std::string& target, const std::string& body) {
    net::Client client(clock_);
    auto response = client.fetch(endpoint_, {body.empty() ? "GET" : "POST", target, {}, body});
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : net::Response{};
  }

 private:
  test::RealClock clock_;
  NullBackend backend_;
  net::Endpoint endpoint_;
  std::thread thread_;
};

NullOptions quick(bool stamps = false) {
  NullOptions options;
  options.tokens_per_s = 1000;
  options.stamps = stamps;
  return options;
}

struct Read {
  std::vector<std::string> texts;
  bool finished = false;
  model::AnswerCounters counters;
};

Read read_messages(const std::vector<std::string>& messages, Result<wire::AnswerChunk> (*parse)(std::string_view)) {
  Read read;
  for (const auto& message : messages) {
    const auto chunk = parse(message);
    EXPECT_TRUE(chunk) << message;
    if (!chunk) continue;
    if (chunk->has_content) read.texts.push_back(chunk->content);
    read.finished = read.finished || chunk->finished;
    if (chunk->counters.generated_tokens) read.counters = chunk->counters;
  }
  return read;
}

std::vector<std::string> lines_after(const std::string& body, std::string_view prefix) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = std::min(body.find('\n', at), body.size());
    const std::string line = body.substr(at, end - at);
    if (!line.empty() && line.starts_with(prefix)) lines.push_back(line.substr(prefix.size()));
    at = end + 1;
  }
  return lines;
}

struct ApiCase {
  const char* target;
  const char* body;
  const char* prefix;
  Result<wire::AnswerChunk> (*parse)(std::string_view);
};

class EveryApi : public testing::TestWithParam<ApiCase> {};

TEST_P(EveryApi, StreamsWhatWasAskedFor) {
  Running running(quick());
  const auto& api = GetParam();
  const auto response = running.ask(api.target, api.body);
  EXPECT_EQ(response.head.status, 200);
  const auto read = read_messages(lines_after(response.body, api.prefix), api.parse);
  EXPECT_EQ(read.texts.size(), 7U) << response.body;
  EXPECT_TRUE(read.finished);
  EXPECT_EQ(read.counters.generated_tokens, 7);
  EXPECT_EQ(read.counters.prompt_tokens, 3);
}

INSTANTIATE_TEST_SUITE_P(
    Null, EveryApi,
    testing::Values(ApiCase{"/completion", R"({"prompt":[1,2,3],"n_predict":7,"stream":true})",
                            "data: ", wire::parse_llama_chunk},
                    ApiCase{"/v1/completions", R"({"prompt":"twelve bytes","max_tokens":7,"stream":true})",
                            "data: ", wire::parse_openai_chunk},
                    ApiCase{"/v1/chat/completions",
                            R"({"messages":[{"role":"user","content":"twelve bytes"}],"max_tokens":7,"stream":true})",
                            "data: ", wire::parse_openai_chunk},
                    ApiCase{"/api/generate", R"({"model":"null","prompt":"twelve bytes","options":{"num_predict":7}})",
                            "", wire::parse_ollama_chunk}));

TEST(NullBackend, AnswersInOnePieceToo) {
  Running running(quick());
  const auto response = running.ask("/completion", R"({"prompt":[1,2],"n_predict":3})");
  const auto read = read_messages({response.body}, wire::parse_llama_chunk);
  EXPECT_TRUE(read.finished);
  EXPECT_EQ(read.counters.generated_tokens, 3);
  EXPECT_THAT(response.body, HasSubstr(" tok tok tok"));
}

TEST(NullBackend, RefusesWhatItDoesNotKnow) {
  Running running(quick());
  EXPECT_EQ(running.ask("/nothing", "").head.status, 404);
  EXPECT_EQ(running.ask("/v1/nothing", "{}").head.status, 404);
  EXPECT_EQ(running.ask("/completion", "not json").head.status, 400);
  EXPECT_EQ(running.ask("/health", "").head.status, 200);
}

std::vector<std::int64_t> stamps_of(const std::vector<std::string>& texts) {
  std::vector<std::int64_t> stamps;
  for (const auto& text : texts) {
    std::int64_t stamp = 0;
    std::from_chars(text.data() + 1, text.data() + text.size(), stamp);
    stamps.push_back(stamp);
  }
  return stamps;
}

// No token comes before its moment, and lateness does not add up.
TEST(NullBackend, KeepsItsSchedule) {
  NullOptions options;
  options.tokens_per_s = 200;
  options.prefill_per_token = Seconds(0.005);
  options.stamps = true;
  Running running(options);
  const auto response = running.ask("/completion", R"({"prompt":[1,2,3,4],"n_predict":20,"stream":true})");
  const auto stamps = stamps_of(read_messages(lines_after(response.body, "data: "), wire::parse_llama_chunk).texts);
  ASSERT_EQ(stamps.size(), 20U);
  EXPECT_GE(stamps.front() - response.sent.ns, 20'000'000) << "four tokens of 5 ms each";
  for (std::size_t k = 1; k < stamps.size(); ++k) {
    EXPECT_GE(stamps[k] - response.sent.ns, 20'000'000 + static_cast<std::int64_t>(k) * 5'000'000) << k;
  }
}

// The stall holds everybody, the one who asks in its middle too.
TEST(NullBackend, StallsForAll) {
  NullOptions options = quick(true);
  options.stall = Seconds(0.4);
  test::RealClock clock;
  const Moment before = clock.now();
  Running running(options);
  const auto response = running.ask("/completion", R"({"prompt":[1],"n_predict":2,"stream":true})");
  const auto stamps = stamps_of(read_messages(lines_after(response.body, "data: "), wire::parse_llama_chunk).texts);
  ASSERT_EQ(stamps.size(), 2U);
  EXPECT_GE(stamps[0] - before.ns, 400'000'000);
}

TEST(NullBackend, ServesManyAtOnce) {
  Running running(quick());
  test::RealClock clock;
  net::Client client(clock);
  int good = 0;
  for (int i = 0; i < 100; ++i) {
    net::StreamHandler handler;
    client.start(running.endpoint(), {"POST", "/completion", {}, R"({"prompt":[1],"n_predict":50,"stream":true})"},
                 handler, {}, [&](net::StreamEnd end) { good += end.outcome && end.status == 200; });
  }
  EXPECT_TRUE(client.run());
  EXPECT_EQ(good, 100);
}

// A client that goes away in the middle takes its stream with it, and nobody else's.
TEST(NullBackend, OutlivesItsClients) {
  Running running(quick());
  test::RealClock clock;
  for (int i = 0; i < 20; ++i) {
    net::Client client(clock);
    net::StreamHandler handler;
    handler.on_bytes = [](std::string_view, Moment) -> Status { return failed_error("enough"); };
    const auto end = client.stream(
        running.endpoint(), {"POST", "/completion", {}, R"({"prompt":[1],"n_predict":100000,"stream":true})"}, handler);
    EXPECT_FALSE(end.outcome);
  }
  EXPECT_EQ(running.ask("/health", "").head.status, 200);
}

}  // namespace
}  // namespace nw::load
