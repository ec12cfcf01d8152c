#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "backend/dialects.h"
#include "wire/json.h"

namespace nw::backend {
namespace {

using model::AnswerEvent;
using model::Engine;
using testing::HasSubstr;
using testing::Not;

std::string fixture(const std::string& name) {
  std::ifstream file(std::string(NW_SOURCE_DIR) + "/tests/fixtures/wire/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string words_as_tokens() {
  std::string text = "{\"tokens\":[";
  for (int i = 0; i < 200; ++i) text += std::to_string(100 + i % 150) + ",";
  return text + "99]}";
}

std::unique_ptr<model::Dialect> llama(std::uint64_t seed = 1) {
  DialectOptions options;
  options.seed = seed;
  auto dialect = make_dialect(Engine::llama_server, options);
  EXPECT_TRUE(dialect->learn(0, 200, fixture("llama_props.json")));
  EXPECT_TRUE(dialect->learn(1, 200, fixture("llama_models.json")));
  EXPECT_TRUE(dialect->learn(2, 200, words_as_tokens()));
  return dialect;
}

std::vector<std::int64_t> numbers(wire::JsonRef list) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < list.size(); ++i) out.push_back(list.at(i).integer().value_or(-1));
  return out;
}

std::vector<std::int64_t> prompt_of(const model::Dialect& dialect, std::int64_t tokens, std::uint64_t nonce) {
  const auto body = wire::JsonDocument::parse(dialect.ask({tokens, 1, nonce, false}).body);
  EXPECT_TRUE(body);
  return numbers(body->root()["prompt"]);
}

std::string text_of(const model::Dialect& dialect, std::int64_t tokens, std::uint64_t nonce) {
  const auto body = wire::JsonDocument::parse(dialect.ask({tokens, 1, nonce, false}).body);
  EXPECT_TRUE(body);
  return std::string(body->root()["prompt"].text().value_or(""));
}

TEST(LlamaDialect, PromptsHaveTheirExactLengthAndStayOffTheEndsOfTheVocabulary) {
  const auto dialect = llama();
  EXPECT_TRUE(dialect->exact_lengths());
  std::set<std::int64_t> seen;
  for (const std::int64_t length : {1, 2, 512, 4096}) {
    const auto ids = prompt_of(*dialect, length, 7);
    ASSERT_EQ(static_cast<std::int64_t>(ids.size()), length);
    for (const std::int64_t id : ids) {
      EXPECT_GE(id, 8192 / 20);
      EXPECT_LT(id, 8192 * 9 / 10);
      seen.insert(id);
    }
  }
  EXPECT_GT(seen.size(), 2000U) << "drawn broadly";
}

TEST(LlamaDialect, PromptsOfOneNonceArePrefixesAndOthersDifferAtOnce) {
  const auto dialect = llama();
  const auto longer = prompt_of(*dialect, 640, 7);
  auto shorter = prompt_of(*dialect, 512, 7);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
  std::set<std::int64_t> first;
  for (std::uint64_t nonce = 1'700'000'000'000'000'000; nonce < 1'700'000'000'000'001'000; ++nonce) {
    first.insert(prompt_of(*dialect, 1, nonce).front());
  }
  EXPECT_EQ(first.size(), 1000U);
  EXPECT_EQ(prompt_of(*dialect, 64, 9), prompt_of(*llama(), 64, 9)) << "the same on every machine";
  EXPECT_NE(prompt_of(*dialect, 64, 9), prompt_of(*llama(2), 64, 9)) << "but not with another seed";
}

TEST(LlamaDialect, AnswersAreDrawnFromOrdinaryTokens) {
  const auto dialect = llama();
  const model::ApiRequest request = dialect->ask({512, 128, 1, true});
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/completion");
  const auto body = wire::JsonDocument::parse(request.body);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->root()["cache_prompt"].boolean(), true);
  EXPECT_EQ(body->root()["n_predict"].integer(), 128);
  const wire::JsonRef bias = body->root()["logit_bias"];
  ASSERT_EQ(bias.size(), 64U);
  for (std::size_t i = 0; i < bias.size(); ++i) {
    EXPECT_GE(bias.at(i).at(0).integer().value_or(0), 99);
    EXPECT_LT(bias.at(i).at(0).integer().value_or(0), 250);
  }
}

