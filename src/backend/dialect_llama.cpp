// llama-server, by its own API, because only that takes token ids: lengths are exact and no time is spent on tokenizing
// that llama-bench does not spend either.
//
// Which ids. llama-bench draws from the whole vocabulary. Here the outer parts are left out: tokenizers keep their
// control and byte tokens at one end of the vocabulary (Llama 2, Gemma, Mistral: the front; Llama 3, Qwen, GPT-OSS: the
// back), and placeholders of other media do not belong into a text. What lies between 5 % and 90 % is ordinary in
// all of them. A broad draw matters: with few different tokens a mixture of experts would touch fewer experts.
//
// What is generated comes from a small set of tokens of ordinary words (see wire/llama_api.cpp for why). Which ids
// these are only the server's tokenizer knows, so it is asked once.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/random.h"
#include "base/text.h"
#include "dialect_common.h"
#include "dialect_text.h"
#include "wire/llama_api.h"
#include "wire/openai_api.h"

namespace nw::backend {
namespace {

constexpr std::size_t kAllowed = 64;         // tokens an answer is drawn from
constexpr std::int64_t kEnoughVocab = 1000;  // below it the vocabulary is a toy, and its middle may be anything

class LlamaDialect final : public model::Dialect {
 public:
  explicit LlamaDialect(DialectOptions options) : options_(std::move(options)), requests_(options_) {}

  [[nodiscard]] model::ApiRequest health() const override { return requests_.get("/health"); }
  [[nodiscard]] std::vector<model::ApiRequest> introductions() const override {
    return {requests_.get("/props"), requests_.get("/v1/models"),
            requests_.post("/tokenize", wire::llama_tokenize_body(corpus()))};
  }
  Status learn(std::size_t introduction, int http_status, std::string_view body) override;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> labels() const override { return labels_; }

  [[nodiscard]] bool exact_lengths() const override { return true; }
  [[nodiscard]] model::ApiRequest ask(const model::Question& question) const override;
  [[nodiscard]] std::unique_ptr<model::AnswerDecoder> decoder() const override {
    return sse_decoder(wire::parse_llama_chunk);
  }
  void calibrate(const model::Question&, const model::AnswerCounters&) override {}
  [[nodiscard]] std::optional<model::ApiRequest> unload() const override { return std::nullopt; }

 private:
  Status learn_props(std::string_view body);
  Status learn_models(std::string_view body);
  Status learn_tokens(std::string_view body);
  [[nodiscard]] std::vector<std::int32_t> prompt(const model::Question& question) const;

  DialectOptions options_;
  Requests requests_;
  std::vector<std::pair<std::string, std::string>> labels_;
  std::int64_t vocab_ = 0;           // 0: not known
  std::vector<std::int32_t> words_;  // tokens of the corpus, each once
  std::vector<std::int32_t> allowed_;
};

Status LlamaDialect::learn(std::size_t introduction, int http_status, std::string_view body) {
  static constexpr std::array<std::string_view, 3> kNames = {"/props", "/v1/models", "/tokenize"};
  if (introduction >= kNames.size()) return failed_error("an answer to a question that was not asked");
  const std::string_view name = kNames[introduction];
  if (http_status != 200) return introduction_error(name, http_status, body);
  Status status = introduction == 0 ? learn_props(body) : introduction == 1 ? learn_models(body) : learn_tokens(body);
  if (!status) return std::move(status).error().within(fmt::format("the server's answer to {} is not usable", name));
  return {};
}

Status LlamaDialect::learn_props(std::string_view body) {
  NW_TRY(const wire::LlamaProps props, wire::parse_llama_props(body));
  if (!props.build_info.empty()) labels_.emplace_back("engine_version", printable(props.build_info));
  if (props.n_ctx) labels_.emplace_back("context", fmt::to_string(*props.n_ctx));
  if (props.total_slots) labels_.emplace_back("slots", fmt::to_string(*props.total_slots));
  return {};
}

Status LlamaDialect::learn_models(std::string_view body) {
  NW_TRY(const auto models, wire::parse_openai_models(body));
  if (models.empty()) return failed_error("the list of models is empty");
  labels_.emplace_back("model_name", printable(models.front().id));
  vocab_ = models.front().n_vocab.value_or(0);
  return {};
}

Status LlamaDialect::learn_tokens(std::string_view body) {
  NW_TRY(words_, wire::parse_llama_tokens(body));
  std::sort(words_.begin(), words_.end());
  words_.erase(std::unique(words_.begin(), words_.end()), words_.end());
  if (words_.size() < 2) return failed_error("it knows fewer than two tokens of ordinary text");
  allowed_ = words_;
  Random random(options_.seed);
  random.shuffle(allowed_);
  allowed_.resize(std::min(allowed_.size(), kAllowed));
  return {};
}

std::vector<std::int32_t> LlamaDialect::prompt(const model::Question& question) const {
  const std::int64_t low = vocab_ / 20;
  const std::int64_t high = vocab_ * 9 / 10;
  const bool broad = vocab_ >= kEnoughVocab;
  const std::uint64_t range = broad ? static_cast<std::uint64_t>(high - low) : words_.size();
  const auto token = [&](std::uint64_t index) {
    return broad ? static_cast<std::int32_t>(low + static_cast<std::int64_t>(index)) : words_[index];
  };
  std::vector<std::int32_t> ids;
  if (range == 0) return ids;
  ids.reserve(static_cast<std::size_t>(question.prompt_tokens));
  // The first token walks through the vocabulary with the nonce: neighbours never share it, so they share no prefix.
  constexpr std::uint64_t kStep = 7919;
  ids.push_back(token((question.nonce % range * kStep + options_.seed % range) % range));
  Random random(prompt_seed(options_.seed, question.nonce));
  while (static_cast<std::int64_t>(ids.size()) < question.prompt_tokens) ids.push_back(token(random.below(range)));
  return ids;
}

model::ApiRequest LlamaDialect::ask(const model::Question& question) const {
  const std::vector<std::int32_t> ids = prompt(question);
  wire::LlamaCompletion completion;
  completion.prompt = ids;
  completion.n_predict = question.generate;
  completion.cache_prompt = question.reuse_cache;
  completion.seed = static_cast<std::uint32_t>(prompt_seed(options_.seed, question.nonce));
  completion.allowed = allowed_;
  return requests_.post("/completion", wire::llama_completion_body(completion));
}

}  // namespace

std::unique_ptr<model::Dialect> make_llama_dialect(DialectOptions options) {
  return std::make_unique<LlamaDialect>(std::move(options));
}

}  // namespace nw::backend
