// The shape of the JSON. Read back with a small parser of its own: the schema is checked as a reader sees it, not as
// the writer's library holds it.
#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "report/render.h"
#include "unit/report/sample_run.h"

namespace nw::report {
namespace {

struct Json {
  enum class Kind { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  double number = 0;
  std::string text;                // of a string, escapes undone except \u
  std::vector<Json> items;         // of an array, or the values of an object
  std::vector<std::string> names;  // of an object

  [[nodiscard]] const Json* find(std::string_view key) const {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == key) return &items[i];
    }
    return nullptr;
  }
  // By a path like "verdict.amortised.0.backend"; fails the test where it does not exist.
  [[nodiscard]] const Json& at(std::string_view path) const {
    static const Json kNothing;
    const Json* value = this;
    for (const auto part : split(path, '.')) {
      const auto index = parse_int(part);
      const auto place = static_cast<std::size_t>(index.value_or(0));
      const Json* next = index ? (place < value->items.size() ? &value->items[place] : nullptr) : value->find(part);
      if (!next) {
        ADD_FAILURE() << "no " << path;
        return kNothing;
      }
      value = next;
    }
    return *value;
  }
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}
  Json whole() {
    Json value = next();
    space();
    EXPECT_EQ(at_, text_.size()) << "something follows";
    return value;
  }

