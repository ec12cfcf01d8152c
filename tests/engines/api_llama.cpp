// The native API of llama-server, as version 0.7.0 answers it (llama.cpp-tools 1:0.7.0+dfsg-2 of Debian forky): field
// names, their order and which chunk carries which were read off a running server. Left out is what no client of a
// benchmark reads: sampling settings beyond a few, slots, web interface.
//
// Worth knowing: tokens_evaluated counts the whole prompt, timings.prompt_n only what the cache did not have;
// predicted_n counts all tokens, but predicted_per_token_ms and predicted_per_second are of the n - 1 that fall into
// predicted_ms (older versions divided by n); n_predict 0 still yields one token; a stream ends with the chunk that
// says stop:true and the end of the body, without the [DONE] of the OpenAI API.

#include <fmt/core.h>

#include <algorithm>

#include "engine.h"

namespace nw::fake {
namespace {

double per_second(std::int64_t tokens, double ms) { return ms > 0 ? 1e3 * static_cast<double>(tokens) / ms : 0; }
double per_token(std::int64_t tokens, double ms) { return tokens > 0 ? ms / static_cast<double>(tokens) : 0; }

std::string timings_of(const Tally& t) {
  return fmt::format(
      R"({{"cache_n":{},"prompt_n":{},"prompt_ms":{:.3f},"prompt_per_token_ms":{:.6f},"prompt_per_second":{:.6f},)"
      R"("predicted_n":{},"predicted_ms":{:.3f},"predicted_per_token_ms":{:.6f},"predicted_per_second":{:.6f}}})",
      t.cached, t.processed, t.prompt_ms, per_token(t.processed, t.prompt_ms), per_second(t.processed, t.prompt_ms),
      t.generated, t.generate_ms, per_token(t.generated - 1, t.generate_ms),
      per_second(t.generated - 1, t.generate_ms));
}

std::string final_of(const Options& options, const Tally& t, std::string_view content) {
  return fmt::format(
      R"({{"index":0,"content":"{}","tokens":[],"id_slot":0,"stop":true,"model":"{}","tokens_predicted":{},)"
      R"("tokens_evaluated":{},"generation_settings":{{"n_ctx":{},"temperature":0.0}},"prompt":"",)"
      R"("has_new_line":false,"truncated":false,"stop_type":"{}","stopping_word":"","tokens_cached":{},"timings":{}}})",
      content, json_escaped(options.name()), t.generated, t.prompt_total, options.context, t.by_limit ? "limit" : "eos",
      t.prompt_total + std::max(t.generated - 1, std::int64_t{0}), timings_of(t));
}

}  // namespace

void Engine::handle_llama(Connection& client, const HttpRequest& request) {
  const bool is_post = request.method == "POST";
  const std::string& path = request.path;
  if (path == "/health" || path == "/v1/health") {
    client.answer(200, R"({"status":"ok"})");
  } else if (path == "/props") {
    llama_props(client);
  } else if (path == "/v1/models" || path == "/models") {
    llama_models(client);
  } else if (is_post && path == "/tokenize") {
    llama_tokenize(client, fields_of(request));
  } else if (is_post && (path == "/completion" || path == "/completions")) {
    llama_completion(client, fields_of(request));
  } else {
    answer_error(client, 404, "not_found_error", "File Not Found");
  }
}

void Engine::llama_props(Connection& client) {
  client.answer(
      200,
      fmt::format(
          R"({{"default_generation_settings":{{"params":{{"temperature":0.8}},"n_ctx":{}}},)"
          R"("total_slots":1,"model_alias":"{}","model_ftype":"Q8_0","model_path":"{}","modalities":{{"vision":false,)"
          R"("audio":false}},"chat_template":"","bos_token":"","eos_token":"</s>","build_info":"b0-fake",)"
          R"("is_sleeping":false}})",
          options_.context, json_escaped(options_.name()), json_escaped(options_.model)));
}

void Engine::llama_models(Connection& client) {
  const std::string name = json_escaped(options_.name());
  client.answer(
      200, fmt::format(R"({{"models":[{{"name":"{0}","model":"{0}","type":"model","capabilities":["completion"]}}],)"
                       R"("object":"list","data":[{{"id":"{0}","object":"model","created":1700000000,)"
                       R"("owned_by":"llamacpp","meta":{{"vocab_type":2,"n_vocab":{1},"n_ctx":{2},"n_ctx_train":{2},)"
                       R"("n_embd":64,"n_params":1000000,"size":1000000,"ftype":"Q8_0"}}}}]}})",
                       name, options_.vocabulary, options_.context));
}

void Engine::llama_tokenize(Connection& client, const JsonFields& fields) {
  std::string ids;
  for (const std::int64_t id : prompt_tokens(fields.raw("content"), options_.vocabulary)) {
    ids += fmt::format("{}{}", ids.empty() ? "" : ",", id);
  }
  client.answer(200, fmt::format(R"({{"tokens":[{}]}})", ids));
}

void Engine::llama_completion(Connection& client, const JsonFields& fields) {
  if (!fields.has("prompt")) {
    answer_error(client, 400, "invalid_request_error", "[json.exception.out_of_range.403] key 'prompt' not found");
    return;
  }
  Job job;
  job.prompt = prompt_tokens(fields.raw("prompt"), options_.vocabulary);
  job.generate = fields.integer("n_predict", -1);
  job.cache_prompt = fields.flag("cache_prompt", true);
  job.ignore_eos = fields.flag("ignore_eos", false);
  const bool stream = fields.flag("stream", false);
  const bool return_tokens = stream || fields.flag("return_tokens", false);

  if (static_cast<int>(job.prompt.size()) >= options_.context) {
    answer_error(client, 400, "exceed_context_size_error",
                 fmt::format("request ({} tokens) exceeds the available context size ({} tokens), try increasing it",
                             job.prompt.size(), options_.context));
    return;
  }
  if (stream && !client.begin_stream("text/event-stream")) return;
  Tally tally;
  std::string content;
  const bool done = generate(job, tally, [&](std::int64_t index, std::string_view word) {
    content += word;
    if (!stream) return true;
    return client.chunk(
        fmt::format("data: {{\"index\":0,\"content\":\"{}\",\"tokens\":[{}],\"stop\":false,\"id_slot\":-1,"
                    "\"tokens_predicted\":{},\"tokens_evaluated\":{}}}\n\n",
                    word, return_tokens ? fmt::format("{}", 100 + index % 8) : "", index + 1, tally.prompt_total));
  });
  if (!done) return;
  if (!stream) {
    client.answer(200, final_of(options_, tally, content));
    return;
  }
  if (client.chunk(fmt::format("data: {}\n\n", final_of(options_, tally, "")))) client.end_stream();
}

}  // namespace nw::fake
