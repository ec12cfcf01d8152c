#include "wire/ollama_api.h"

#include <fmt/format.h>

#include "answer_read.h"

namespace nw::wire {

std::string ollama_generate_body(const OllamaGenerate& request) {
  // temperature 0 takes the most likely token. There is no option to ignore the end-of-text token; an answer that ends
  // early shows as a deviation of eval_count.
  return fmt::format(
      "{{\"model\":{},\"prompt\":{},\"raw\":true,\"stream\":true,"
      "\"options\":{{\"num_predict\":{},\"temperature\":0,\"seed\":{}}}}}",
      json_quote(request.model), json_quote(request.prompt), request.num_predict, request.seed);
}

std::string ollama_unload_body(std::string_view model) {
  return fmt::format("{{\"model\":{},\"keep_alive\":0}}", json_quote(model));
}

std::string ollama_show_body(std::string_view model) { return fmt::format("{{\"model\":{}}}", json_quote(model)); }

Result<AnswerChunk> parse_ollama_chunk(std::string_view json) {
  NW_TRY(const JsonDocument document, parse_message(json));
  const JsonRef root = document.root();
  AnswerChunk chunk;
  chunk.error = error_of(root);
  if (chunk.error) return chunk;
  chunk.finished = root["done"].boolean().value_or(false);
  chunk.content = root["response"].text().value_or("");
  chunk.has_content = !chunk.content.empty();
  chunk.reasoning = root["thinking"].text().value_or("");
  chunk.has_reasoning = !chunk.reasoning.empty();
  if (!chunk.finished) return chunk;
  chunk.counters.prompt_tokens = positive(root["prompt_eval_count"]);
  chunk.counters.generated_tokens = positive(root["eval_count"]);
  chunk.counters.prompt_s = duration_s(root["prompt_eval_duration"], 1e-9);
  chunk.counters.generate_s = duration_s(root["eval_duration"], 1e-9);
  return chunk;
}

Result<std::string> parse_ollama_version(std::string_view json) {
  NW_TRY(const JsonDocument document, JsonDocument::parse(json));
  const auto version = document.root()["version"].text();
  if (!version) return failed_error("the answer has no \"version\"");
  return std::string(*version);
}

Result<std::map<std::string, std::string>> parse_ollama_show(std::string_view json) {
  NW_TRY(const JsonDocument document, JsonDocument::parse(json));
  const JsonRef root = document.root();
  std::map<std::string, std::string> facts;
  for (const std::string_view key : {"family", "parameter_size", "quantization_level"}) {
    if (const auto text = root["details"][key].text()) facts.emplace(key, *text);
  }
  const auto family = root["model_info"]["general.architecture"].text();
  if (family) {
    const auto context = root["model_info"][fmt::format("{}.context_length", *family)].integer();
    if (context) facts.emplace("context_length", fmt::to_string(*context));
  }
  return facts;
}

Result<std::string> parse_ollama_first_model(std::string_view json) {
  NW_TRY(const JsonDocument document, JsonDocument::parse(json));
  const auto name = document.root()["models"].at(0)["name"].text();
  return std::string(name.value_or(""));
}

}  // namespace nw::wire
