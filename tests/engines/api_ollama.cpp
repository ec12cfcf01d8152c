// Ollama's API as its documentation describes it (docs/api.md of ollama/ollama; not compared with a running one): a
// JSON object per line, durations in nanoseconds, the model loaded by the first request that needs it. A request
// without a prompt loads; one without a prompt and with keep_alive 0 unloads, which ends what spins here. The counters
// are of the whole prompt: Ollama does not say what came from its cache.

#include <fmt/core.h>

#include <cstdio>

#include "engine.h"

namespace nw::fake {
namespace {

constexpr std::string_view kCreated = "2026-01-01T00:00:00.000000Z";
constexpr std::int64_t kSize = 1'000'000;
constexpr double kNsPerMs = 1e6;

std::string details_of(const Options& options) {
  return fmt::format(
      R"("name":"{0}","model":"{0}","modified_at":"{1}","size":{2},"digest":"{3:0>64}","details":{{"format":"gguf",)"
      R"("family":"fake","families":["fake"],"parameter_size":"1M","quantization_level":"Q8_0"}})",
      json_escaped(options.name()), kCreated, kSize, 0);
}

std::string piece(const Options& options, std::string_view response) {
  return fmt::format(R"({{"model":"{}","created_at":"{}","response":"{}","done":false}})", json_escaped(options.name()),
                     kCreated, response);
}

std::string last_piece(const Options& options, const Tally& t, std::string_view response) {
  const auto ns = [](double ms) { return static_cast<std::int64_t>(ms * kNsPerMs); };
  return fmt::format(R"({{"model":"{}","created_at":"{}","response":"{}","done":true,"done_reason":"{}","context":[],)"
                     R"("total_duration":{},"load_duration":1000,"prompt_eval_count":{},"prompt_eval_duration":{},)"
                     R"("eval_count":{},"eval_duration":{}}})",
                     json_escaped(options.name()), kCreated, response, t.by_limit ? "length" : "stop",
                     ns(t.prompt_ms + t.generate_ms), t.prompt_total, ns(t.prompt_ms), t.generated, ns(t.generate_ms));
}

std::string without_work(const Options& options, std::string_view reason) {
  return fmt::format(R"({{"model":"{}","created_at":"{}","response":"","done":true,"done_reason":"{}"}})",
                     json_escaped(options.name()), kCreated, reason);
}

// 0, "0", "0s" and the like.
bool says_unload(const JsonFields& fields) {
  const std::string text = fields.has("keep_alive") ? fields.text("keep_alive") : "5m";
  return fields.raw("keep_alive") == "0" || text == "0" || text == "0s" || text == "0m";
}

}  // namespace

void Engine::handle_ollama(Connection& client, const HttpRequest& request) {
  const std::string& path = request.path;
  const bool is_post = request.method == "POST";
  if (path == "/") {
    client.answer(200, "Ollama is running", "text/plain; charset=utf-8");
  } else if (path == "/api/version") {
    client.answer(200, R"({"version":"0.12.0"})");
  } else if (path == "/api/tags") {
    client.answer(200, fmt::format(R"({{"models":[{{{}}}]}})", details_of(options_)));
  } else if (path == "/api/ps") {
    const std::string loaded = fmt::format(R"({{{},"expires_at":"{}","size_vram":0,"context_length":{}}})",
                                           details_of(options_), kCreated, options_.context);
    client.answer(200, fmt::format(R"({{"models":[{}]}})", in_memory_ ? loaded : ""));
  } else if (is_post && path == "/api/show") {
    client.answer(200, fmt::format(R"({{"modelfile":"","parameters":"","template":"{{{{ .Prompt }}}}",{},)"
                                   R"("model_info":{{"general.architecture":"fake","fake.context_length":{},)"
                                   R"("fake.vocab_size":{}}},"capabilities":["completion"]}})",
                                   details_of(options_), options_.context, options_.vocabulary));
  } else if (is_post && path == "/api/generate") {
    ollama_generate(client, fields_of(request));
  } else {
    client.answer(404, "404 page not found", "text/plain");
  }
}

void Engine::ollama_unload(Connection& client) {
  in_memory_ = false;
  burden_.unloaded();
  fmt::print(stderr, "fake_engine: unloads {}\n", ++unloads_);
  client.answer(200, without_work(options_, "unload"));
}

void Engine::ollama_generate(Connection& client, const JsonFields& fields) {
  if (const std::string model = fields.text("model"); model != options_.name()) {
    client.answer(404, fmt::format(R"({{"error":"model '{}' not found"}})", json_escaped(model)));
    return;
  }
  const std::string_view prompt = fields.raw("prompt");
  if (prompt.empty() || prompt == "\"\"") {
    if (says_unload(fields)) return ollama_unload(client);
    in_memory_ = true;
    burden_.loaded();
    client.answer(200, without_work(options_, "load"));
    return;
  }
  const JsonFields settings = fields.object("options");
  Job job;
  job.prompt = prompt_tokens(prompt, options_.vocabulary);
  job.generate = settings.integer("num_predict", -1);
  const bool stream = fields.flag("stream", true);

  in_memory_ = true;
  if (stream && !client.begin_stream("application/x-ndjson")) return;
  Tally tally;
  std::string content;
  const bool done = generate(job, tally, [&](std::int64_t, std::string_view word) {
    content += word;
    return !stream || client.chunk(piece(options_, word) + "\n");
  });
  if (!done) return;
  if (stream) {
    if (client.chunk(last_piece(options_, tally, "") + "\n")) client.end_stream();
  } else {
    client.answer(200, last_piece(options_, tally, content));
  }
  if (says_unload(fields)) {
    in_memory_ = false;
    burden_.unloaded();
    fmt::print(stderr, "fake_engine: unloads {}\n", ++unloads_);
  }
}

}  // namespace nw::fake
