// The fake engine keeps its promises: every other test believes it.

#include <gmock/gmock.h>

#include <csignal>
#include <memory>
#include <thread>

#include "engines/json_fields.h"
#include "engines/support.h"

namespace nw::fake {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// In cores. A thread that spins gets what others leave it: on a machine that builds something, well below one core.
constexpr double kSpinsAtLeast = 0.1;
constexpr double kIdleAtMost = 0.01;

const std::string kProgram = NW_ENGINES_DIR "/fake_engine";
const std::string kModel = NW_SOURCE_DIR "/CMakeLists.txt";

std::vector<std::string> argv_of(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {kProgram, "--port", "0", "-m", kModel, "--alias", "fake", "--max-life", "60"});
  return flags;
}

// A running engine, its port, and the answer to whether it is ready.
struct Running {
  explicit Running(std::vector<std::string> flags, bool wait_until_ready = true) : program(argv_of(std::move(flags))) {
    const auto address = program.line_after("listening on http://127.0.0.1:");
    port = address ? std::atoi(address->c_str()) : 0;
    if (wait_until_ready) {
      EXPECT_TRUE(program.line_after("model loaded"));
    }
  }
  HttpAnswer complete(std::string_view settings = {}, int tokens = 8) const {
    return post(port, "/completion",
                R"({"prompt":[1,2,3,4,5,6,7,8],"stream":true,"n_predict":)" + std::to_string(tokens) +
                    std::string(settings) + "}");
  }
  Program program;
  int port = 0;
};

int count(std::string_view text, std::string_view what) {
  int n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size()) ++n;
  return n;
}

// The fields of the last data: line.
JsonFields last_of(const HttpAnswer& answer) {
  const std::size_t at = answer.body.rfind("data: {");
  if (at == std::string::npos) return {};
  // JsonFields only looks: the text must live on.
  static std::vector<std::unique_ptr<std::string>> kept;
  kept.push_back(std::make_unique<std::string>(answer.body.substr(at + 6)));
  return JsonFields::parse(*kept.back()).value_or(JsonFields());
}

double number(const JsonFields& fields, const std::string& key) {
  return std::atof(std::string(fields.raw(key)).c_str());
}

double cores_of(pid_t pid, milliseconds window) {
  const double before = cpu_seconds(pid);
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(window);
  const double used = cpu_seconds(pid) - before;
  return used / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

TEST(JsonFieldsTest, FindsTheFieldsOfAnObject) {
  const auto fields = JsonFields::parse(R"({"a": -3, "b":"x\"\n", "c":{"d":[1,{"e":"}"}]}, "f":true })");
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->integer("a", 0), -3);
  EXPECT_EQ(fields->text("b"), "x\"\n");
  EXPECT_EQ(fields->object("c").raw("d"), R"([1,{"e":"}"}])");
  EXPECT_TRUE(fields->flag("f", false));
  EXPECT_EQ(fields->integer("g", 7), 7);
  for (const char* bad : {"", "[]", "{", R"({"a")", R"({"a":})", R"({"a":1)", R"({"a":"x)", R"({"a":[1)"}) {
    EXPECT_FALSE(JsonFields::parse(bad)) << bad;
  }
}

TEST(JsonFieldsTest, CountsThePromptsTokens) {
  EXPECT_EQ(prompt_tokens("[5,6,7]", 100), (std::vector<std::int64_t>{5, 6, 7}));
  const auto words = prompt_tokens(R"("one two  one")", 100);
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[0], words[2]);
  EXPECT_EQ(prompt_tokens(R"([5,"a b"])", 100).size(), 3U);
  EXPECT_TRUE(prompt_tokens("[]", 100).empty());
}

TEST(FakeEngine, SaysLoadingUntilItIsReady) {
  Running engine({"--ready-after", "0.5"}, false);
  const HttpAnswer loading = get(engine.port, "/health");
  EXPECT_EQ(loading.status, 503);
  EXPECT_THAT(loading.body, AllOf(HasSubstr(R"("code":503)"), HasSubstr(R"("message":"Loading model")")));
  EXPECT_EQ(engine.complete().status, 503);
  EXPECT_TRUE(eventually([&] { return get(engine.port, "/health").status == 200; }));
  EXPECT_EQ(get(engine.port, "/health").body, R"({"status":"ok"})");
}

