// The OpenAI-compatible API that llama-server, vLLM, Lemonade, LM Studio and others speak, as JSON text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/answer.h"

namespace nw::wire {

struct OpenAiCompletion {
  std::string model;
  std::string prompt;
  std::int64_t max_tokens = 1;
  std::uint32_t seed = 0;
  bool cache_prompt = false;
};
// The body of POST …/completions, streaming, with the usage asked for. "ignore_eos" and "cache_prompt" are not
// OpenAI's: local servers know the first, llama-server the second, and those that know neither ignore them.
[[nodiscard]] std::string openai_completion_body(const OpenAiCompletion& request);

// One "data:" of a completions or a chat stream, "[DONE]" included.
[[nodiscard]] Result<AnswerChunk> parse_openai_chunk(std::string_view json);

struct OpenAiModel {
  std::string id;
  // llama-server and Lemonade add these.
  std::optional<std::int64_t> n_vocab, n_ctx_train, n_params, size_bytes;
};
// GET …/models. An empty list is not an error here.
[[nodiscard]] Result<std::vector<OpenAiModel>> parse_openai_models(std::string_view json);

}  // namespace nw::wire
