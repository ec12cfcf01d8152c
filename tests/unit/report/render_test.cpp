#include "report/render.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"
#include "unit/report/sample_run.h"

namespace nw::report {
namespace {

using model::Reason;
using test::polling_run;
using test::run_of;

// Compares with tests/golden/NAME. With NW_UPDATE_GOLDEN set in the environment the file is written instead.
void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(NW_SOURCE_DIR) + "/tests/golden/" + name;
  if (std::getenv("NW_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

// Code points of the line; the texts below have no wide characters.
std::size_t columns_of(std::string_view line) {
  std::size_t columns = 0;
  for (const char c : line) columns += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  return columns;
}

void expect_fits(const std::string& text, std::size_t width) {
  ASSERT_FALSE(text.empty());
  EXPECT_EQ(text.back(), '\n');
  for (const auto line : split(text, '\n')) EXPECT_LE(columns_of(line), width) << line;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// All at once: synthetic, incomplete, an attached backend, one that fails, a GPU, states that are missing.
model::Run hard_run() {
  model::Run run =
      run_of({{.name = "llama.cpp CPU"},
              {.name = "llama.cpp with a name that is far too long for a column of the table", .idle_cores = 1},
              {.name = "Ollama", .idle_cores = 0.3, .compute = "gpu"},
              {.name = "broken"}});
  run.model.synthetic = true;
  run.complete = false;
  run.stop_reason = "interrupted";
  run.campaign.rounds.idle_states.push_back(model::State::frozen);
  run.backends[0].notes = {"frozen: not available in this version"};
  run.backends[2].spec.url = "http://127.0.0.1:11434";
  run.backends[2].notes = {"absent, loaded_unused: needs --may-restart"};
  test::invalidate(run, 2, Reason::not_restarted);
  run.restarts.pop_back();
  for (model::Restart& restart : run.restarts) {
    if (restart.backend != 3) continue;
    restart.trials.clear();
    restart.status = model::RestartStatus::failed;
    restart.message = "the server ended with status 1; its last line was: error loading model";
  }
  auto& trial = run.restarts[4].trials.back();
  trial.reasons = {Reason::sampling_gap};
  return run;
}

TEST(Text, Polling) {
  const Report report = make_report(polling_run());
  expect_golden("report_polling.txt", to_text(report));
  expect_golden("verdict_polling.txt", verdict_text(report));
}

TEST(Text, Hard) {
  const Report report = make_report(hard_run(), {20'000, std::nullopt, 7.5});
  expect_golden("report_hard.txt", to_text(report));
  expect_golden("verdict_hard.txt", verdict_text(report));
}

TEST(Text, Tie) {
  const Report report = make_report(run_of({{.name = "a"}, {.name = "b"}}), {std::nullopt, 0.25, std::nullopt});
  expect_golden("verdict_tie.txt", verdict_text(report));
}

TEST(Text, FasterButDearer) {
  const Report report = make_report(
      run_of({{.name = "quiet"}, {.name = "fast", .idle_cores = 1, .prompt_rate = 390, .output_rate = 35.2}}));
  EXPECT_TRUE(has(verdict_text(report, 500), "\"fast\" is faster (pp64 1.52 times, tg16 1.10 times) but costs more."));
}

TEST(Text, WhatHoldsAmongTheCpuOnesSpeaksOfThemAlone) {
  const Report report = make_report(run_of(
      {{.name = "quiet"}, {.name = "spins", .idle_cores = 1}, {.name = "gpu", .idle_cores = 2, .compute = "gpu"}}));
  const std::string text = verdict_text(report, 2000);
  const auto from = text.find("Among those"), to = text.find("Core-hours a day");
  ASSERT_LT(from, to);
  EXPECT_TRUE(has(text.substr(from, to - from), "\"spins\""));
  EXPECT_FALSE(has(text.substr(from, to - from), "\"gpu\""));
  EXPECT_TRUE(has(text, "(its CPU part only)"));
}

TEST(Text, WhatEveryBackendNotesIsSaidOnce) {
  model::Run run = polling_run();
  for (auto& backend : run.backends) backend.notes = {"round energy: skipped"};
  run.backends[0].notes.emplace_back("frozen: skipped");
  const std::string text = to_text(make_report(run));
  EXPECT_TRUE(has(text, "\n  round energy: skipped\n"));
  EXPECT_EQ(text.find("round energy"), text.rfind("round energy"));
  EXPECT_TRUE(has(text, "\n  llama.cpp CPU: frozen: skipped\n"));
}

TEST(Text, NoMinusBeforeAZero) {
  EXPECT_FALSE(has(verdict_text(make_report(run_of({{.name = "a"}, {.name = "b"}}))), "-0.000"));
}

TEST(Text, NothingValid) {
  model::Run run = polling_run();
  test::invalidate(run, 0, Reason::competing_load);
  test::invalidate(run, 1, Reason::competing_load);
  const Report report = make_report(run);
  const std::string text = to_text(report), verdict = verdict_text(report);
  EXPECT_TRUE(has(text, "llama.cpp CPU: nothing valid was measured"));
  EXPECT_TRUE(has(text, "no valid window: other programs used too much"));
  EXPECT_TRUE(has(verdict, "is not known"));
  EXPECT_FALSE(has(verdict, "Run \""));
  expect_fits(text, 80);
  expect_fits(verdict, 80);
}

TEST(Text, EmptyRun) {
  const Report report = make_report(model::Run{});
  expect_fits(to_text(report), 80);
  expect_fits(verdict_text(report), 80);
}

TEST(Text, FitsEveryWidth) {
  const Report report = make_report(hard_run());
  for (const std::size_t width : {60U, 72U, 80U, 132U}) {
    expect_fits(to_text(report, width), std::max<std::size_t>(width, 80));
    expect_fits(verdict_text(report, width), width);
  }
  expect_fits(to_text(report), 80);
}

TEST(Text, SyntheticStandsInEveryHeading) {
  model::Run run = polling_run();
  EXPECT_FALSE(has(to_text(make_report(run)), "synthetic"));
  run.model.synthetic = true;
  const std::string text = to_text(make_report(run));
  for (const auto line : split(text, '\n')) {
    if (line.starts_with("Throughput") || line.starts_with("Latency") || line.starts_with("Loaded")) {
      EXPECT_TRUE(line.ends_with("(synthetic model)")) << line;
    }
  }
  EXPECT_TRUE(has(verdict_text(make_report(run)), "SYNTHETIC MODEL"));
  EXPECT_TRUE(has(to_json(make_report(run)), "\"synthetic\": true"));
  EXPECT_FALSE(has(to_json(make_report(run)), "\"synthetic\": false"));
}

TEST(Text, IncompleteIsSaidFirst) {
  model::Run run = polling_run();
  run.complete = false;
  run.stop_reason = "interrupted";
  run.restarts.back().status = model::RestartStatus::interrupted;
  EXPECT_TRUE(verdict_text(make_report(run)).starts_with("INCOMPLETE RUN: 7 of 8 restarts are done (interrupted)."));
  EXPECT_TRUE(has(to_text(make_report(run)), "INCOMPLETE (interrupted), 7 of 8 restarts"));
}

TEST(Text, NamesThatAreAlikeAfterClippingGetNumbers) {
  const std::string same(60, 'x');
  const auto report = make_report(run_of({{.name = same + "1"}, {.name = same + "2"}}));
  const std::string text = to_text(report);
  EXPECT_TRUE(has(text, "| 1 xxx"));
  EXPECT_TRUE(has(text, "| 2 xxx"));
}

// What a hostile server, campaign or log can put into a report.
model::Run hostile_run() {
  model::Run run = polling_run();
  const std::string evil = "\x1b]0;pwned\x07\x1b[31m|\r\n\x9b\xff\xc3\x28" + std::string(200, 'A') + "\xe2\x80\xae\"}";
  run.backends[0].spec.name = evil;
  run.backends[0].labels["engine_version"] = evil;
  run.backends[0].labels[evil] = evil;
  run.backends[0].notes = {evil};
  run.model.name = run.model.path = evil;
  run.machine.cpu = run.machine.os = evil;
  run.stop_reason = "failed: " + evil;
  run.complete = false;
  run.sessions[0].tool_version = evil;
  run.restarts.back().status = model::RestartStatus::failed;
  run.restarts.back().message = evil;
  for (auto& restart : run.restarts) {
    for (auto& trial : restart.trials) {
      for (auto& thread : trial.threads) thread.comm = "\x1b[2J\xff";
    }
  }
  return run;
}

TEST(Text, HostileStringsReachNoTerminal) {
  const Report report = make_report(hostile_run());
  for (const std::string& text : {to_text(report), verdict_text(report)}) {
    for (const char c : text) {
      EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
      EXPECT_NE(c, '\x7f');
    }
    EXPECT_EQ(printable(split(text, '\n')[0]), split(text, '\n')[0]);
    EXPECT_TRUE(has(text, "\\x1b"));
    EXPECT_FALSE(has(text, "\xe2\x80\xae")) << "turns the direction of the line";
    expect_fits(text, 80);
  }
}

}  // namespace
}  // namespace nw::report
