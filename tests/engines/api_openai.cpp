// The OpenAI completions API as self-hosted engines serve it: text in, text out; the counters come in a last chunk of
// their own, without choices, and only if stream_options.include_usage asked for it. There are no times in it: who
// wants a speed takes the client's clock. Also under /api/v1, where Lemonade has it.

#include <fmt/core.h>

#include "engine.h"

namespace nw::fake {
namespace {

constexpr std::string_view kApiPrefix = "/api";

std::string usage_of(const Tally& t) {
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},)"
                     R"("prompt_tokens_details":{{"cached_tokens":{}}}}})",
                     t.prompt_total, t.generated, t.prompt_total + t.generated, t.cached);
}

// One choice; `text` is escaped already.
std::string choice_of(bool chat, bool stream, std::string_view text, std::string_view finish_reason) {
  const std::string finish = finish_reason.empty() ? "null" : fmt::format("\"{}\"", finish_reason);
  if (!chat) return fmt::format(R"({{"index":0,"text":"{}","logprobs":null,"finish_reason":{}}})", text, finish);
  return fmt::format(R"({{"index":0,"{}":{{"role":"assistant","content":"{}"}},"finish_reason":{}}})",
                     stream ? "delta" : "message", text, finish);
}

std::string envelope(bool chat, bool stream, std::string_view model, std::string_view choices, std::string_view usage) {
  const std::string_view object = !chat ? "text_completion" : stream ? "chat.completion.chunk" : "chat.completion";
  return fmt::format(
      R"({{"id":"cmpl-fake","object":"{}","created":1700000000,"model":"{}","choices":[{}],"usage":{}}})", object,
      json_escaped(model), choices, usage.empty() ? "null" : usage);
}

}  // namespace

void Engine::handle_openai(Connection& client, const HttpRequest& request) {
  std::string_view path = request.path;
  if (path.substr(0, kApiPrefix.size()) == kApiPrefix) path.remove_prefix(kApiPrefix.size());
  const bool is_post = request.method == "POST";
  if (path == "/health" || path == "/v1/health") {
    client.answer(200, R"({"status":"ok"})");
  } else if (path == "/v1/models") {
    client.answer(200, fmt::format(R"({{"object":"list","data":[{{"id":"{}","object":"model","created":1700000000,)"
                                   R"("owned_by":"fake"}}]}})",
                                   json_escaped(options_.name())));
  } else if (is_post && path == "/v1/completions") {
    openai_completion(client, fields_of(request), false);
  } else if (is_post && path == "/v1/chat/completions") {
    openai_completion(client, fields_of(request), true);
  } else {
    answer_error(client, 404, "not_found_error", "Not Found");
  }
}

void Engine::openai_completion(Connection& client, const JsonFields& fields, bool chat) {
  Job job;
  // Of a chat, every word of the messages' JSON counts: its keys stand for the template's tokens.
  const std::string_view prompt = fields.raw(chat ? "messages" : "prompt");
  if (prompt.empty()) {
    answer_error(client, 400, "invalid_request_error", chat ? "'messages' is required" : "'prompt' is required");
    return;
  }
  job.prompt = prompt_tokens(chat ? fmt::format("\"{}\"", json_escaped(prompt)) : prompt, options_.vocabulary);
  job.generate = fields.integer("max_tokens", fields.integer("max_completion_tokens", -1));
  job.ignore_eos = fields.flag("ignore_eos", false);
  job.cache_prompt = fields.flag("cache_prompt", true);
  const bool stream = fields.flag("stream", false);
  const bool include_usage = fields.object("stream_options").flag("include_usage", false);

  if (stream && !client.begin_stream("text/event-stream")) return;
  const auto send = [&](std::string_view choices, std::string_view usage) {
    return client.chunk(fmt::format("data: {}\n\n", envelope(chat, true, options_.name(), choices, usage)));
  };
  Tally tally;
  std::string content;
  const bool done = generate(job, tally, [&](std::int64_t, std::string_view word) {
    content += word;
    return !stream || send(choice_of(chat, true, word, ""), "");
  });
  if (!done) return;
  const std::string_view finish = tally.by_limit ? "length" : "stop";
  if (!stream) {
    client.answer(200,
                  envelope(chat, false, options_.name(), choice_of(chat, false, content, finish), usage_of(tally)));
    return;
  }
  if (!send(choice_of(chat, true, "", finish), "")) return;
  if (include_usage && !send("", usage_of(tally))) return;
  if (client.chunk("data: [DONE]\n\n")) client.end_stream();
}

}  // namespace nw::fake
