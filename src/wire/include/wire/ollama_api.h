// Ollama's API (docs/api.md of ollama), as JSON text. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/answer.h"

namespace nw::wire {

struct OllamaGenerate {
  std::string model;
  std::string prompt;
  std::int64_t num_predict = 1;
  std::uint32_t seed = 0;
};
// The body of POST /api/generate: raw (no chat template), streaming.
[[nodiscard]] std::string ollama_generate_body(const OllamaGenerate& request);
// The body that makes Ollama drop the model from memory at once (keep_alive 0, no prompt).
[[nodiscard]] std::string ollama_unload_body(std::string_view model);
// {"model": …}: the body of POST /api/show.
[[nodiscard]] std::string ollama_show_body(std::string_view model);

// One line of the stream. Counters that are 0 or absent are unknown, not zero: Lemonade's Ollama API reports zeros, and
// Ollama leaves out prompt_eval_count when the whole prompt came from its cache.
[[nodiscard]] Result<AnswerChunk> parse_ollama_chunk(std::string_view json);

// "version" of GET /api/version.
[[nodiscard]] Result<std::string> parse_ollama_version(std::string_view json);
// family, parameter_size, quantization_level and context_length of POST /api/show, where they are.
[[nodiscard]] Result<std::map<std::string, std::string>> parse_ollama_show(std::string_view json);
// The name of the first model of GET /api/tags, "" when there is none.
[[nodiscard]] Result<std::string> parse_ollama_first_model(std::string_view json);

}  // namespace nw::wire
