#include "app/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace nw::app {
namespace {

model::Campaign campaign_of(int backends, int restarts, std::uint64_t seed = 1) {
  model::Campaign campaign;
  campaign.backends.resize(static_cast<std::size_t>(backends));
  campaign.rounds.restarts = restarts;
  campaign.rounds.seed = seed;
  return campaign;
}

TEST(Plan, EveryBlockHoldsEveryBackendOnceAndIsReversed) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto steps = plan_steps(campaign_of(4, 6, seed));
    ASSERT_EQ(steps.size(), 6U * 5U);
    for (int block = 0; block < 6; ++block) {
      const auto* begin = &steps[static_cast<std::size_t>(block) * 5];
      EXPECT_EQ(begin[0], (Step{-1, block}));
      std::vector<int> order;
      for (int i = 1; i < 5; ++i) {
        EXPECT_EQ(begin[i].index, block);
        order.push_back(begin[i].backend);
      }
      if (block > 0) {
        for (int i = 1; i < 5; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i) - 1], (begin - 5)[5 - i].backend);
      }
      std::sort(order.begin(), order.end());
      EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
    }
  }
}

TEST(Plan, SeedDecidesTheOrder) {
  EXPECT_EQ(plan_steps(campaign_of(5, 3, 9)), plan_steps(campaign_of(5, 3, 9)));
  bool differs = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    differs |= plan_steps(campaign_of(5, 1, seed)) != plan_steps(campaign_of(5, 1, 99));
  EXPECT_TRUE(differs);
}

TEST(Plan, NoAbsentNoMachineStep) {
  auto campaign = campaign_of(2, 2);
  campaign.rounds.idle_states = {model::State::loaded_idle};
  for (const auto& step : plan_steps(campaign)) EXPECT_GE(step.backend, 0);
}

TEST(Plan, QuickStaysWithinTenMinutes) {
  for (int backends = 1; backends <= 6; ++backends) {
    const auto quick = make_quick(campaign_of(backends, 12));
    EXPECT_LE(quick.campaign.rounds.restarts, 3);
    EXPECT_LE(quick.campaign.rounds.idle_window_s, 10);
    EXPECT_FALSE(quick.changes.empty());
    double seconds = 0;
    for (const auto& step : plan_steps(quick.campaign)) {
      seconds += expected_step_s(quick.campaign, step, kGuessStartS, test_budget_s(true));
    }
    if (quick.campaign.rounds.restarts > 1) {
      EXPECT_LE(seconds, kQuickSeconds) << backends;
    }
  }
  auto small = campaign_of(1, 1);
  small.rounds.idle_window_s = 5;
  EXPECT_TRUE(make_quick(small).changes.empty());
}

}  // namespace
}  // namespace nw::app
