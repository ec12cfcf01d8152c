// A campaign starts programs, so nothing in it is guessed: an unknown key is an error, not a comment, because a
// misspelt `restarts` would silently measure something else. toml++ knows the line of every value; the messages say it.
#include "cli/campaign_file.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

// toml++ 3.3 asserts (or, with NDEBUG, assumes) what a broken file may violate, and reports it properly two lines
// later: without the assertion the report is reached.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expr) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include "base/text.h"
#include "os/file.h"
#include "wire/url.h"

namespace nw::cli {
namespace {

using model::BackendSpec;
using model::Campaign;

constexpr const char* kDocs = "docs/campaign.md describes every key";

// Reads one table; keeps the first error, after which every read is a no-op.
class Table {
 public:
  Table(const toml::table& table, std::string where, std::string file, std::optional<Error>& error)
      : table_(table), where_(std::move(where)), file_(std::move(file)), error_(error) {}

  void allow(std::initializer_list<std::string_view> keys) {
    for (const auto& [key, value] : table_) {
      if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
      std::vector<std::string_view> sorted(keys);
      fail(key.source().begin.line, fmt::format("unknown key \"{}\" in {}", printable(key.str()), where_),
           fmt::format("the keys of {} are {}", where_, fmt::join(sorted, ", ")));
      return;
    }
  }

  void text(std::string_view key, std::string& out) {
    with(key, [&](const toml::node& node) {
      const auto value = node.value_exact<std::string>();
      if (!value) return wrong_type(node, key, "a text in quotes");
      if (value->find('\0') != std::string::npos) return wrong_type(node, key, "a text without zero bytes");
      out = *value;
    });
  }

  void whole(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t& out) {
    with(key, [&](const toml::node& node) {
      const auto value = node.value_exact<std::int64_t>();
      if (!value || *value < low || *value > high) {
        return wrong_type(node, key, fmt::format("a whole number from {} to {}", low, high));
      }
      out = *value;
    });
  }

  void number(std::string_view key, double low, double high, double& out) {
    with(key, [&](const toml::node& node) {
      const auto value = node.is_string() ? std::nullopt : node.value<double>();
      if (!value || !(*value >= low && *value <= high)) {
        return wrong_type(node, key, fmt::format("a number from {} to {}", low, high));
      }
      out = *value;
    });
  }

  // "2%" or 0.02.
  void share(std::string_view key, double& out) {
    with(key, [&](const toml::node& node) {
      std::optional<double> value = node.is_string() ? std::nullopt : node.value<double>();
      if (const auto percent = node.value_exact<std::string>(); percent && percent->ends_with('%')) {
        value = parse_double(trim(std::string_view(*percent).substr(0, percent->size() - 1)));
        if (value) *value /= 100;
      }
      if (!value || !(*value > 0 && *value < 1)) return wrong_type(node, key, "a share like \"2%\"");
      out = *value;
    });
  }

  // A list, or a single value in place of a list of one.
  void wholes(std::string_view key, std::int64_t low, std::int64_t high, std::vector<std::int64_t>& out) {
    each(
        key,
        [&](const toml::node& node) {
          const auto value = node.value_exact<std::int64_t>();
          if (!value || *value < low || *value > high) {
            return wrong_type(node, key, fmt::format("a list of whole numbers from {} to {}", low, high));
          }
          if (std::find(out.begin(), out.end(), *value) == out.end()) out.push_back(*value);
        },
        [&] { out.clear(); });
  }

  void texts(std::string_view key, std::vector<std::string>& out) {
    each(
        key,
        [&](const toml::node& node) {
          const auto value = node.value_exact<std::string>();
          if (!value || value->find('\0') != std::string::npos)
            return wrong_type(node, key, "a list of texts in quotes");
          out.push_back(*value);
        },
        [&] { out.clear(); });
  }

  template <class E>
  void words(std::string_view key, std::optional<E> (*from)(std::string_view), std::string_view all,
             std::vector<E>& out) {
    each(
        key,
        [&](const toml::node& node) {
          const auto word = node.value_exact<std::string>();
          const auto value = word ? from(*word) : std::nullopt;
          if (!value) return wrong_type(node, key, fmt::format("a list of {}", all));
          if (std::find(out.begin(), out.end(), *value) == out.end()) out.push_back(*value);
        },
        [&] { out.clear(); });
  }