TEST(FakeEngine, CanBeNeverReady) {
  Running engine({"--never-ready"}, false);
  EXPECT_FALSE(eventually([&] { return get(engine.port, "/health").status != 503; }, milliseconds(300)));
  engine.program.signal(SIGTERM);
  EXPECT_EQ(engine.program.wait(), 0);
}

TEST(FakeEngine, IntroducesItself) {
  const Running engine({"-c", "2048"});
  EXPECT_THAT(get(engine.port, "/props").body,
              AllOf(HasSubstr(R"("n_ctx":2048)"), HasSubstr(R"("model_alias":"fake")"), HasSubstr("build_info")));
  EXPECT_THAT(get(engine.port, "/v1/models").body, AllOf(HasSubstr(R"("id":"fake")"), HasSubstr(R"("n_vocab":32000)")));
  const HttpAnswer tokens = post(engine.port, "/tokenize", R"({"content":"three small words"})");
  EXPECT_EQ(count(tokens.body, ","), 2) << tokens.body;
}

TEST(FakeEngine, StreamsTokensAndCountsThem) {
  const Running engine({});
  const HttpAnswer answer = engine.complete();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  EXPECT_THAT(answer.head, HasSubstr("text/event-stream"));
  EXPECT_EQ(count(answer.body, R"("stop":false)"), 8);
  EXPECT_EQ(count(answer.body, "\n\n"), 9);
  const JsonFields last = last_of(answer);
  EXPECT_TRUE(last.flag("stop", false));
  EXPECT_EQ(last.integer("tokens_predicted", 0), 8);
  EXPECT_EQ(last.integer("tokens_evaluated", 0), 8);
  EXPECT_EQ(last.text("stop_type"), "limit");
  const JsonFields timings = last.object("timings");
  EXPECT_EQ(timings.integer("prompt_n", -1), 8);
  EXPECT_EQ(timings.integer("cache_n", -1), 0);
  EXPECT_EQ(timings.integer("predicted_n", -1), 8);
}

TEST(FakeEngine, AnswersInOnePieceToo) {
  const Running engine({});
  const HttpAnswer answer = post(engine.port, "/completion", R"({"prompt":"two words","n_predict":3})");
  EXPECT_THAT(answer.body, AllOf(HasSubstr(R"("content":" a watt at")"), HasSubstr(R"("tokens_evaluated":2)")));
}

TEST(FakeEngine, KeepsTheSchedule) {
  const Running engine({"--prefill-rate", "40", "--decode-rate", "50"});
  const JsonFields timings = last_of(engine.complete({}, 11)).object("timings");
  EXPECT_GE(number(timings, "prompt_ms"), 200);
  EXPECT_LT(number(timings, "prompt_ms"), 350);
  EXPECT_NEAR(number(timings, "predicted_ms"), 200, 100);
  EXPECT_NEAR(number(timings, "predicted_per_second"), 10e3 / number(timings, "predicted_ms"), 1);
}

TEST(FakeEngine, RemembersTheLastPromptUnlessToldNotTo) {
  const Running engine({});
  engine.complete();
  EXPECT_EQ(last_of(engine.complete()).object("timings").integer("cache_n", -1), 7);
  const JsonFields timings = last_of(engine.complete(R"(,"cache_prompt":false)")).object("timings");
  EXPECT_EQ(timings.integer("cache_n", -1), 0);
  EXPECT_EQ(timings.integer("prompt_n", -1), 8);
}

TEST(FakeEngine, ClaimsWhatIsNotSo) {
  const Running caching({"--cache-hit"});
  EXPECT_EQ(last_of(caching.complete(R"(,"cache_prompt":false)")).object("timings").integer("cache_n", -1), 4);
  const Running miscounting({"--wrong-tokens"});
  const JsonFields last = last_of(miscounting.complete());
  EXPECT_EQ(last.integer("tokens_predicted", 0), 9);
  EXPECT_EQ(last.integer("tokens_evaluated", 0), 10);
}

