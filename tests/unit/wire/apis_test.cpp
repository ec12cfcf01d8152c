// The codecs of the three APIs, on messages that real servers sent (tests/fixtures/wire) and on what others are known
// to send.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "wire/json.h"
#include "wire/llama_api.h"
#include "wire/ollama_api.h"
#include "wire/openai_api.h"
#include "wire/sse.h"

namespace nw::wire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string fixture(const std::string& name) {
  std::ifstream file(std::string(NW_SOURCE_DIR) + "/tests/fixtures/wire/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<AnswerChunk> chunks_of(const std::string& name, Result<AnswerChunk> (*parse)(std::string_view)) {
  SseSplitter splitter;
  std::vector<SseEvent> events;
  EXPECT_TRUE(splitter.feed(fixture(name), events));
  std::vector<AnswerChunk> chunks;
  for (const SseEvent& event : events) {
    auto chunk = parse(event.data);
    EXPECT_TRUE(chunk) << event.data;
    if (chunk) chunks.push_back(std::move(*chunk));
  }
  return chunks;
}

TEST(LlamaApi, ARealStream) {
  const auto chunks = chunks_of("llama_completion.sse", parse_llama_chunk);
  ASSERT_EQ(chunks.size(), 5U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(chunks[i].has_content && !chunks[i].finished) << i;
    EXPECT_EQ(chunks[i].content.size(), 1U);
  }
  const AnswerChunk& last = chunks[4];
  EXPECT_TRUE(last.finished && !last.has_content);
  EXPECT_EQ(last.counters.prompt_tokens, 8);
  EXPECT_EQ(last.counters.cached_tokens, 0);
  EXPECT_EQ(last.counters.generated_tokens, 4);
  EXPECT_GT(last.counters.prompt_s.value_or(0), 0);
  EXPECT_GT(last.counters.generate_s.value_or(0), 0);
}

TEST(LlamaApi, ARealCacheHitIsCountedAndNotTakenFromTokensCached) {
  const auto chunks = chunks_of("llama_completion_cached.sse", parse_llama_chunk);
  ASSERT_EQ(chunks.size(), 5U);
  EXPECT_EQ(chunks[4].counters.prompt_tokens, 8);
  EXPECT_EQ(chunks[4].counters.cached_tokens, 7);
}

TEST(LlamaApi, AServerBeforeCacheNExisted) {
  const auto chunk =
      parse_llama_chunk(R"({"content":"","stop":true,"tokens_evaluated":100,"tokens_cached":131,"tokens_predicted":32,)"
                        R"("timings":{"prompt_n":40,"prompt_ms":80.0,"predicted_n":32,"predicted_ms":640.0}})");
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->counters.prompt_tokens, 100);
  EXPECT_EQ(chunk->counters.cached_tokens, 60);
  EXPECT_EQ(chunk->counters.prompt_s, 0.08);
}

TEST(LlamaApi, TokensWithoutAFormCountAndProgressDoesNot) {
  const auto token = parse_llama_chunk(R"({"content":"","stop":false,"tokens":[3]})");
  EXPECT_TRUE(token && token->has_content);
  const auto progress = parse_llama_chunk(R"({"content":"","stop":false,"prompt_progress":{"total":5}})");
  EXPECT_TRUE(progress && !progress->has_content);
}

TEST(LlamaApi, ErrorsInsideA200) {
  const auto chunk = parse_llama_chunk(R"({"error":{"code":500,"message":"out of memory","type":"server_error"}})");
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->error, "out of memory");
  EXPECT_EQ(parse_llama_chunk(R"({"error":"plain"})")->error, "plain");
  EXPECT_TRUE(parse_llama_chunk(R"({"error":{}})")->error);
  EXPECT_FALSE(parse_llama_chunk("[1]"));
  EXPECT_FALSE(parse_llama_chunk("data"));
}

TEST(LlamaApi, TheBodyAsksForExactTokensAndCheapSampling) {
  const std::vector<std::int32_t> prompt = {5, 6, 7};
  const std::vector<std::int32_t> allowed = {9, 10};
  LlamaCompletion request;
  request.prompt = prompt;
  request.allowed = allowed;
  request.n_predict = 16;
  const auto document = JsonDocument::parse(llama_completion_body(request));
  ASSERT_TRUE(document);
  const JsonRef body = document->root();
  EXPECT_EQ(body["prompt"].size(), 3U);
  EXPECT_EQ(body["prompt"].at(2).integer(), 7);
  EXPECT_EQ(body["n_predict"].integer(), 16);
  EXPECT_EQ(body["cache_prompt"].boolean(), false);
  EXPECT_EQ(body["ignore_eos"].boolean(), true);
  EXPECT_EQ(body["stream"].boolean(), true);
  EXPECT_EQ(body["samplers"].size(), 1U);
  EXPECT_EQ(body["logit_bias"].at(1).at(0).integer(), 10);
  EXPECT_EQ(body["id_slot"].integer(), 0);
}

