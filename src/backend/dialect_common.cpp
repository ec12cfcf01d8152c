#include "dialect_common.h"

#include <fmt/core.h>

#include "base/random.h"
#include "wire/ndjson.h"
#include "wire/sse.h"

namespace nw::backend {
namespace {

using model::AnswerEvent;

// Turns messages into events and keeps the counters, whatever the framing was.
class ChunkReader {
 public:
  explicit ChunkReader(ChunkParser parse) : parse_(parse) {}

  Status take(std::string_view message, std::vector<AnswerEvent>& out) {
    NW_TRY(wire::AnswerChunk chunk, parse_(message));
    if (chunk.error) {
      out.push_back({AnswerEvent::Kind::error, std::move(*chunk.error)});
      return {};
    }
    wire::merge(counters_, chunk.counters);
    if (chunk.has_reasoning) out.push_back({AnswerEvent::Kind::reasoning, std::move(chunk.reasoning)});
    if (chunk.has_content) out.push_back({AnswerEvent::Kind::content, std::move(chunk.content)});
    if (chunk.finished) out.push_back({AnswerEvent::Kind::finished, {}});
    return {};
  }
  [[nodiscard]] const model::AnswerCounters& counters() const { return counters_; }

 private:
  ChunkParser parse_;
  model::AnswerCounters counters_;
};

class SseDecoder final : public model::AnswerDecoder {
 public:
  explicit SseDecoder(ChunkParser parse) : reader_(parse) {}
  Result<std::vector<AnswerEvent>> feed(std::string_view bytes) override {
    NW_CHECK(splitter_.feed(bytes, events_));
    return drain();
  }
  Result<std::vector<AnswerEvent>> finish() override {
    splitter_.finish(events_);
    return drain();
  }
  [[nodiscard]] const model::AnswerCounters& counters() const override { return reader_.counters(); }

 private:
  Result<std::vector<AnswerEvent>> drain() {
    std::vector<AnswerEvent> out;
    for (const wire::SseEvent& event : events_) {
      if (event.type == "error") {
        out.push_back({AnswerEvent::Kind::error, wire::error_text(event.data)});
      } else {
        NW_CHECK(reader_.take(event.data, out));
      }
    }
    events_.clear();
    return out;
  }

  wire::SseSplitter splitter_;
  ChunkReader reader_;
  std::vector<wire::SseEvent> events_;
};

class NdjsonDecoder final : public model::AnswerDecoder {
 public:
  explicit NdjsonDecoder(ChunkParser parse) : reader_(parse) {}
  Result<std::vector<AnswerEvent>> feed(std::string_view bytes) override {
    NW_CHECK(splitter_.feed(bytes, lines_));
    return drain();
  }
  Result<std::vector<AnswerEvent>> finish() override {
    splitter_.finish(lines_);
    return drain();
  }
  [[nodiscard]] const model::AnswerCounters& counters() const override { return reader_.counters(); }

 private:
  Result<std::vector<AnswerEvent>> drain() {
    std::vector<AnswerEvent> out;
    for (const std::string& line : lines_) NW_CHECK(reader_.take(line, out));
    lines_.clear();
    return out;
  }

  wire::LineSplitter splitter_;
  ChunkReader reader_;
  std::vector<std::string> lines_;
};

}  // namespace

std::unique_ptr<model::AnswerDecoder> sse_decoder(ChunkParser parse) { return std::make_unique<SseDecoder>(parse); }
std::unique_ptr<model::AnswerDecoder> ndjson_decoder(ChunkParser parse) {
  return std::make_unique<NdjsonDecoder>(parse);
}

model::ApiRequest Requests::get(std::string_view path) const {
  model::ApiRequest request;
  request.method = "GET";
  request.target = options_.base_path + std::string(path);
  request.headers = options_.headers;
  if (!options_.api_key.empty()) request.headers.emplace_back("Authorization", "Bearer " + options_.api_key);
  return request;
}

model::ApiRequest Requests::post(std::string_view path, std::string body) const {
  model::ApiRequest request = get(path);
  request.method = "POST";
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  return request;
}

Error introduction_error(std::string_view what, int http_status, std::string_view body) {
  const std::string said = wire::error_text(body);
  std::string message = fmt::format("the server answered {} with status {}", what, http_status);
  if (!said.empty()) message += fmt::format(" ({})", said);
  if (http_status == 401 || http_status == 403) {
    return failed_error(std::move(message), "set api_key_env to the name of the variable that holds the key");
  }
  if (http_status == 404) {
    return failed_error(std::move(message), "check `engine` and `url`: this server does not speak that API there");
  }
  return failed_error(std::move(message), "look at the server's log");
}

std::uint64_t prompt_seed(std::uint64_t seed, std::uint64_t nonce) {
  Random mix(seed ^ Random(nonce).next());
  return mix.next();
}

std::unique_ptr<model::Dialect> make_dialect(model::Engine engine, DialectOptions options) {
  switch (engine) {
    case model::Engine::llama_server:
      return make_llama_dialect(std::move(options));
    case model::Engine::openai:
      return make_openai_dialect(std::move(options), "/v1");
    case model::Engine::lemonade:
      return make_openai_dialect(std::move(options), "/api/v1");
    case model::Engine::ollama:
      return make_ollama_dialect(std::move(options));
  }
  return nullptr;
}

}  // namespace nw::backend
