// One stream is a request being answered: its next token has a moment, and a timer of the server calls at it. Late
// timers do not move the schedule: a token that is due is sent at once, and the next one keeps its moment, so that the
// mean rate is exact. What really happened is in the stamps.
#include "load/null_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "net/server.h"
#include "wire/json.h"

namespace nw::load {
namespace {

enum class Api { llama, completions, chat, ollama_generate, ollama_chat };

constexpr std::string_view kJson = "application/json";
constexpr std::int64_t kDefaultTokens = 16;  // where a request names no number

std::optional<Api> api_of(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/completion" || path == "/completions") return Api::llama;
  if (path.ends_with("/chat/completions")) return Api::chat;
  if (path.ends_with("/completions")) return Api::completions;
  if (path == "/api/generate") return Api::ollama_generate;
  if (path == "/api/chat") return Api::ollama_chat;
  return std::nullopt;
}

bool is_ollama(Api api) { return api == Api::ollama_generate || api == Api::ollama_chat; }

std::int64_t text_tokens(std::optional<std::string_view> text) {
  constexpr std::size_t kBytesPerToken = 4;
  return text ? static_cast<std::int64_t>((text->size() + kBytesPerToken - 1) / kBytesPerToken) : 0;
}

std::int64_t prompt_tokens(wire::JsonRef root) {
  const wire::JsonRef prompt = root["prompt"];
  if (prompt.is_array()) return static_cast<std::int64_t>(prompt.size());
  std::int64_t tokens = text_tokens(prompt.text());
  const wire::JsonRef messages = root["messages"];
  for (std::size_t i = 0; i < messages.size(); ++i) tokens += text_tokens(messages.at(i)["content"].text());
  return tokens;
}

std::int64_t wanted_tokens(wire::JsonRef root, Api api) {
  for (const wire::JsonRef value : {root["max_completion_tokens"], root["max_tokens"], root["n_predict"],
                                    is_ollama(api) ? root["options"]["num_predict"] : wire::JsonRef()}) {
    if (const auto number = value.integer(); number && *number > 0) return *number;
  }
  return kDefaultTokens;
}

struct Stream {
  Api api = Api::llama;
  std::shared_ptr<net::Reply> reply;
  bool streaming = true;
  std::int64_t prompt = 0, total = 0, sent = 0;
  Moment arrived, first_due, first_sent, last_sent;
  std::string text;  // of the whole answer, when it does not stream
};

double seconds_between(Moment a, Moment b) { return to_seconds(b - a); }

std::string timings(const Stream& s) {
  const double prompt_ms = seconds_between(s.arrived, s.first_sent) * 1e3;
  const double generate_ms = seconds_between(s.first_sent, s.last_sent) * 1e3;
  return fmt::format(R"({{"cache_n":0,"prompt_n":{},"prompt_ms":{:.6f},"predicted_n":{},"predicted_ms":{:.6f}}})",
                     s.prompt, prompt_ms, s.sent, generate_ms);
}

std::string usage(const Stream& s) {
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},)"
                     R"("prompt_tokens_details":{{"cached_tokens":0}}}})",
                     s.prompt, s.sent, s.prompt + s.sent);
}

std::string ollama_counters(const Stream& s) {
  return fmt::format(R"("done_reason":"length","total_duration":{},"load_duration":0,"prompt_eval_count":{},)"
                     R"("prompt_eval_duration":{},"eval_count":{},"eval_duration":{})",
                     (s.last_sent - s.arrived).count(), s.prompt, (s.first_sent - s.arrived).count(), s.sent,
                     (s.last_sent - s.first_sent).count());
}

