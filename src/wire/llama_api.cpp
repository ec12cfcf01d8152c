// llama-server's native API. What was read in its source and seen in its streams:
//
// - "prompt" as an array of token ids is taken as it is: no BOS is added, so the length is exact.
// - "timings" of the last message: prompt_n tokens were evaluated in prompt_ms, cache_n were taken from the slot's
//   cache. "tokens_cached" is something else (what the slot holds afterwards). Servers before cache_n existed state the
//   whole prompt in "tokens_evaluated"; the difference to prompt_n is what the cache gave.
// - predicted_ms runs from the first token to the last, so it holds predicted_n − 1 steps.
// - A token whose bytes are not whole UTF-8 yet is held back and its chunk is not sent.
// - Without "id_slot" each request goes to another slot, and what the others hold stays in the common KV cache, over
//   which attention then runs: a tg test would be slower behind three pp tests than alone. All requests use slot 0.
//
// Sampling is part of serving, but how much of it is the client's choice. llama-server always builds the list of all
// logits; what follows is one sampler, top-k, which is one pass over the list, and a draw from the few that remain.
// Everything else (penalties, DRY, top-p, min-p, temperature …) is switched off.
// The answer is drawn from `allowed`: a bias far above any logit lifts these tokens over all others. So no end-of-text,
// no control token and no half character can come, whatever the model, and the draw among them keeps the text from
// running into a loop, where a mixture of experts would use the same experts for each token.
#include "wire/llama_api.h"

#include <fmt/format.h>

#include "answer_read.h"

namespace nw::wire {
namespace {

void append_ids(std::string& out, std::span<const std::int32_t> ids) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ",", ids[i]);
  }
}

}  // namespace

std::string llama_completion_body(const LlamaCompletion& request) {
  std::string body = "{\"prompt\":[";
  append_ids(body, request.prompt);
  fmt::format_to(std::back_inserter(body),
                 "],\"id_slot\":0,\"n_predict\":{},\"stream\":true,\"cache_prompt\":{},\"ignore_eos\":true,\"seed\":{},"
                 "\"samplers\":[\"top_k\"],\"top_k\":{},\"n_probs\":0",
                 request.n_predict, request.cache_prompt, request.seed,
                 request.allowed.empty() ? 1 : request.allowed.size());
  if (!request.allowed.empty()) {
    body += ",\"logit_bias\":[";
    for (std::size_t i = 0; i < request.allowed.size(); ++i) {
      fmt::format_to(std::back_inserter(body), "{}[{},1000]", i == 0 ? "" : ",", request.allowed[i]);
    }
    body += ']';
  }
  return body += '}';
}

Result<AnswerChunk> parse_llama_chunk(std::string_view json) {
  NW_TRY(const JsonDocument document, parse_message(json));
  const JsonRef root = document.root();
  AnswerChunk chunk;
  chunk.error = error_of(root);
  if (chunk.error) return chunk;
  chunk.finished = root["stop"].boolean().value_or(false);
  if (const auto content = root["content"].text()) {
    // A message without the end mark is one token, even where it has no visible text; progress of the prompt is none.
    chunk.has_content = !content->empty() || (!chunk.finished && !root["prompt_progress"].exists());
    chunk.content = *content;
  }
  if (!chunk.finished) return chunk;
  chunk.counters.generated_tokens = positive(root["tokens_predicted"]);
  take_timings(root["timings"], chunk.counters);
  const auto whole = positive(root["tokens_evaluated"]);
  const auto evaluated = not_negative(root["timings"]["prompt_n"]);
  if (!chunk.counters.prompt_tokens && whole) {
    chunk.counters.prompt_tokens = whole;
    if (evaluated && *evaluated <= *whole) chunk.counters.cached_tokens = *whole - *evaluated;
  }
  return chunk;
}

Result<LlamaProps> parse_llama_props(std::string_view json) {
  NW_TRY(const JsonDocument document, JsonDocument::parse(json));
  const JsonRef root = document.root();
  LlamaProps props;
  props.n_ctx = positive(root["default_generation_settings"]["n_ctx"]);
  props.total_slots = positive(root["total_slots"]);
  props.model_path = root["model_path"].text().value_or("");
  props.build_info = root["build_info"].text().value_or("");
  return props;
}

std::string llama_tokenize_body(std::string_view text) {
  return fmt::format("{{\"content\":{},\"add_special\":false,\"parse_special\":false}}", json_quote(text));
}

Result<std::vector<std::int32_t>> parse_llama_tokens(std::string_view json) {
  NW_TRY(const JsonDocument document, JsonDocument::parse(json));
  const JsonRef tokens = document.root()["tokens"];
  if (!tokens.is_array()) return failed_error("the answer of /tokenize has no list of tokens");
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto id = tokens.at(i).integer();
    if (!id || *id < 0 || *id > INT32_MAX)
      return failed_error("the answer of /tokenize holds something that is no token");
    ids.push_back(static_cast<std::int32_t>(*id));
  }
  return ids;
}

}  // namespace nw::wire