TEST(FakeEngine, EndsEarlyUnlessItIsToldToIgnoreTheEnd) {
  const Running engine({"--eos-after", "3"});
  const JsonFields early = last_of(engine.complete());
  EXPECT_EQ(early.integer("tokens_predicted", 0), 3);
  EXPECT_EQ(early.text("stop_type"), "eos");
  EXPECT_EQ(last_of(engine.complete(R"(,"ignore_eos":true)")).integer("tokens_predicted", 0), 8);
}

TEST(FakeEngine, DiesInTheMiddleOfAnAnswer) {
  Running engine({"--die-after-requests", "2"});
  EXPECT_TRUE(engine.complete().complete);
  const HttpAnswer cut = engine.complete();
  EXPECT_FALSE(cut.complete);
  EXPECT_EQ(count(cut.body, R"("stop":false)"), 4);
  EXPECT_EQ(engine.program.wait(), 134);
  EXPECT_THAT(engine.program.output(), HasSubstr("error: device lost"));
}

TEST(FakeEngine, HangsInTheMiddleOfAnAnswer) {
  const Running engine({"--hang-after-requests", "1"});
  HttpClient client(engine.port);
  const HttpAnswer cut =
      client.ask("POST", "/completion", R"({"prompt":[1],"n_predict":8,"stream":true})", {}, milliseconds(300));
  EXPECT_FALSE(cut.complete);
  EXPECT_EQ(count(cut.body, R"("stop":false)"), 4);
  EXPECT_FALSE(client.closed());
  EXPECT_EQ(get(engine.port, "/health").status, 200);
}

TEST(FakeEngine, RefusesABadStart) {
  Program no_model({kProgram, "--port", "0", "-m", "/nonexistent.gguf"});
  EXPECT_EQ(no_model.wait(), 1);
  EXPECT_THAT(no_model.output(), HasSubstr("error: failed to open GGUF file '/nonexistent.gguf'"));
  Program unlucky(argv_of({"--die-at-start", "7"}));
  EXPECT_EQ(unlucky.wait(), 7);
  EXPECT_THAT(unlucky.output(), HasSubstr("error: no usable device"));
  Program unknown(argv_of({"--fly"}));
  EXPECT_EQ(unknown.wait(), 1);
  EXPECT_THAT(unknown.output(), HasSubstr("error: invalid argument: --fly"));
  const Running first({});
  Program second({kProgram, "-m", kModel, "--port", std::to_string(first.port)});
  EXPECT_EQ(second.wait(), 1);
  EXPECT_THAT(second.output(), HasSubstr("couldn't bind"));
}

TEST(FakeEngine, RefusesBadRequests) {
  const Running engine({"--api-key", "sesame", "-c", "16"});
  HttpClient client(engine.port);
  EXPECT_EQ(get(engine.port, "/health").status, 200);
  EXPECT_EQ(get(engine.port, "/props").status, 401);
  const char* key = "Authorization: Bearer sesame\r\n";
  EXPECT_EQ(client.ask("GET", "/props", {}, key).status, 200);
  EXPECT_EQ(HttpClient(engine.port).ask("GET", "/nothing", {}, key).status, 404);
  EXPECT_EQ(HttpClient(engine.port).ask("POST", "/completion", "{", key).status, 400);
  const HttpAnswer long_prompt =
      HttpClient(engine.port).ask("POST", "/completion", R"({"prompt":"1 2 3 4 5 6 7 8 9 a b c d e f g"})", key);
  EXPECT_EQ(long_prompt.status, 400);
  EXPECT_THAT(long_prompt.body, HasSubstr("exceeds the available context size"));
}

TEST(FakeEngine, KeepsAConnectionUntilAnErrorOrAWishToClose) {
  const Running engine({});
  HttpClient client(engine.port);
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
  EXPECT_TRUE(client.ask("POST", "/completion", R"({"prompt":[1],"n_predict":2,"stream":true})").complete);
  EXPECT_EQ(client.ask("GET", "/health", {}, "Connection: close\r\n").status, 200);
  EXPECT_TRUE(client.closed());
  HttpClient other(engine.port);
  EXPECT_THAT(other.ask("GET", "/nothing").head, HasSubstr("Connection: close"));
  EXPECT_TRUE(other.closed());
}

