// Servers that speak OpenAI's API, Lemonade among them: completions with text, because a chat template would add tokens
// that nobody asked for. Lengths are near, not exact; the engine's "usage" says what they really were.
#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "dialect_common.h"
#include "dialect_text.h"
#include "wire/openai_api.h"

namespace nw::backend {
namespace {

class OpenAiDialect final : public model::Dialect {
 public:
  OpenAiDialect(DialectOptions options, std::string_view default_base)
      : options_(std::move(options)), model_(options_.model), requests_(options_), prompts_(options_.seed) {
    if (options_.base_path.empty()) options_.base_path = default_base;
  }

  [[nodiscard]] model::ApiRequest health() const override { return requests_.get("/models"); }
  [[nodiscard]] std::vector<model::ApiRequest> introductions() const override { return {requests_.get("/models")}; }
  Status learn(std::size_t introduction, int http_status, std::string_view body) override;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> labels() const override {
    return {{"model_name", printable(model_)}};
  }

  [[nodiscard]] model::ApiRequest ask(const model::Question& question) const override;
  [[nodiscard]] std::unique_ptr<model::AnswerDecoder> decoder() const override {
    return sse_decoder(wire::parse_openai_chunk);
  }
  void calibrate(const model::Question& asked, const model::AnswerCounters& counted) override {
    if (counted.prompt_tokens) prompts_.calibrate(asked, *counted.prompt_tokens);
  }
  [[nodiscard]] std::optional<model::ApiRequest> unload() const override { return std::nullopt; }

 private:
  DialectOptions options_;
  std::string model_;
  Requests requests_;
  TextPrompts prompts_;
};

Status OpenAiDialect::learn(std::size_t, int http_status, std::string_view body) {
  const std::string name = options_.base_path + "/models";
  if (http_status != 200) return introduction_error(name, http_status, body);
  auto models = wire::parse_openai_models(body);
  if (!models) return std::move(models).error().within(fmt::format("the server's answer to {} is not usable", name));
  if (!options_.model.empty()) return {};  // a server may serve a model that it does not list
  if (models->empty()) {
    return failed_error("the server lists no model", "load a model in it, or name one with `model`");
  }
  model_ = models->front().id;
  return {};
}

model::ApiRequest OpenAiDialect::ask(const model::Question& question) const {
  wire::OpenAiCompletion completion;
  completion.model = model_;
  completion.prompt = prompts_.make(question.prompt_tokens, question.nonce);
  completion.max_tokens = question.generate;
  completion.seed = static_cast<std::uint32_t>(prompt_seed(options_.seed, question.nonce));
  completion.cache_prompt = question.reuse_cache;
  return requests_.post("/completions", wire::openai_completion_body(completion));
}

}  // namespace

std::unique_ptr<model::Dialect> make_openai_dialect(DialectOptions options, std::string_view default_base) {
  return std::make_unique<OpenAiDialect>(std::move(options), default_base);
}

}  // namespace nw::backend