  void environment(std::string_view key, std::map<std::string, std::string>& out) {
    with(key, [&](const toml::node& node) {
      const auto* table = node.as_table();
      if (table == nullptr) return wrong_type(node, key, "a table like { NAME = \"value\" }");
      for (const auto& [name, value] : *table) {
        const auto text_value = value.value_exact<std::string>();
        if (text_value && (name.str().empty() || name.str().find('=') != std::string_view::npos)) {
          return wrong_type(value, fmt::format("{}.{}", key, printable(name.str())),
                            "called like a variable: not empty, and without =");
        }
        if (!text_value || name.str().empty() || name.str().find('=') != std::string_view::npos ||
            text_value->find('\0') != std::string::npos) {
          return wrong_type(value, fmt::format("{}.{}", key, printable(name.str())), "a text in quotes");
        }
        out[std::string(name.str())] = *text_value;
      }
    });
  }

  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }
  [[nodiscard]] unsigned line_of(std::string_view key) const {
    const auto* node = table_.get(key);
    return node == nullptr ? table_.source().begin.line : node->source().begin.line;
  }
  void fail(unsigned line, std::string message, std::string hint = kDocs) {
    if (!error_) error_ = usage_error(fmt::format("{}:{}: {}", file_, line, message), std::move(hint));
  }
  void wrong_type(const toml::node& node, std::string_view key, std::string_view wanted) {
    fail(node.source().begin.line, fmt::format("{} in {} must be {}", key, where_, wanted));
  }

 private:
  template <class F>
  void with(std::string_view key, F&& read) {
    if (const auto* node = table_.get(key); node != nullptr && !error_) read(*node);
  }
  template <class F, class G>
  void each(std::string_view key, F&& read, G&& begin) {
    with(key, [&](const toml::node& node) {
      begin();
      if (const auto* list = node.as_array()) {
        if (list->empty()) return wrong_type(node, key, "a list that is not empty");
        for (const auto& item : *list) read(item);
      } else {
        read(node);
      }
    });
  }

