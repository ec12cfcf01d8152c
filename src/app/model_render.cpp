// ModelInfo as text and as JSON. The keys of the JSON are those of the `model` object in a report.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/model_commands.h"
#include "base/text.h"

namespace nw::app {
namespace {

namespace json = boost::json;

std::string human_count(std::uint64_t count) {
  const auto number = static_cast<double>(count);
  if (number >= 1e9) return fmt::format("{:.2f} billion", number / 1e9);
  if (number >= 1e6) return fmt::format("{:.2f} million", number / 1e6);
  return fmt::format("{}", count);
}

void add_line(std::string& out, std::string_view key, std::string_view value) {
  out += fmt::format("{:<13}{}\n", key, value);
}

void add_count(std::string& out, std::string_view key, const std::optional<std::uint64_t>& count,
               std::string_view unit = {}) {
  if (count) add_line(out, key, fmt::format("{}{}", *count, unit));
}

std::string tensors_line(const ModelInfo& info) {
  std::string line = fmt::format("{}", info.tensors);
  std::string_view separator = ": ";
  for (const TensorTypeUse& use : info.types) {
    line += fmt::format("{}{} {} ({})", separator, use.tensors, use.type, human_bytes(use.bytes));
    separator = ", ";
  }
  return line;
}

json::value maybe(const std::optional<std::uint64_t>& number) { return number ? json::value(*number) : json::value(); }
json::value maybe(const std::optional<std::string>& text) {
  return text ? json::value(printable(*text)) : json::value();
}

}  // namespace

std::string to_text(const ModelInfo& info) {
  std::string out;
  add_line(out, "file", printable(info.path.string()));
  add_line(out, "size", fmt::format("{} ({} bytes)", human_bytes(info.bytes), info.bytes));
  if (info.name) add_line(out, "name", printable(*info.name));
  if (info.synthetic) {
    const std::string seed = info.seed ? fmt::format(", seed {}", *info.seed) : std::string();
    add_line(
        out, "label",
        fmt::format("synthetic (random weights{}): speed and memory like the real one's, energy less surely", seed));
  }
  add_line(out, "architecture", printable(info.architecture));
  if (info.quantisation) add_line(out, "quantisation", *info.quantisation);
  add_line(out, "parameters", human_count(info.parameters));
  add_count(out, "layers", info.layers);
  add_count(out, "width", info.width);
  if (info.heads) {
    const std::string kv = info.kv_heads ? fmt::format(", {} for keys and values", *info.kv_heads) : std::string();
    add_line(out, "heads", fmt::format("{}{}", *info.heads, kv));
  }
  if (info.experts && *info.experts > 0) {
    const std::string used = info.experts_used ? fmt::format(", {} per token", *info.experts_used) : std::string();
    add_line(out, "experts", fmt::format("{}{}", *info.experts, used));
  }
  add_count(out, "vocabulary", info.vocab, " tokens");
  add_count(out, "context", info.context, " tokens");
  add_line(out, "tensors", tensors_line(info));
  if (info.parts) add_line(out, "parts", fmt::format("{}; this is one of them", *info.parts));
  if (info.sha256) add_line(out, "sha256", *info.sha256);
  return out;
}

std::string to_json(const ModelInfo& info) {
  json::array types;
  for (const TensorTypeUse& use : info.types) {
    types.push_back(json::object{{"type", use.type}, {"tensors", use.tensors}, {"bytes", use.bytes}});
  }
  const json::object object{
      {"schema", 1},
      {"path", printable(info.path.string())},
      {"bytes", info.bytes},
      {"arch", printable(info.architecture)},
      {"name", maybe(info.name)},
      {"quant", maybe(info.quantisation)},
      {"synthetic", info.synthetic},
      {"seed", maybe(info.seed)},
      {"parameters", info.parameters},
      {"layers", maybe(info.layers)},
      {"width", maybe(info.width)},
      {"heads", maybe(info.heads)},
      {"kv_heads", maybe(info.kv_heads)},
      {"experts", maybe(info.experts)},
      {"experts_used", maybe(info.experts_used)},
      {"vocab", maybe(info.vocab)},
      {"context", maybe(info.context)},
      {"tensors", info.tensors},
      {"types", std::move(types)},
      {"parts", maybe(info.parts)},
      {"sha256", maybe(info.sha256)},
  };
  return json::serialize(object) + '\n';
}

}  // namespace nw::app