TEST(LlamaDialect, LearnsLabelsAndSaysWhatIsWrong) {
  const auto dialect = llama();
  EXPECT_THAT(dialect->labels(), testing::Contains(std::pair<std::string, std::string>("context", "8192")));
  EXPECT_THAT(dialect->labels(), testing::Contains(std::pair<std::string, std::string>("model_name", "tiny-qwen3moe")));
  EXPECT_EQ(dialect->introductions().size(), 3U);
  auto fresh = make_dialect(Engine::llama_server, {});
  EXPECT_THAT(fresh->learn(0, 200, "<html>").error().message, HasSubstr("/props is not usable"));
  const Error denied = fresh->learn(1, 401, fixture("llama_error_401.json")).error();
  EXPECT_EQ(denied.message, "the server answered /v1/models with status 401 (Invalid API Key)");
  EXPECT_THAT(denied.hint, HasSubstr("api_key_env"));
  EXPECT_THAT(fresh->learn(0, 404, "").error().hint, HasSubstr("engine"));
  EXPECT_FALSE(fresh->learn(2, 200, "{\"tokens\":[1]}"));
}

TEST(LlamaDialect, DecodesARealStreamByteByByte) {
  const auto decoder = llama()->decoder();
  int content = 0;
  int finished = 0;
  for (const char byte : fixture("llama_completion.sse")) {
    const auto events = decoder->feed(std::string_view(&byte, 1));
    ASSERT_TRUE(events);
    for (const AnswerEvent& event : *events) {
      content += event.kind == AnswerEvent::Kind::content ? 1 : 0;
      finished += event.kind == AnswerEvent::Kind::finished ? 1 : 0;
    }
  }
  EXPECT_EQ(content, 4);
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(decoder->counters().generated_tokens, 4);
  EXPECT_EQ(decoder->counters().prompt_tokens, 8);
}

TEST(LlamaDialect, ErrorsInTheStream) {
  for (const std::string_view text :
       {"data: {\"error\":{\"message\":\"no memory\"}}\n\n", "error: {\"message\":\"no memory\"}\n\n"}) {
    const auto decoder = llama()->decoder();
    const auto events = decoder->feed(text);
    ASSERT_TRUE(events);
    ASSERT_EQ(events->size(), 1U);
    EXPECT_EQ(events->front().kind, AnswerEvent::Kind::error);
    EXPECT_EQ(events->front().text, "no memory");
  }
  EXPECT_FALSE(llama()->decoder()->feed("data: garbage\n\n"));
}

TEST(OpenAiDialect, PathsKeyAndModel) {
  DialectOptions options;
  options.api_key = "k";
  options.headers = {{"X-Tenant", "t"}};
  for (const auto& [engine, path] : {std::pair(Engine::openai, "/v1"), std::pair(Engine::lemonade, "/api/v1")}) {
    const auto dialect = make_dialect(engine, options);
    EXPECT_EQ(dialect->health().target, std::string(path) + "/models");
    EXPECT_THAT(dialect->health().headers,
                testing::UnorderedElementsAre(std::pair<std::string, std::string>("X-Tenant", "t"),
                                              std::pair<std::string, std::string>("Authorization", "Bearer k")));
    ASSERT_TRUE(dialect->learn(0, 200, R"({"data":[{"id":"first"},{"id":"second"}]})"));
    const auto body = wire::JsonDocument::parse(dialect->ask({8, 4, 1, false}).body);
    EXPECT_EQ(body->root()["model"].text(), "first");
    EXPECT_EQ(body->root()["max_tokens"].integer(), 4);
    EXPECT_FALSE(dialect->exact_lengths());
  }
  options.base_path = "/openai/v2";
  options.model = "named";
  const auto dialect = make_dialect(Engine::openai, options);
  EXPECT_EQ(dialect->health().target, "/openai/v2/models");
  EXPECT_TRUE(dialect->learn(0, 200, R"({"data":[]})")) << "a named model need not be listed";
  EXPECT_THAT(dialect->ask({8, 4, 1, false}).body, HasSubstr("\"named\""));
  const auto empty = make_dialect(Engine::openai, {})->learn(0, 200, R"({"data":[]})");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().hint, HasSubstr("`model`"));
}