  const toml::table& table_;
  std::string where_, file_;
  std::optional<Error>& error_;
};

void read_rounds(Table table, model::Rounds& rounds) {
  table.allow({"order", "restarts", "target", "idle_states", "idle_window_s", "seed"});
  table.words("order", &model::round_from, "fit, throughput, idle, energy", rounds.order);
  std::int64_t restarts = rounds.restarts;
  table.whole("restarts", 1, 1000, restarts);
  rounds.restarts = static_cast<int>(restarts);
  table.share("target", rounds.target);
  table.words("idle_states", &model::state_from, model::state_names(), rounds.idle_states);
  table.number("idle_window_s", 2, 86'400, rounds.idle_window_s);
  auto seed = static_cast<std::int64_t>(rounds.seed);
  table.whole("seed", 0, INT64_MAX, seed);
  rounds.seed = static_cast<std::uint64_t>(seed);
}

void read_workload(Table table, model::Workload& workload) {
  constexpr std::int64_t kMostTokens = 10'000'000;
  table.allow({"prompt", "generate", "depth", "concurrency"});
  table.wholes("prompt", 1, kMostTokens, workload.prompt);
  table.wholes("generate", 2, kMostTokens, workload.generate);
  table.wholes("depth", 0, kMostTokens, workload.depth);
  table.wholes("concurrency", 1, 1, workload.concurrency);
}

void check_backend(Table& table, const BackendSpec& spec) {
  const bool started = table.has("command");
  const auto line = table.line_of("name");
  const auto name = printable(spec.name);
  if (spec.name.empty()) return table.fail(line, "a backend has no name", "give it one: name = \"llama.cpp Vulkan\"");
  if (!table.has("engine")) {
    return table.fail(line, fmt::format("backend \"{}\" has no engine", name),
                      fmt::format("say engine = one of {}", model::engine_names()));
  }
  if (started == table.has("url")) {
    return table.fail(line, fmt::format("backend \"{}\" needs either `command` or `url`", name),
                      "command: nightwatt starts and stops the server; url: it attaches to one that runs");
  }
  if (started) {
    if (spec.command.empty() || spec.command.front().empty()) {
      return table.fail(table.line_of("command"), fmt::format("the command of backend \"{}\" is empty", name));
    }
    const bool names_port = std::any_of(spec.command.begin(), spec.command.end(),
                                        [](const auto& part) { return part.find("{port}") != std::string::npos; });
    if (!names_port && spec.port == 0) {
      return table.fail(table.line_of("command"), fmt::format("nightwatt cannot know the port of backend \"{}\"", name),
                        "write {port} where the command takes its port, or say port = 8080");
    }
    if (table.has("process")) {
      return table.fail(table.line_of("process"),
                        fmt::format("`process` of backend \"{}\" is only for a server with a `url`", name));
    }
  } else if (const auto url = wire::parse_url(spec.url); !url) {
    return table.fail(table.line_of("url"), url.error().message, url.error().hint);
  }
}

BackendSpec read_backend(Table table, std::optional<Error>& error) {
  BackendSpec spec;
  table.allow(
      {"name", "engine", "command", "env", "url", "model", "process", "api_key_env", "port", "ready_timeout_s"});
  table.text("name", spec.name);
  std::string engine = "llama-server";
  table.text("engine", engine);
  if (const auto known = model::engine_from(engine)) {
    spec.engine = *known;
  } else {
    table.fail(table.line_of("engine"), fmt::format("unknown engine \"{}\"", printable(engine)),
               fmt::format("the engines are {}", model::engine_names()));
  }
  table.texts("command", spec.command);
  table.environment("env", spec.env);
  table.text("url", spec.url);
  table.text("model", spec.model);
  table.text("process", spec.process);
  table.text("api_key_env", spec.api_key_env);
  std::int64_t port = 0;
  table.whole("port", 1, 65'535, port);
  spec.port = static_cast<int>(port);
  table.number("ready_timeout_s", 0.1, 86'400, spec.ready_timeout_s);
  if (!error) check_backend(table, spec);
  return spec;
}

void check_whole(const Campaign& campaign, Table& table) {
  if (campaign.backends.empty()) {
    return table.fail(1, "the campaign has no [[backend]]", "nightwatt init writes one from the engines found here");
  }
  std::set<std::string> names;
  for (const auto& spec : campaign.backends) {
    if (!names.insert(spec.name).second) {
      return table.fail(1, fmt::format("two backends are called \"{}\"", printable(spec.name)), "rename one of them");
    }
    const bool wants_model = std::any_of(spec.command.begin(), spec.command.end(),
                                         [](const auto& part) { return part.find("{model}") != std::string::npos; });
    if (wants_model && campaign.model.empty() && spec.model.empty()) {
      return table.fail(1, fmt::format("backend \"{}\" wants a {{model}}, but the campaign names none", spec.name),
                        "say model = \"path/to/file.gguf\" at the top");
    }
  }
}

}  // namespace

Result<Campaign> parse_campaign(const std::string& text, const std::string& path) {
  // toml++ goes down one call per part of a dotted key and per bracket: a file that is made for it ends the stack.
  constexpr std::ptrdiff_t kMostNested = 500;
  for (const auto line : split(text, '\n')) {
    const auto nested =
        std::count_if(line.begin(), line.end(), [](char c) { return c == '.' || c == '[' || c == '{'; });
    if (nested > kMostNested) return usage_error(fmt::format("{}: a line is nested too deeply", path), kDocs);
  }
  const auto parsed = toml::parse(text, path);
  if (!parsed) {
    return usage_error(fmt::format("{}:{}: this is not TOML: {}", path, parsed.error().source().begin.line,
                                   printable(parsed.error().description())),
                       kDocs);
  }
  Campaign campaign;
  campaign.path = path;
  campaign.text = text;
  std::optional<Error> error;
  const toml::table& root = parsed.table();
  Table top(root, "the campaign", path, error);
  top.allow({"model", "rounds", "workload", "backend", "meter"});
  top.text("model", campaign.model);
  for (const auto& [key, read] : std::initializer_list<std::pair<const char*, void (*)(Table, Campaign&)>>{
           {"rounds", [](Table t, Campaign& c) { read_rounds(std::move(t), c.rounds); }},
           {"workload", [](Table t, Campaign& c) { read_workload(std::move(t), c.workload); }}}) {
    const auto* node = root.get(key);
    if (node == nullptr) continue;
    if (const auto* table = node->as_table()) {
      read(Table(*table, fmt::format("[{}]", key), path, error), campaign);
    } else {
      top.wrong_type(*node, key, fmt::format("a table: [{}]", key));
    }
  }
  if (const auto* node = root.get("backend")) {
    const auto* list = node->as_array();
    if (list == nullptr || !list->is_array_of_tables()) {
      top.wrong_type(*node, "backend", "a list of tables: [[backend]]");
    } else {
      for (const auto& item : *list) {
        campaign.backends.push_back(read_backend(Table(*item.as_table(), "[[backend]]", path, error), error));
      }
    }
  }
  if (!error) check_whole(campaign, top);
  if (error) return *error;
  return campaign;
}

Result<Campaign> load_campaign(const std::string& path) {
  constexpr std::size_t kMostBytes = 1 << 20;
  const auto text = os::read_file(path, kMostBytes + 1);
  if (text && text->size() > kMostBytes) {
    return usage_error(fmt::format("{} is too large for a campaign", path), "a campaign is a TOML file of some lines");
  }
  if (!text) {
    return usage_error(text.error().message, "nightwatt init writes a campaign from the engines found here");
  }
  if (const auto why = os::writable_by_others(path)) {
    return usage_error(fmt::format("the campaign {} {}, and a campaign starts programs", path, *why),
                       fmt::format("look through it, then: chmod go-w {}", path));
  }
  return parse_campaign(*text, path);
}

}  // namespace nw::cli