 private:
  void space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) ADD_FAILURE() << "no " << c << " at " << at_, at_ = text_.size();
  }
  bool word(std::string_view w) {
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }
  std::string string() {
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      EXPECT_GE(static_cast<unsigned char>(text_[at_]), 0x20) << "a raw control character";
      if (text_[at_] == '\\') ++at_;
      out += text_[at_++];
    }
    expect('"');
    return out;
  }
  Json next() {
    Json value;
    space();
    if (take('{')) {
      value.kind = Json::Kind::object;
      while (at_ < text_.size() && !take('}')) {
        expect('"');
        std::string key = string();
        expect(':');
        EXPECT_EQ(value.find(key), nullptr) << "twice: " << key;
        value.names.push_back(key);
        value.items.push_back(next());
        take(',');
      }
    } else if (take('[')) {
      value.kind = Json::Kind::array;
      while (at_ < text_.size() && !take(']')) value.items.push_back(next()), take(',');
    } else if (take('"')) {
      value.kind = Json::Kind::string;
      value.text = string();
    } else if (word("true") || word("false")) {
      value.kind = Json::Kind::boolean;
    } else if (!word("null")) {
      const std::size_t end = std::min(text_.find_first_of(",]} \n", at_), text_.size());
      const auto number = parse_double(text_.substr(at_, end - at_));
      EXPECT_TRUE(number) << text_.substr(at_, 20);
      value.kind = Json::Kind::number;
      value.number = number.value_or(0);
      at_ = end;
    }
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Json parsed(const Report& report) { return Parser(to_json(report)).whole(); }

// Whatever is null says why beside it, and a reason without a null is a leftover.
void expect_reasons(const Json& value, const std::string& path) {
  for (std::size_t i = 0; i < value.names.size(); ++i) {
    const std::string& key = value.names[i];
    const Json& member = value.items[i];
    const std::string here = path + "." + key;
    const Json* reason = value.find(key + "_reason");
    if (member.kind == Json::Kind::null) {
      ASSERT_TRUE(reason) << here;
      EXPECT_EQ(reason->kind, Json::Kind::string) << here;
      EXPECT_FALSE(reason->text.empty()) << here;
    } else {
      EXPECT_FALSE(reason) << here << " has a value and a reason";
    }
    expect_reasons(member, here);
  }
  if (value.kind != Json::Kind::array) return;
  for (const Json& item : value.items) {
    EXPECT_NE(item.kind, Json::Kind::null) << path;
    expect_reasons(item, path + "[]");
  }
}

model::Run three_backends() {
  auto run = test::run_of({{.name = "quiet"}, {.name = "spins", .idle_cores = 1}, {.name = "gpu", .compute = "gpu"}});
  run.model.synthetic = true;
  return run;
}

void expect_keys(const Json& value, std::string_view path, std::string_view keys) {
  const Json& object = path.empty() ? value : value.at(path);
  for (const auto key : split(keys, ' ')) EXPECT_TRUE(object.find(key)) << path << " has no " << key;
}

// Every key that cli.md of the frame names, and those that were added since.
TEST(Json, HasEveryKeyOfTheSchema) {
  const Json json = parsed(make_report(three_backends()));
  expect_keys(json, "", "schema tool run_id started_at complete stop_reason machine model self backends verdict");
  expect_keys(json, "tool", "version commit");
  expect_keys(json, "machine", "id boot_id os kernel arch cpu cpus cpu_limit memory_bytes governor wsl");
  expect_keys(json, "model", "path sha256 arch quant bytes synthetic");
  expect_keys(json, "self", "cpu_s wall_s window_cpu_s window_s");
  const std::string b = "backends.1";
  expect_keys(json, b, "name engine labels valid reasons notes throughput idle spin memory energy");
  expect_keys(json, b + ".throughput.0",
              "test concurrency synthetic tokens_per_s ttft_ms itl_ms restarts discarded_warmup");
  expect_keys(json, b + ".throughput.0.tokens_per_s", "mean ci95 sd n");
  expect_keys(json, b + ".throughput.0.ttft_ms", "p50 p50_ci95 p90 p90_ci95 p99 p99_ci95 n");
  expect_keys(json, b + ".throughput.1.itl_ms", "p50 p50_ci95 p90 p90_ci95 p99 p99_ci95 n");
  expect_keys(json, b + ".idle", "absent loaded_unused loaded_idle loaded_idle_late frozen");
  expect_keys(json, b + ".idle.loaded_idle", "synthetic cores cores_resolution wakeups_per_s watts grade window_s");
  expect_keys(json, b + ".idle.loaded_idle.cores", "mean ci95 sd n");
  expect_keys(json, b + ".idle.loaded_idle.wakeups_per_s", "mean ci95 sd n");
  expect_keys(json, b + ".spin.0", "pid tid cores class library function cause_id cures confidence comm");
  expect_keys(json, b + ".memory.0", "pool bytes");
  expect_keys(json, b + ".energy", "prefill decode idle_premium_w");
  for (const auto* phase : {".energy.prefill", ".energy.decode"}) {
    expect_keys(json, b + phase, "marginal_j_per_token incremental_j_per_token grade coverage");
  }
}

TEST(Json, HasEveryKeyOfTheVerdict) {
  const Json json = parsed(make_report(three_backends()));
  expect_keys(json, "verdict",
              "synthetic workload amortised answer backend text crossovers loads ratios idle_differences assumptions");
  expect_keys(json, "verdict.workload", "tokens_per_day duty trace");
  expect_keys(json, "verdict.amortised.0", "backend core_h_per_day kwh_per_day j_per_token");
  expect_keys(json, "verdict.amortised.0.core_h_per_day", "mean ci95");
  expect_keys(json, "verdict.crossovers.0", "a b tokens_per_day ci95");
  expect_keys(json, "verdict.ratios.0", "a b test ratio beyond_noise");
  expect_keys(json, "verdict.ratios.0.ratio", "mean ci95 n");
  expect_keys(json, "verdict.idle_differences.0", "a b cores beyond_noise");
  expect_keys(json, "verdict.idle_differences.0.cores", "mean ci95");
  expect_keys(json, "verdict.assumptions.0", "text grade");
  EXPECT_EQ(json.at("verdict.ratios").items.size(), 6U) << "three pairs, two tests";
  EXPECT_EQ(json.at("verdict.idle_differences").items.size(), 3U);
  EXPECT_EQ(json.at("verdict.crossovers").items.size(), 3U);
}

TEST(Json, WhatIsNullSaysWhy) {
  expect_reasons(parsed(make_report(three_backends())), "polling");
  expect_reasons(parsed(make_report(three_backends(), {1e9, std::nullopt, 5})), "too many tokens");
  expect_reasons(parsed(make_report(three_backends(), {std::nullopt, 0.5, std::nullopt})), "duty");
  expect_reasons(parsed(make_report(model::Run{})), "empty");
  expect_reasons(parsed(make_report(test::run_of({{.name = "a"}, {.name = "b"}}, 1))), "one repeat");
  model::Run run = three_backends();
  for (int i = 0; i < 3; ++i) test::invalidate(run, i, model::Reason::clock_step);
  expect_reasons(parsed(make_report(run)), "nothing valid");
}

TEST(Json, NothingValidIsNullAndUnknown) {
  model::Run run = test::polling_run();
  for (int i = 0; i < 2; ++i) test::invalidate(run, i, model::Reason::clock_step);
  const Json json = parsed(make_report(run));
  EXPECT_EQ(json.at("backends.0.reasons.0").text, "clock_step");
  EXPECT_EQ(json.at("backends.0.throughput.0.tokens_per_s").kind, Json::Kind::null);
  EXPECT_EQ(json.at("backends.0.idle.loaded_idle.cores").kind, Json::Kind::null);
  EXPECT_EQ(json.at("backends.0.idle.loaded_idle.invalid_windows").number, 4);
  EXPECT_EQ(json.at("verdict.answer").text, "unknown");
  EXPECT_EQ(json.at("verdict.backend").kind, Json::Kind::null);
}

TEST(Json, Figures) {
  const Json json = parsed(make_report(test::polling_run()));
  EXPECT_EQ(json.at("schema").number, 1);
  EXPECT_NEAR(json.at("backends.1.idle.loaded_idle.cores.mean").number, 1, 0.02);
  EXPECT_EQ(json.at("backends.1.idle.loaded_idle.cores.n").number, 4);
  EXPECT_LT(json.at("backends.1.idle.loaded_idle.cores.ci95.0").number, 1);
  EXPECT_GT(json.at("backends.1.idle.loaded_idle.cores.ci95.1").number, 1);
  EXPECT_EQ(json.at("backends.1.idle.loaded_idle.watts_reason").text, "no power meter");
  EXPECT_EQ(json.at("backends.1.memory.0.pool").text, "host_rss");
  EXPECT_EQ(json.at("backends.1.memory.0.bytes").number, 1e8);
  EXPECT_EQ(json.at("backends.1.spin.0.class").text, "unknown");
  EXPECT_EQ(json.at("verdict.answer").text, "run");
  EXPECT_EQ(json.at("verdict.backend").text, "llama.cpp CPU");
  EXPECT_EQ(json.at("verdict.workload.tokens_per_day").number, 10'000);
}

TEST(Json, AssumedWattsAreOfGradeD) {
  const Json json = parsed(make_report(test::polling_run(), {std::nullopt, std::nullopt, 10}));
  EXPECT_EQ(json.at("verdict.amortised.0.grade").text, "D");
  EXPECT_GT(json.at("verdict.amortised.0.kwh_per_day.mean").number, 0);
  EXPECT_GT(json.at("verdict.amortised.0.j_per_token.mean").number, 0);
}

TEST(Json, HostileStringsStayStrings) {
  model::Run run = test::polling_run();
  const std::string evil = std::string("\x1b[31m\"},{\"x\\\n\0\x9b\xff\xc3\x28", 18);
  run.backends[0].spec.name = evil;
  run.backends[0].labels[evil] = evil;
  run.backends[0].notes = {evil};
  run.model.path = evil;
  run.stop_reason = evil;
  const std::string text = to_json(make_report(run));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\xff'), std::string::npos) << "valid UTF-8";
  const Json json = parsed(make_report(run));
  EXPECT_EQ(json.at("backends").items.size(), 2U);
  expect_reasons(json, "hostile");
  EXPECT_EQ(json.at("verdict.backend").text, json.at("backends.0.name").text);
}

TEST(Json, IsTheSameEveryTime) {
  EXPECT_EQ(to_json(make_report(three_backends())), to_json(make_report(three_backends())));
}

}  // namespace
}  // namespace nw::report