TEST(TextPrompts, DifferFromTheFirstLetterOnAndGrowAsPrefixes) {
  const auto dialect = make_dialect(Engine::openai, {});
  std::string last;
  for (std::uint64_t nonce = 1000; nonce < 1100; ++nonce) {
    const std::string text = text_of(*dialect, 64, nonce);
    EXPECT_NE(text.substr(0, 1), last.substr(0, 1));
    EXPECT_EQ(text_of(*dialect, 128, nonce).substr(0, text.size()), text);
    last = text;
  }
  EXPECT_FALSE(text_of(*dialect, 1, 5).empty());
}

// A tokenizer with 3 tokens for the nonce and 1.3 for a word: the length is met after few answers.
TEST(TextPrompts, LearnTheirLength) {
  for (const double per_word : {1.0, 1.3, 6.2}) {
    const auto dialect = make_dialect(Engine::ollama, {});
    double counted = 0;
    for (std::uint64_t nonce = 1; nonce < 4; ++nonce) {
      const std::string text = text_of(*dialect, 512, nonce);
      counted = 3 + per_word * static_cast<double>(std::count(text.begin(), text.end(), ' '));
      model::AnswerCounters counters;
      counters.prompt_tokens = static_cast<std::int64_t>(counted);
      dialect->calibrate({512, 1, nonce, false}, counters);
    }
    EXPECT_NEAR(counted, 512, 8) << per_word;
  }
}

TEST(OllamaDialect, SpeaksItsApi) {
  DialectOptions options;
  options.model = "qwen3:0.6b";
  const auto dialect = make_dialect(Engine::ollama, options);
  EXPECT_EQ(dialect->introductions().size(), 3U);
  EXPECT_TRUE(dialect->learn(0, 200, R"({"version":"0.9.0"})"));
  EXPECT_TRUE(dialect->learn(1, 200, R"({"models":[{"name":"other"}]})"));
  const auto missing = dialect->learn(2, 404, R"({"error":"model not found"})");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::lacking);
  EXPECT_THAT(missing.error().hint, HasSubstr("ollama pull"));
  const auto body = wire::JsonDocument::parse(dialect->ask({64, 16, 1, false}).body);
  EXPECT_EQ(body->root()["model"].text(), "qwen3:0.6b");
  EXPECT_EQ(body->root()["raw"].boolean(), true);
  EXPECT_EQ(body->root()["options"]["num_predict"].integer(), 16);
  const auto unload = dialect->unload();
  ASSERT_TRUE(unload);
  EXPECT_THAT(unload->body, HasSubstr("\"keep_alive\":0"));
  const auto decoder = dialect->decoder();
  EXPECT_TRUE(decoder->feed("{\"response\":\"a\",\"done\":false}\n{\"response\":\"\",\"done\":true,\"eval_c"));
  EXPECT_TRUE(decoder->feed("ount\":2}"));
  const auto last = decoder->finish();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->size(), 1U) << "the last line has no line feed";
  EXPECT_EQ(decoder->counters().generated_tokens, 2);
}

TEST(Dialects, NoErrorRepeatsTheKey) {
  DialectOptions options;
  options.api_key = "planted-secret-key";
  for (const Engine engine : {Engine::llama_server, Engine::openai, Engine::lemonade, Engine::ollama}) {
    const auto dialect = make_dialect(engine, options);
    for (std::size_t i = 0; i < dialect->introductions().size(); ++i) {
      for (const int status : {200, 401, 404, 500}) {
        const Status learned = dialect->learn(i, status, "<nothing>");
        const std::string said = learned ? std::string() : learned.error().message + learned.error().hint;
        EXPECT_THAT(said, Not(HasSubstr("planted")));
      }
    }
    for (const auto& [key, value] : dialect->labels()) EXPECT_THAT(value, Not(HasSubstr("planted")));
  }
}

}  // namespace
}  // namespace nw::backend