TEST(FakeEngine, WritesASecretToItsLog) {
  Running engine({"--log-secret", "hunter2"});
  EXPECT_THAT(engine.program.output(), HasSubstr("start hunter2"));
  engine.complete();
  EXPECT_TRUE(engine.program.line_after("request /completion hunter2"));
}

TEST(FakeBurden, IsNothingUnlessAskedFor) {
  const Running engine({});
  engine.complete();
  EXPECT_LT(cores_of(engine.program.pid(), milliseconds(400)), kIdleAtMost);
}

TEST(FakeBurden, SpinsFromLoadOn) {
  const Running engine({"--spin", "1"});
  const double cores = cores_of(engine.program.pid(), milliseconds(500));
  EXPECT_GT(cores, kSpinsAtLeast);
  EXPECT_LT(cores, 1.02);
}

TEST(FakeBurden, SpinsFromTheFirstRequestOn) {
  const Running engine({"--spin-after-first"});
  EXPECT_EQ(get(engine.port, "/health").status, 200);
  EXPECT_EQ(get(engine.port, "/v1/models").status, 200);
  EXPECT_LT(cores_of(engine.program.pid(), milliseconds(300)), kIdleAtMost);
  engine.complete();
  engine.complete();
  const double cores = cores_of(engine.program.pid(), milliseconds(500));
  EXPECT_GT(cores, kSpinsAtLeast);
  EXPECT_LT(cores, 1.02);
}

TEST(FakeBurden, NapsAtItsRate) {
  const Running engine({"--nap", "100"});
  const auto naps = [&] {
    for (const ThreadInfo& t : threads_of(engine.program.pid())) {
      if (t.name == "fake_napper") return t.voluntary_switches;
    }
    return std::int64_t{0};
  };
  ASSERT_TRUE(eventually([&] { return naps() > 0; }));
  const std::int64_t before = naps();
  std::this_thread::sleep_for(milliseconds(1000));
  EXPECT_NEAR(static_cast<double>(naps() - before), 100, 15);
}

TEST(FakeBurden, HasIdleThreads) {
  const Running engine({"--threads", "50"});
  const auto idle = [&] {
    int n = 0;
    for (const ThreadInfo& t : threads_of(engine.program.pid())) n += t.name == "fake_idle" ? 1 : 0;
    return n;
  };
  EXPECT_TRUE(eventually([&] { return idle() == 50; }));
}

TEST(FakeProcesses, LeaveAnOrphanThatIgnoresPoliteSignals) {
  Running engine({"--double-fork"});
  const auto said = engine.program.line_after("fake_engine: orphan ");
  ASSERT_TRUE(said);
  const pid_t orphan = std::atoi(said->c_str());
  ASSERT_TRUE(eventually([&] { return process_name(orphan) == "fake_orphan"; }));
  EXPECT_NE(::getsid(orphan), ::getsid(engine.program.pid()));
  engine.program.signal(SIGTERM);
  EXPECT_EQ(engine.program.wait(), 0);
  for (const int polite : {SIGTERM, SIGINT, SIGHUP}) ::kill(orphan, polite);
  EXPECT_FALSE(eventually([&] { return process_name(orphan).empty(); }, milliseconds(200)));
  EXPECT_EQ(::kill(orphan, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return process_name(orphan).empty(); }));
}

TEST(FakeProcesses, LeaveAChildBehind) {
  Running engine({"--leak-child"});
  const auto said = engine.program.line_after("fake_engine: child ");
  ASSERT_TRUE(said);
  const pid_t child = std::atoi(said->c_str());
  ASSERT_TRUE(eventually([&] { return process_name(child) == "fake_child"; }));
  engine.program.signal(SIGTERM);
  EXPECT_EQ(engine.program.wait(), 0);
  EXPECT_EQ(process_name(child), "fake_child");
  EXPECT_EQ(::kill(child, SIGTERM), 0);
  EXPECT_TRUE(eventually([&] { return process_name(child).empty(); }));
}