std::string token_message(const Stream& s, std::string_view model, std::string_view text) {
  switch (s.api) {
    case Api::llama:
      return fmt::format("data: {{\"index\":0,\"content\":\"{}\",\"tokens\":[0],\"stop\":false,\"id_slot\":0}}\n\n",
                         text);
    case Api::completions:
      return fmt::format(
          "data: {{\"id\":\"0\",\"object\":\"text_completion\",\"model\":\"{}\",\"choices\":[{{"
          "\"index\":0,\"text\":\"{}\",\"finish_reason\":null}}]}}\n\n",
          model, text);
    case Api::chat:
      return fmt::format(
          "data: {{\"id\":\"0\",\"object\":\"chat.completion.chunk\",\"model\":\"{}\",\"choices\":[{{"
          "\"index\":0,\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":null}}]}}\n\n",
          model, text);
    case Api::ollama_generate:
      return fmt::format("{{\"model\":\"{}\",\"response\":\"{}\",\"done\":false}}\n", model, text);
    case Api::ollama_chat:
      return fmt::format(
          "{{\"model\":\"{}\",\"message\":{{\"role\":\"assistant\",\"content\":\"{}\"}},\"done\":false}}\n", model,
          text);
  }
  return {};
}

// The whole answer, or what ends a stream (then `text` is empty).
std::string last_message(const Stream& s, std::string_view model) {
  switch (s.api) {
    case Api::llama:
      return fmt::format(R"({{"index":0,"content":"{}","tokens":[],"id_slot":0,"stop":true,"model":"{}",)"
                         R"("tokens_predicted":{},"tokens_evaluated":{},"stop_type":"limit","timings":{}}})",
                         s.text, model, s.sent, s.prompt, timings(s));
    case Api::completions:
      return fmt::format(R"({{"id":"0","object":"text_completion","model":"{}","choices":[{{"index":0,"text":"{}",)"
                         R"("finish_reason":"length"}}],"usage":{}}})",
                         model, s.text, usage(s));
    case Api::chat:
      return fmt::format(R"({{"id":"0","object":"chat.completion{}","model":"{}","choices":[{{"index":0,"{}":{{)"
                         R"("content":"{}"}},"finish_reason":"length"}}],"usage":{}}})",
                         s.streaming ? ".chunk" : "", model, s.streaming ? "delta" : "message", s.text, usage(s));
    case Api::ollama_generate:
      return fmt::format(R"({{"model":"{}","response":"{}","done":true,{}}})", model, s.text, ollama_counters(s));
    case Api::ollama_chat:
      return fmt::format(R"({{"model":"{}","message":{{"role":"assistant","content":"{}"}},"done":true,{}}})", model,
                         s.text, ollama_counters(s));
  }
  return {};
}

}  // namespace

struct NullBackend::Impl {
  Impl(const Clock& clock_, NullOptions options_) : clock(clock_), options(std::move(options_)), server(clock_) {}

  void handle(const net::ServerRequest& request, const std::shared_ptr<net::Reply>& reply);
  void get(std::string_view path, net::Reply& reply) const;
  void begin(Api api, const net::ServerRequest& request, const std::shared_ptr<net::Reply>& reply);
  void schedule(const std::shared_ptr<Stream>& stream);
  void send(const std::shared_ptr<Stream>& stream);
  void finish(Stream& stream) const;
  [[nodiscard]] Moment due(Stream& stream) const;

  const Clock& clock;
  NullOptions options;
  net::Server server;
  Moment began;
};

void NullBackend::Impl::handle(const net::ServerRequest& request, const std::shared_ptr<net::Reply>& reply) {
  if (request.method == "GET" || request.method == "HEAD") {
    return get(std::string_view(request.target).substr(0, request.target.find('?')), *reply);
  }
  if (request.target == "/tokenize") return reply->answer(200, kJson, R"({"tokens":[5,6,7,8]})");
  if (request.target == "/api/show") {
    return reply->answer(200, kJson, R"({"details":{"family":"null"},"model_info":{"general.architecture":"null"}})");
  }
  const auto api = api_of(request.target);
  if (!api) return reply->answer(404, kJson, R"({"error":{"code":404,"message":"not found"}})");
  begin(*api, request, reply);
}

