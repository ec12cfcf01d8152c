// The OpenAI API as servers really send it. Differences that this codec bridges:
//
// - "usage" comes in a message of its own after the last text (with "choices": []), in every message, or never.
// - Reasoning is "reasoning_content" (llama-server, DeepSeek) or "reasoning" (vLLM, OpenRouter).
// - The end is "finish_reason", "[DONE]", both, or only the end of the body.
// - Errors come inside a 200, as "error" with an object or a text.
#include "wire/openai_api.h"

#include <fmt/core.h>

#include "answer_read.h"
#include "base/text.h"

namespace nw::wire {
namespace {

void add_content(AnswerChunk& chunk, JsonRef text) {
  const auto value = text.text();
  if (!value || value->empty()) return;
  chunk.has_content = true;
  chunk.content += *value;
}

void add_reasoning(AnswerChunk& chunk, JsonRef text) {
  const auto value = text.text();
  if (!value || value->empty()) return;
  chunk.has_reasoning = true;
  chunk.reasoning += *value;
}

void take_choice(AnswerChunk& chunk, JsonRef choice) {
  const JsonRef delta = choice["delta"];
  add_content(chunk, choice["text"]);
  add_content(chunk, delta["content"]);
  add_reasoning(chunk, delta["reasoning_content"]);
  add_reasoning(chunk, delta["reasoning"]);
  const JsonRef calls = delta["tool_calls"];
  for (std::size_t i = 0; i < calls.size(); ++i) {
    add_content(chunk, calls.at(i)["function"]["name"]);
    add_content(chunk, calls.at(i)["function"]["arguments"]);
  }
  if (choice["finish_reason"].text()) chunk.finished = true;
}

void take_usage(JsonRef usage, model::AnswerCounters& counters) {
  if (!usage.is_object()) return;
  counters.prompt_tokens = positive(usage["prompt_tokens"]);
  counters.generated_tokens = positive(usage["completion_tokens"]);
  counters.cached_tokens = not_negative(usage["prompt_tokens_details"]["cached_tokens"]);
}

}  // namespace

std::string openai_completion_body(const OpenAiCompletion& request) {
  return fmt::format(
      "{{\"model\":{},\"prompt\":{},\"max_tokens\":{},\"temperature\":0,\"seed\":{},\"stream\":true,"
      "\"stream_options\":{{\"include_usage\":true}},\"ignore_eos\":true,\"cache_prompt\":{}}}",
      json_quote(request.model), json_quote(request.prompt), request.max_tokens, request.seed, request.cache_prompt);
}

Result<AnswerChunk> parse_openai_chunk(std::string_view json) {
  AnswerChunk chunk;
  if (trim(json) == "[DONE]") {
    chunk.finished = true;
    return chunk;
  }
  NW_TRY(const JsonDocument document, parse_message(json));
  const JsonRef root = document.root();
  chunk.error = error_of(root);
  if (chunk.error) return chunk;
  const JsonRef choices = root["choices"];
  for (std::size_t i = 0; i < choices.size(); ++i) take_choice(chunk, choices.at(i));
  take_usage(root["usage"], chunk.counters);
  take_timings(root["timings"], chunk.counters);
  return chunk;
}

Result<std::vector<OpenAiModel>> parse_openai_models(std::string_view json) {
  NW_TRY(const JsonDocument document, JsonDocument::parse(json));
  const JsonRef list = document.root()["data"];
  if (!list.is_array()) return failed_error("the list of models has no \"data\"");
  std::vector<OpenAiModel> models;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonRef entry = list.at(i);
    OpenAiModel model;
    model.id = entry["id"].text().value_or("");
    model.n_vocab = positive(entry["meta"]["n_vocab"]);
    model.n_ctx_train = positive(entry["meta"]["n_ctx_train"]);
    model.n_params = positive(entry["meta"]["n_params"]);
    model.size_bytes = positive(entry["meta"]["size"]);
    if (!model.id.empty()) models.push_back(std::move(model));
  }
  return models;
}

}  // namespace nw::wire