TEST(FakeProcesses, IgnoreTheRequestToEnd) {
  Running engine({"--ignore-term"});
  for (const int polite : {SIGTERM, SIGINT, SIGHUP}) engine.program.signal(polite);
  EXPECT_FALSE(engine.program.wait(milliseconds(300)));
  EXPECT_EQ(get(engine.port, "/health").status, 200);
  engine.program.signal(SIGKILL);
  EXPECT_EQ(engine.program.wait(), 1000 + SIGKILL);
}

TEST(FakeProcesses, EndBySignalAndByAge) {
  Running engine({});
  engine.program.signal(SIGINT);
  EXPECT_EQ(engine.program.wait(), 0);
  Program old(argv_of({"--max-life", "0.2", "--ignore-term"}));
  EXPECT_EQ(old.wait(), 3);
}

TEST(FakeOpenAi, StreamsAndSendsItsUsageOnlyIfAsked) {
  const Running engine({"--api", "openai"});
  EXPECT_THAT(get(engine.port, "/v1/models").body, HasSubstr(R"("id":"fake")"));
  const std::string question = R"({"model":"fake","prompt":"one two three","max_tokens":4,"stream":true)";
  const HttpAnswer plain = post(engine.port, "/v1/completions", question + "}");
  EXPECT_TRUE(plain.complete);
  EXPECT_EQ(count(plain.body, R"("text":" )"), 4);
  EXPECT_THAT(plain.body, AllOf(HasSubstr("data: [DONE]\n\n"), Not(HasSubstr("prompt_tokens"))));
  const HttpAnswer counted =
      post(engine.port, "/api/v1/completions", question + R"(,"stream_options":{"include_usage":true}})");
  EXPECT_THAT(counted.body, AllOf(HasSubstr(R"("choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4)"),
                                  HasSubstr(R"("finish_reason":"length")")));
  const HttpAnswer chat = post(engine.port, "/v1/chat/completions",
                               R"({"messages":[{"role":"user","content":"hi"}],"max_tokens":2,"stream":true})");
  EXPECT_EQ(count(chat.body, R"("content":" )"), 2);
}

TEST(FakeOllama, LoadsAnswersAndUnloads) {
  Running engine({"--api", "ollama", "--spin-after-first"});
  EXPECT_THAT(get(engine.port, "/api/version").body, HasSubstr(R"("version":)"));
  EXPECT_THAT(get(engine.port, "/api/tags").body, HasSubstr(R"("name":"fake")"));
  EXPECT_THAT(post(engine.port, "/api/show", R"({"model":"fake"})").body, HasSubstr("model_info"));
  EXPECT_EQ(get(engine.port, "/api/ps").body, R"({"models":[]})");
  EXPECT_EQ(post(engine.port, "/api/generate", R"({"model":"other","prompt":"x"})").status, 404);

  const HttpAnswer answer =
      post(engine.port, "/api/generate", R"({"model":"fake","prompt":"one two","options":{"num_predict":3}})");
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(count(answer.body, R"("done":false)"), 3);
  EXPECT_EQ(count(answer.body, "\n"), 4);
  EXPECT_THAT(answer.body, AllOf(HasSubstr(R"("done":true,"done_reason":"length")"),
                                 HasSubstr(R"("prompt_eval_count":2)"), HasSubstr(R"("eval_count":3)")));
  EXPECT_THAT(get(engine.port, "/api/ps").body, HasSubstr(R"("name":"fake")"));
  EXPECT_GT(cores_of(engine.program.pid(), milliseconds(300)), kSpinsAtLeast);

  const HttpAnswer unload = post(engine.port, "/api/generate", R"({"model":"fake","keep_alive":0})");
  EXPECT_THAT(unload.body, HasSubstr(R"("done_reason":"unload")"));
  EXPECT_TRUE(engine.program.line_after("fake_engine: unloads 1"));
  EXPECT_EQ(get(engine.port, "/api/ps").body, R"({"models":[]})");
  EXPECT_LT(cores_of(engine.program.pid(), milliseconds(300)), kIdleAtMost);
}

}  // namespace
}  // namespace nw::fake
