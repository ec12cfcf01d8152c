#include "wire/answer.h"

#include "answer_read.h"
#include "base/text.h"

namespace nw::wire {

void merge(model::AnswerCounters& into, const model::AnswerCounters& from) {
  const auto take = [](auto& target, const auto& source) {
    if (source) target = source;
  };
  take(into.prompt_tokens, from.prompt_tokens);
  take(into.cached_tokens, from.cached_tokens);
  take(into.generated_tokens, from.generated_tokens);
  take(into.prompt_s, from.prompt_s);
  take(into.generate_s, from.generate_s);
}

std::string error_text(std::string_view body) {
  constexpr std::size_t kShown = 300;
  std::string_view sentence = trim(body);
  const auto document = JsonDocument::parse(sentence);
  if (document) {
    const JsonRef root = document->root();
    for (const JsonRef candidate : {root["error"]["message"], root["error"], root["message"], root["detail"], root}) {
      if (const auto text = candidate.text()) {
        sentence = *text;
        break;
      }
    }
  }
  std::string shown = printable(sentence.substr(0, kShown));
  if (sentence.size() > kShown) shown += "…";
  return shown;
}

Result<JsonDocument> parse_message(std::string_view json) {
  auto document = JsonDocument::parse(json);
  if (!document) return std::move(document).error().within("a message of the answer cannot be read");
  if (!document->root().is_object()) return failed_error("a message of the answer is not a JSON object");
  return document;
}

std::optional<std::string> error_of(JsonRef message) {
  const JsonRef error = message["error"];
  if (!error.exists() || error.is_null()) return std::nullopt;
  if (const auto text = error.text()) return std::string(*text);
  if (const auto text = error["message"].text()) return std::string(*text);
  return "the engine reports an error without a text";
}

void take_timings(JsonRef timings, model::AnswerCounters& counters) {
  if (!timings.is_object()) return;
  const auto evaluated = not_negative(timings["prompt_n"]);
  const auto cached = not_negative(timings["cache_n"]);
  if (cached) counters.cached_tokens = cached;
  if (evaluated && cached) counters.prompt_tokens = *evaluated + *cached;
  if (const auto generated = positive(timings["predicted_n"])) counters.generated_tokens = generated;
  if (const auto time = duration_s(timings["prompt_ms"], 1e-3)) counters.prompt_s = time;
  if (const auto time = duration_s(timings["predicted_ms"], 1e-3)) counters.generate_s = time;
}

}  // namespace nw::wire
