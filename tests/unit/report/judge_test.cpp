#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "report/report.h"
#include "unit/report/sample_run.h"

namespace nw::report {
namespace {

VerdictOptions tokens(double per_day) { return {per_day, std::nullopt, std::nullopt}; }

using model::Reason;
using test::polling_run;
using test::run_of;

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Judge, ATieIsWhatCannotBeToldApart) {
  // The same idle burn and speed but for noise.
  const Report report = make_report(run_of({{.name = "a"}, {.name = "b"}}));
  EXPECT_EQ(report.verdict.headline.answer, Answer::tie);
  EXPECT_FALSE(report.verdict.headline.backend);
  EXPECT_EQ(report.verdict.headline.candidates, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(report.verdict.crossovers[0].crossover.kind, cost::Crossover::Kind::not_distinguishable);
}

TEST(Judge, ATieOfTheCheapestLeavesTheOthersOut) {
  const Report report = make_report(run_of({{.name = "a"}, {.name = "spins", .idle_cores = 1}, {.name = "b"}}));
  EXPECT_EQ(report.verdict.headline.answer, Answer::tie);
  EXPECT_EQ(report.verdict.headline.candidates, (std::vector<std::size_t>{0, 2}));
}

TEST(Judge, AssumedWattsPerCoreSayNothingAboutAGpu) {
  const auto run = run_of({{.name = "quiet"}, {.name = "gpu", .compute = "gpu"}});
  const Report report = make_report(run, {1000, std::nullopt, 10});
  EXPECT_TRUE(report.verdict.headline.amortised[0].assumed_kwh_per_day);
  EXPECT_FALSE(report.verdict.headline.amortised[1].assumed_kwh_per_day);
}

TEST(Judge, AGpuMakesTheAnswerUnknownAndTheIdleDifferenceStays) {
  const Report report = make_report(run_of({{.name = "quiet"},
                                            {.name = "spins", .idle_cores = 1},
                                            {.name = "Vulkan", .idle_cores = 0.5, .compute = "gpu"}}));
  EXPECT_EQ(report.verdict.headline.answer, Answer::unknown);
  EXPECT_TRUE(says(report.verdict.headline.reason, "\"Vulkan\" computes on the GPU"));
  ASSERT_TRUE(report.verdict.among_cpu);
  EXPECT_EQ(report.verdict.among_cpu->answer, Answer::run);
  EXPECT_EQ(report.verdict.among_cpu->backend, 0U);
  for (const auto& row : report.verdict.idle_differences) EXPECT_EQ(row.cores->beyond_noise(), true);
  for (const auto& load : report.verdict.loads) EXPECT_EQ(load.answer, Answer::unknown);
  EXPECT_TRUE(says(report.verdict.crossovers[1].reason, "no power meter")) << "quiet and Vulkan";
}

TEST(Judge, UnknownComputeIsTreatedLikeAGpu) {
  model::Run run = polling_run();
  run.backends[0].labels.erase("compute");
  const Report report = make_report(run);
  EXPECT_EQ(report.backends[0].compute, "unknown");
  EXPECT_EQ(report.verdict.headline.answer, Answer::unknown);
  EXPECT_FALSE(report.verdict.among_cpu);
}

// Speeds of "b" that differ from those of "a" by the rule for one pair, but not among all pairs of the run.
int only_alone(std::vector<test::BackendPlan> plans) {
  int count = 0;
  for (int step = 0; step < 200; ++step) {
    plans[1].output_rate = 32 * (1 + 0.0005 * step);
    const Report report = make_report(run_of(plans));
    for (const RatioRow& row : report.verdict.ratios) {
      EXPECT_EQ(row.beyond_noise.has_value(), row.ratio->ci95.has_value());
      EXPECT_FALSE(*row.beyond_noise && !*row.ratio->beyond_noise()) << "together is never easier than alone";
      count += row.a == 0 && row.b == 1 && *row.ratio->beyond_noise() && !*row.beyond_noise ? 1 : 0;
    }
  }
  return count;
}

TEST(Judge, SeveralPairsAreJudgedTogether) {
  EXPECT_EQ(only_alone({{.name = "a"}, {.name = "b"}}), 0);
  EXPECT_GT(only_alone({{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}}), 0);
}

TEST(Judge, OneRepeatDecidesNothing) {
  const Report report = make_report(run_of({{.name = "a"}, {.name = "b", .idle_cores = 1}}, 1));
  EXPECT_EQ(report.verdict.headline.answer, Answer::unknown);
  EXPECT_TRUE(says(report.verdict.headline.reason, "one repeat"));
}

TEST(Judge, WhoCannotServeTheLoadIsLeftOut) {
  // A request takes 0.25 + 0.57 s, so about 1.7 million output tokens a day; the slow one is 20 times as slow.
  const auto plans = std::vector<test::BackendPlan>{{.name = "fast", .idle_cores = 1},
                                                    {.name = "slow", .prompt_rate = 12.8, .output_rate = 1.6}};
  const Report report = make_report(run_of(plans), tokens(1e6));
  EXPECT_EQ(report.verdict.headline.answer, Answer::run);
  EXPECT_EQ(report.verdict.headline.backend, 0U);
  EXPECT_FALSE(report.verdict.headline.amortised[1].serves);
  EXPECT_TRUE(says(report.verdict.headline.amortised[1].core_h_per_day.reason, "cannot serve"));
  EXPECT_TRUE(says(report.verdict.headline.reason, "only one that serves"));
}

TEST(Judge, NobodyServesTheLoad) {
  const Report report = make_report(polling_run(), tokens(1e9));
  EXPECT_EQ(report.verdict.headline.answer, Answer::unknown);
  EXPECT_TRUE(says(report.verdict.headline.reason, "no backend serves"));
}

TEST(Judge, LoadsBeyondEveryCapacityAreOmitted) {
  EXPECT_EQ(make_report(polling_run()).verdict.loads.size(), 4U);
  const auto slow = run_of({{.name = "a", .output_rate = 1}, {.name = "b", .output_rate = 1}});
  const Report report = make_report(slow);
  ASSERT_EQ(report.verdict.loads.size(), 2U);
  EXPECT_EQ(report.verdict.loads.back().tokens_per_day, 10'000);
}

TEST(Judge, CrossoverOfACheapSlowAndADearFast) {
  // The first burns 0.5 cores idle and 1 busy, the second nothing idle and 2 busy: see bill_test for the formula.
  const Report report = make_report(
      run_of({{.name = "warm", .idle_cores = 0.5, .busy_cores = 1}, {.name = "cold", .idle_cores = 0.001}}, 6));
  const auto& row = report.verdict.crossovers[0];
  ASSERT_EQ(row.crossover.kind, cost::Crossover::Kind::crosses);
  const double request_s = 0.25 + 0.1 + 15.0 / 32;
  const double expected = 86'400 * 0.499 / ((2 - 0.001 - 0.5) * request_s / 16);
  EXPECT_NEAR(*row.crossover.tokens_per_day, expected, 0.02 * expected);
  ASSERT_TRUE(row.crossover.ci95);
  const auto below = make_report(
      run_of({{.name = "warm", .idle_cores = 0.5, .busy_cores = 1}, {.name = "cold", .idle_cores = 0.001}}, 6),
      tokens(row.crossover.ci95->lo * 0.99));
  EXPECT_EQ(below.verdict.headline.backend, 1U);
  const auto above = make_report(
      run_of({{.name = "warm", .idle_cores = 0.5, .busy_cores = 1}, {.name = "cold", .idle_cores = 0.001}}, 6),
      tokens(row.crossover.ci95->hi * 1.01));
  EXPECT_EQ(above.verdict.headline.backend, 0U);
  const auto within = make_report(
      run_of({{.name = "warm", .idle_cores = 0.5, .busy_cores = 1}, {.name = "cold", .idle_cores = 0.001}}, 6),
      tokens(*row.crossover.tokens_per_day));
  EXPECT_EQ(within.verdict.headline.answer, Answer::tie);
}

TEST(Judge, DutyIsOfTheSlowestAndTokensWin) {
  const auto run = run_of({{.name = "a"}, {.name = "b", .prompt_rate = 128, .output_rate = 16}});
  const Report half = make_report(run, {std::nullopt, 0.5, std::nullopt});
  EXPECT_NEAR(half.verdict.headline.tokens_per_day, half.backends[1].bill.capacity() / 2, 1e-6);
  EXPECT_LT(half.backends[1].bill.capacity(), half.backends[0].bill.capacity());
  EXPECT_EQ(make_report(run, {5, 0.5, std::nullopt}).verdict.headline.tokens_per_day, 5);
}

TEST(Judge, TheDefaultLoadIsAnAssumption) {
  const Report report = make_report(polling_run());
  EXPECT_EQ(report.verdict.headline.tokens_per_day, kDefaultTokensPerDay);
  EXPECT_EQ(report.verdict.assumptions[0].grade, "default");
  EXPECT_EQ(make_report(polling_run(), tokens(10)).verdict.assumptions[0].grade, "given");
}

TEST(Judge, AssumedWattsIllustrateAndDecideNothing) {
  const auto run = run_of({{.name = "quiet"}, {.name = "gpu", .idle_cores = 1, .compute = "gpu"}});
  const Report report = make_report(run, {1000, std::nullopt, 10});
  EXPECT_EQ(report.verdict.headline.answer, Answer::unknown);
  const auto& row = report.verdict.headline.amortised[0];
  EXPECT_NEAR(row.assumed_kwh_per_day->mean, row.core_h_per_day->mean * 0.01, 1e-12);
  EXPECT_NEAR(row.assumed_j_per_token->mean, row.core_h_per_day->mean * 3600 * 10 / 1000, 1e-9);
  EXPECT_NEAR(row.assumed_kwh_per_day->ci95->hi, row.core_h_per_day->ci95->hi * 0.01, 1e-12);
  EXPECT_EQ(report.verdict.assumptions.back().grade, "D");
  EXPECT_FALSE(make_report(run).verdict.headline.amortised[0].assumed_kwh_per_day);
}

TEST(Judge, ABackendWithoutABillIsNamedAndTheRestIsCompared) {
  model::Run run = run_of({{.name = "a"}, {.name = "b", .idle_cores = 1}, {.name = "broken"}});
  test::invalidate(run, 2, Reason::backend_died);
  const Report report = make_report(run);
  EXPECT_EQ(report.verdict.headline.answer, Answer::run);
  EXPECT_EQ(report.verdict.headline.backend, 0U);
  EXPECT_EQ(report.verdict.headline.amortised[2].core_h_per_day.reason, "no valid loaded_idle window");
}

TEST(Judge, NoGenerationNoBill) {
  model::Run run = polling_run();
  run.campaign.workload.generate.clear();
  const Report report = make_report(run);
  EXPECT_EQ(report.verdict.headline.answer, Answer::unknown);
  EXPECT_EQ(report.backends[0].bill_reason, "the campaign measures no generation");
}

}  // namespace
}  // namespace nw::report