TEST(LlamaApi, RealIntroductions) {
  const auto props = parse_llama_props(fixture("llama_props.json"));
  ASSERT_TRUE(props);
  EXPECT_EQ(props->n_ctx, 8192);
  EXPECT_EQ(props->total_slots, 4);
  EXPECT_THAT(props->build_info, HasSubstr("b11669"));
  const auto models = parse_openai_models(fixture("llama_models.json"));
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 1U);
  EXPECT_EQ(models->front().id, "tiny-qwen3moe");
  EXPECT_EQ(models->front().n_vocab, 8192);
  const auto tokens = parse_llama_tokens(fixture("llama_tokens.json"));
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->size(), 14U);
  EXPECT_EQ(tokens->front(), 116);
  EXPECT_FALSE(parse_llama_tokens(R"({"tokens":[1,"x"]})"));
  EXPECT_FALSE(parse_llama_tokens(R"({"tokens":[-1]})"));
  EXPECT_FALSE(parse_llama_tokens(R"({})"));
}

TEST(ErrorText, FindsTheSentenceInEveryForm) {
  EXPECT_EQ(error_text(fixture("llama_error_401.json")), "Invalid API Key");
  EXPECT_THAT(error_text(fixture("llama_error_context.txt")), HasSubstr("exceeds the available context size"));
  EXPECT_EQ(error_text(R"({"error":"model not found"})"), "model not found");
  EXPECT_EQ(error_text(R"({"detail":"Not Found"})"), "Not Found");
  EXPECT_EQ(error_text(R"({"object":"error","message":"m"})"), "m");
  EXPECT_EQ(error_text("  plain\x1b[31m text\n"), "plain\\x1b[31m text");
  EXPECT_EQ(error_text(""), "");
  EXPECT_LT(error_text(std::string(100'000, 'x')).size(), 320U);
}

TEST(OpenAiApi, ARealCompletionStream) {
  const auto chunks = chunks_of("openai_completion.sse", parse_openai_chunk);
  ASSERT_EQ(chunks.size(), 5U);
  EXPECT_TRUE(chunks[0].has_content && chunks[2].has_content);
  EXPECT_TRUE(chunks[3].finished && !chunks[3].has_content);
  EXPECT_EQ(chunks[3].counters.prompt_tokens, 5);
  EXPECT_EQ(chunks[3].counters.cached_tokens, 0);
  EXPECT_EQ(chunks[3].counters.generated_tokens, 3);
  EXPECT_TRUE(chunks[3].counters.prompt_s);  // llama-server adds its timings
  EXPECT_TRUE(chunks[4].finished);
}

TEST(OpenAiApi, ARealChatStream) {
  const auto chunks = chunks_of("openai_chat.sse", parse_openai_chunk);
  ASSERT_EQ(chunks.size(), 7U);
  EXPECT_FALSE(chunks[0].has_content) << "the role alone is no token";
  EXPECT_TRUE(chunks[1].has_content);
  EXPECT_TRUE(chunks[4].finished);
  EXPECT_EQ(chunks[5].counters.prompt_tokens, 24);
  EXPECT_EQ(chunks[5].counters.generated_tokens, 3);
}

TEST(OpenAiApi, ReasoningToolCallsAndSeveralChoices) {
  const auto reasoning = parse_openai_chunk(R"({"choices":[{"delta":{"reasoning_content":"hm"}}]})");
  EXPECT_TRUE(reasoning && reasoning->has_reasoning && !reasoning->has_content);
  EXPECT_TRUE(parse_openai_chunk(R"({"choices":[{"delta":{"reasoning":"hm"}}]})")->has_reasoning);
  EXPECT_TRUE(
      parse_openai_chunk(R"({"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{"}}]}}]})")
          ->has_content);
  EXPECT_EQ(parse_openai_chunk(R"({"choices":[{"text":"a"},{"text":"b"}]})")->content, "ab");
}

TEST(OpenAiApi, UsageThatIsNullOrZeroIsUnknown) {
  const auto null = parse_openai_chunk(R"({"choices":[{"text":"a"}],"usage":null})");
  EXPECT_TRUE(null && !null->counters.prompt_tokens);
  const auto zero = parse_openai_chunk(R"({"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}})");
  EXPECT_TRUE(zero && !zero->counters.prompt_tokens && !zero->counters.generated_tokens &&
              !zero->counters.cached_tokens);
}

TEST(OpenAiApi, ErrorsAndDone) {
  EXPECT_EQ(parse_openai_chunk(R"({"error":{"message":"overloaded"}})")->error, "overloaded");
  EXPECT_FALSE(parse_openai_chunk(R"({"error":null,"choices":[]})")->error);
  EXPECT_TRUE(parse_openai_chunk(" [DONE] ")->finished);
  EXPECT_FALSE(parse_openai_chunk("[DON"));
}

TEST(OpenAiApi, BodyAndModelNamesAreQuoted) {
  OpenAiCompletion request;
  request.model = "a\"b";
  request.prompt = "line\nline";
  const auto document = JsonDocument::parse(openai_completion_body(request));
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root()["model"].text(), "a\"b");
  EXPECT_EQ(document->root()["prompt"].text(), "line\nline");
  EXPECT_EQ(document->root()["stream_options"]["include_usage"].boolean(), true);
}

TEST(OllamaApi, CountersOfTheLastLine) {
  const auto chunk = parse_ollama_chunk(
      R"({"model":"m","created_at":"x","response":"","done":true,"done_reason":"length","total_duration":5043500667,)"
      R"("load_duration":5025959,"prompt_eval_count":26,"prompt_eval_duration":325953000,"eval_count":290,)"
      R"("eval_duration":4709213000})");
  ASSERT_TRUE(chunk);
  EXPECT_TRUE(chunk->finished && !chunk->has_content);
  EXPECT_EQ(chunk->counters.prompt_tokens, 26);
  EXPECT_EQ(chunk->counters.generated_tokens, 290);
  EXPECT_DOUBLE_EQ(chunk->counters.prompt_s.value_or(0), 0.325953);
  EXPECT_DOUBLE_EQ(chunk->counters.generate_s.value_or(0), 4.709213);
  EXPECT_FALSE(chunk->counters.cached_tokens);
}

TEST(OllamaApi, ZeroAndAbsentCountersAreUnknown) {
  const auto zero = parse_ollama_chunk(
      R"({"response":"","done":true,"prompt_eval_count":0,"prompt_eval_duration":0,"eval_count":0,"eval_duration":0})");
  ASSERT_TRUE(zero);
  EXPECT_FALSE(zero->counters.prompt_tokens || zero->counters.generated_tokens || zero->counters.prompt_s ||
               zero->counters.generate_s);
  const auto absent = parse_ollama_chunk(R"({"response":"x","done":true})");
  EXPECT_TRUE(absent && absent->has_content && !absent->counters.generated_tokens);
}

TEST(OllamaApi, ContentThinkingAndErrors) {
  EXPECT_TRUE(parse_ollama_chunk(R"({"response":"a","done":false})")->has_content);
  EXPECT_TRUE(parse_ollama_chunk(R"({"response":"","thinking":"a","done":false})")->has_reasoning);
  EXPECT_EQ(parse_ollama_chunk(R"({"error":"model 'x' not found"})")->error, "model 'x' not found");
}

TEST(OllamaApi, Introductions) {
  EXPECT_EQ(parse_ollama_version(R"({"version":"0.5.1"})").value(), "0.5.1");
  EXPECT_FALSE(parse_ollama_version("{}"));
  const auto facts =
      parse_ollama_show(R"({"details":{"family":"qwen3moe","parameter_size":"30.5B","quantization_level":"Q4_K_M"},)"
                        R"("model_info":{"general.architecture":"qwen3moe","qwen3moe.context_length":40960}})");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->at("quantization_level"), "Q4_K_M");
  EXPECT_EQ(facts->at("context_length"), "40960");
  EXPECT_EQ(parse_ollama_first_model(R"({"models":[{"name":"a:1"},{"name":"b"}]})").value(), "a:1");
  EXPECT_EQ(parse_ollama_first_model(R"({"models":[]})").value(), "");
  for (const std::string& body :
       {ollama_show_body("a\"b"), ollama_unload_body("m"), ollama_generate_body({"m", "p", 3, 1})}) {
    EXPECT_TRUE(JsonDocument::parse(body)) << body;
  }
}

}  // namespace
}  // namespace nw::wire
