// How an engine's API is spoken, without doing the speaking: load/ owns the connection and the clock, a Dialect turns
// a question into an HTTP request and the bytes of the answer into events. Implemented in backend/, one per API.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace nw::model {

struct ApiRequest {
  std::string method = "GET";
  std::string target;  // "/completion"
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// One question to the engine. Either token ids (exact lengths) or text, whichever the dialect supports.
struct Question {
  std::int64_t prompt_tokens = 0;  // wanted
  std::int64_t generate = 1;       // tokens wanted; the engine is told to ignore its end-of-text token
  std::uint64_t nonce = 0;         // makes the first tokens differ from every other question
  bool reuse_cache = false;        // true: the prefix of `nonce` may be taken from the cache (depth)
};

// What one chunk of the answer said.
struct AnswerEvent {
  enum class Kind { content, reasoning, finished, error };
  Kind kind = Kind::content;
  std::string text;  // of an error: what the engine said
};

// The engine's own counters, once it has sent them.
struct AnswerCounters {
  std::optional<std::int64_t> prompt_tokens;  // whole prompt
  std::optional<std::int64_t> cached_tokens;
  std::optional<std::int64_t> generated_tokens;
  std::optional<double> prompt_s;
  std::optional<double> generate_s;
};

// Decodes one answer. Fed with bytes as they arrive, split anywhere. One thread.
class AnswerDecoder {
 public:
  virtual ~AnswerDecoder() = default;
  // Events completed by these bytes, in order. An error means that the stream cannot be understood any further.
  virtual Result<std::vector<AnswerEvent>> feed(std::string_view bytes) = 0;
  // The body ended: events of a last message that lacked its terminator. Called once.
  virtual Result<std::vector<AnswerEvent>> finish() = 0;
  [[nodiscard]] virtual const AnswerCounters& counters() const = 0;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  // GET of it answers 200 once the model is loaded.
  [[nodiscard]] virtual ApiRequest health() const = 0;
  // Requests whose answers tell the dialect what it needs to ask questions (vocabulary size, model name). Asked in
  // order once the server is ready; each answer is given to learn(). An error means that the server is not usable.
  [[nodiscard]] virtual std::vector<ApiRequest> introductions() const = 0;
  virtual Status learn(std::size_t introduction, int http_status, std::string_view body) = 0;
  // What learn() found out, as labels: engine_version, model_name, context, ….
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> labels() const = 0;

  // Whether `prompt_tokens` of a question is met exactly (token ids) or only nearly (text).
  [[nodiscard]] virtual bool exact_lengths() const { return false; }
  // The prompts of two questions with one nonce are equal up to the length of the shorter one.
  [[nodiscard]] virtual ApiRequest ask(const Question& question) const = 0;
  [[nodiscard]] virtual std::unique_ptr<AnswerDecoder> decoder() const = 0;
  // Engines that take text instead of tokens learn how long a text is from what they counted: called after a warm-up.
  virtual void calibrate(const Question& asked, const AnswerCounters& counted) = 0;
  // The request that unloads the model, where the API has one (Ollama's keep_alive 0).
  [[nodiscard]] virtual std::optional<ApiRequest> unload() const = 0;
};

}  // namespace nw::model