void NullBackend::Impl::get(std::string_view path, net::Reply& reply) const {
  if (path == "/health" || path == "/v1/health" || path == "/") return reply.answer(200, kJson, R"({"status":"ok"})");
  if (path == "/api/version") return reply.answer(200, kJson, R"({"version":"0.0.0"})");
  if (path == "/api/tags") {
    return reply.answer(200, kJson, fmt::format(R"({{"models":[{{"name":"{0}","model":"{0}"}}]}})", options.model));
  }
  if (path == "/props") {
    return reply.answer(200, kJson,
                        fmt::format(R"({{"default_generation_settings":{{"n_ctx":1048576}},"total_slots":1024,)"
                                    R"("model_alias":"{}","build_info":"null"}})",
                                    options.model));
  }
  if (path.ends_with("/models")) {
    return reply.answer(200, kJson,
                        fmt::format(R"({{"object":"list","data":[{{"id":"{}","object":"model","meta":{{)"
                                    R"("n_vocab":32000,"n_ctx_train":1048576}}}}]}})",
                                    options.model));
  }
  reply.answer(404, kJson, R"({"error":{"code":404,"message":"not found"}})");
}

void NullBackend::Impl::begin(Api api, const net::ServerRequest& request, const std::shared_ptr<net::Reply>& reply) {
  const auto document = wire::JsonDocument::parse(request.body);
  if (!document || !document->root().is_object()) {
    return reply->answer(400, kJson, R"({"error":{"code":400,"message":"the body is not a JSON object"}})");
  }
  const wire::JsonRef root = document->root();
  auto stream = std::make_shared<Stream>();
  stream->api = api;
  stream->reply = reply;
  stream->streaming = root["stream"].boolean().value_or(is_ollama(api));
  stream->prompt = prompt_tokens(root);
  stream->total = wanted_tokens(root, api);
  stream->arrived = clock.now();
  stream->first_due =
      stream->arrived + from_seconds(options.prefill_per_token.value() * static_cast<double>(stream->prompt));
  if (stream->streaming) reply->begin(200, is_ollama(api) ? "application/x-ndjson" : "text/event-stream");
  schedule(stream);
}

// Moves the schedule behind the stall where it would fall into it.
Moment NullBackend::Impl::due(Stream& stream) const {
  const auto after = [&] {
    const double interval = options.tokens_per_s > 0 ? 1 / options.tokens_per_s : 0;
    return stream.first_due + from_seconds(static_cast<double>(stream.sent) * interval);
  };
  Moment moment = after();
  if (options.stall.value() <= 0) return moment;
  const Moment stall_begin = began + from_seconds(options.stall_at.value());
  const Moment stall_end = stall_begin + from_seconds(options.stall.value());
  if (moment >= stall_begin && moment < stall_end) {
    stream.first_due = stream.first_due + (stall_end - moment);
    moment = after();
  }
  return moment;
}

void NullBackend::Impl::schedule(const std::shared_ptr<Stream>& stream) {
  server.at(due(*stream), [this, stream] { send(stream); });
}

void NullBackend::Impl::send(const std::shared_ptr<Stream>& stream) {
  Stream& s = *stream;
  if (!s.reply->open()) return;
  const Moment now = clock.now();
  const std::string text = options.stamps ? fmt::format(" {}", now.ns) : std::string(" tok");
  if (s.sent == 0) s.first_sent = now;
  s.last_sent = now;
  ++s.sent;
  if (s.streaming) {
    s.reply->send(token_message(s, options.model, text));
  } else {
    s.text += text;
  }
  if (s.sent >= s.total) return finish(s);
  schedule(stream);
}

void NullBackend::Impl::finish(Stream& s) const {
  const std::string last = last_message(s, options.model);
  if (!s.streaming) return s.reply->answer(200, kJson, last);
  if (is_ollama(s.api)) {
    s.reply->send(last + "\n");
  } else {
    s.reply->send(fmt::format("data: {}\n\n{}", last, s.api == Api::llama ? "" : "data: [DONE]\n\n"));
  }
  s.reply->finish();
}

NullBackend::NullBackend(const Clock& clock, NullOptions options)
    : impl_(std::make_unique<Impl>(clock, std::move(options))) {}
NullBackend::~NullBackend() = default;

Result<std::uint16_t> NullBackend::listen(const std::string& address, std::uint16_t port) {
  return impl_->server.listen(address, port);
}

void NullBackend::run(int stop_fd) {
  impl_->began = impl_->clock.now();
  impl_->server.run([this](const auto& request, const auto& reply) { impl_->handle(request, reply); }, stop_fd);
}

void NullBackend::stop() { impl_->server.stop(); }

}  // namespace nw::load
