// What the dialects share: headers, paths and the decoders of streams.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "backend/dialects.h"
#include "wire/answer.h"

namespace nw::backend {

using ChunkParser = Result<wire::AnswerChunk> (*)(std::string_view);

// Decoders of the two ways in which answers are streamed; `parse` reads one message.
[[nodiscard]] std::unique_ptr<model::AnswerDecoder> sse_decoder(ChunkParser parse);
[[nodiscard]] std::unique_ptr<model::AnswerDecoder> ndjson_decoder(ChunkParser parse);

// Requests of one server: its base path, key and extra headers.
class Requests {
 public:
  explicit Requests(const DialectOptions& options) : options_(options) {}
  [[nodiscard]] model::ApiRequest get(std::string_view path) const;
  [[nodiscard]] model::ApiRequest post(std::string_view path, std::string body) const;

 private:
  const DialectOptions& options_;
};

// The error of an introduction that was not answered with 200.
[[nodiscard]] Error introduction_error(std::string_view what, int http_status, std::string_view body);

// `seed` and `nonce` mixed to the seed of a prompt.
[[nodiscard]] std::uint64_t prompt_seed(std::uint64_t seed, std::uint64_t nonce);

std::unique_ptr<model::Dialect> make_llama_dialect(DialectOptions options);
std::unique_ptr<model::Dialect> make_openai_dialect(DialectOptions options, std::string_view default_base);
std::unique_ptr<model::Dialect> make_ollama_dialect(DialectOptions options);

}  // namespace nw::backend
