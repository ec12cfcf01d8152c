// llama-server's own API (tools/server/README.md of llama.cpp), as JSON text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/answer.h"

namespace nw::wire {

struct LlamaCompletion {
  std::span<const std::int32_t> prompt;  // token ids
  std::int64_t n_predict = 1;
  bool cache_prompt = false;
  std::uint32_t seed = 0;
  std::span<const std::int32_t> allowed;  // tokens the answer is drawn from; empty: the whole vocabulary
};
// The body of POST /completion; see the .cpp for how sampling is kept cheap.
[[nodiscard]] std::string llama_completion_body(const LlamaCompletion& request);

// One "data:" of the stream. An error when it is not JSON or not an object.
[[nodiscard]] Result<AnswerChunk> parse_llama_chunk(std::string_view json);

struct LlamaProps {
  std::optional<std::int64_t> n_ctx;  // of one slot
  std::optional<std::int64_t> total_slots;
  std::string model_path;
  std::string build_info;
};
[[nodiscard]] Result<LlamaProps> parse_llama_props(std::string_view json);

// {"content": …}, without special tokens: the body of POST /tokenize.
[[nodiscard]] std::string llama_tokenize_body(std::string_view text);
[[nodiscard]] Result<std::vector<std::int32_t>> parse_llama_tokens(std::string_view json);

}  // namespace nw::wire
