// Ollama by its own API, because its OpenAI API gives no times. "raw" leaves out the chat template. Ollama always keeps
// the last prompt of a slot and says nothing about it; that no two prompts begin alike is all that defeats it, and
// prompt_eval_count, which falls when tokens come from the cache, is the only trace of a hit.
#include <fmt/core.h>

#include <array>
#include <optional>

#include "base/text.h"
#include "dialect_common.h"
#include "dialect_text.h"
#include "wire/ollama_api.h"

namespace nw::backend {
namespace {

class OllamaDialect final : public model::Dialect {
 public:
  explicit OllamaDialect(DialectOptions options)
      : options_(std::move(options)), model_(options_.model), requests_(options_), prompts_(options_.seed) {}

  [[nodiscard]] model::ApiRequest health() const override { return requests_.get("/api/version"); }
  [[nodiscard]] std::vector<model::ApiRequest> introductions() const override {
    std::vector<model::ApiRequest> requests = {requests_.get("/api/version"), requests_.get("/api/tags")};
    // Without a name the first model is taken, and which one that is only the second answer tells.
    if (!options_.model.empty())
      requests.push_back(requests_.post("/api/show", wire::ollama_show_body(options_.model)));
    return requests;
  }
  Status learn(std::size_t introduction, int http_status, std::string_view body) override;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> labels() const override {
    auto labels = labels_;
    labels.emplace_back("model_name", printable(model_));
    return labels;
  }

  [[nodiscard]] model::ApiRequest ask(const model::Question& question) const override {
    wire::OllamaGenerate generate;
    generate.model = model_;
    generate.prompt = prompts_.make(question.prompt_tokens, question.nonce);
    generate.num_predict = question.generate;
    generate.seed = static_cast<std::uint32_t>(prompt_seed(options_.seed, question.nonce));
    return requests_.post("/api/generate", wire::ollama_generate_body(generate));
  }
  [[nodiscard]] std::unique_ptr<model::AnswerDecoder> decoder() const override {
    return ndjson_decoder(wire::parse_ollama_chunk);
  }
  void calibrate(const model::Question& asked, const model::AnswerCounters& counted) override {
    if (counted.prompt_tokens) prompts_.calibrate(asked, *counted.prompt_tokens);
  }
  [[nodiscard]] std::optional<model::ApiRequest> unload() const override {
    return requests_.post("/api/generate", wire::ollama_unload_body(model_));
  }

 private:
  Status take_answer(std::size_t introduction, std::string_view body);

  DialectOptions options_;
  std::string model_;
  Requests requests_;
  TextPrompts prompts_;
  std::vector<std::pair<std::string, std::string>> labels_;
};

Status OllamaDialect::learn(std::size_t introduction, int http_status, std::string_view body) {
  static constexpr std::array<std::string_view, 3> kNames = {"/api/version", "/api/tags", "/api/show"};
  if (introduction >= kNames.size()) return failed_error("an answer to a question that was not asked");
  const std::string_view name = kNames[introduction];
  if (introduction == 2 && http_status == 404) {
    return lacking_error(fmt::format("Ollama has no model '{}'", printable(model_)),
                         fmt::format("`ollama pull {}`, or name one that `ollama list` shows", printable(model_)));
  }
  if (http_status != 200) return introduction_error(name, http_status, body);
  Status status = take_answer(introduction, body);
  if (!status) return std::move(status).error().within(fmt::format("the server's answer to {} is not usable", name));
  return {};
}

Status OllamaDialect::take_answer(std::size_t introduction, std::string_view body) {
  if (introduction == 0) {
    NW_TRY(const std::string version, wire::parse_ollama_version(body));
    labels_.emplace_back("engine_version", printable(version));
  } else if (introduction == 1) {
    if (!model_.empty()) return {};
    NW_TRY(model_, wire::parse_ollama_first_model(body));
    if (model_.empty()) return failed_error("it has no model");
  } else {
    NW_TRY(const auto facts, wire::parse_ollama_show(body));
    for (const auto& [key, value] : facts) {
      labels_.emplace_back(key == "context_length" ? "context" : key, printable(value));
    }
  }
  return {};
}

}  // namespace

std::unique_ptr<model::Dialect> make_ollama_dialect(DialectOptions options) {
  return std::make_unique<OllamaDialect>(std::move(options));
}

}  // namespace nw::backend
