#include "app/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "base/text.h"

namespace nw::app {

using model::Campaign;
using model::Round;
using model::State;

bool has_round(const Campaign& campaign, Round round) {
  const auto& order = campaign.rounds.order;
  return std::find(order.begin(), order.end(), round) != order.end();
}

bool has_state(const Campaign& campaign, State state) {
  const auto& states = campaign.rounds.idle_states;
  return has_round(campaign, Round::idle) && std::find(states.begin(), states.end(), state) != states.end();
}

std::vector<Step> plan_steps(const Campaign& campaign) {
  std::vector<int> order(campaign.backends.size());
  std::iota(order.begin(), order.end(), 0);
  Random random(campaign.rounds.seed);
  random.shuffle(order);

  // Beside a server that runs already there is no moment without a backend.
  const bool attached = std::any_of(campaign.backends.begin(), campaign.backends.end(),
                                    [](const model::BackendSpec& spec) { return spec.attached(); });
  std::vector<Step> steps;
  for (int index = 0; index < campaign.rounds.restarts; ++index) {
    if (has_state(campaign, State::absent) && !attached) steps.push_back({-1, index});
    for (const int backend : order) steps.push_back({backend, index});
    std::reverse(order.begin(), order.end());
  }
  return steps;
}

double test_budget_s(bool quick) { return quick ? 15 : 120; }

double expected_step_s(const Campaign& campaign, const Step& step, double start_s, double test_s) {
  const double window = campaign.rounds.idle_window_s;
  if (step.backend < 0) return window;
  double seconds = start_s;
  if (has_round(campaign, Round::throughput)) {
    seconds += test_s * static_cast<double>(model::tests_of(campaign.workload).size());
  }
  constexpr double kSettleS = 1.5;
  constexpr double kLateS = 60;
  for (const State state : campaign.rounds.idle_states) {
    if (!has_round(campaign, Round::idle) || state == State::absent) continue;
    seconds += window + kSettleS + (state == State::loaded_idle_late ? kLateS : 0);
  }
  return seconds;
}

QuickPlan make_quick(Campaign campaign) {
  QuickPlan quick;
  auto& rounds = campaign.rounds;
  const auto cap_window = [&](double seconds) {
    if (rounds.idle_window_s <= seconds) return;
    quick.changes.push_back(fmt::format("idle windows of {:.0f} s instead of {:.0f} s", seconds, rounds.idle_window_s));
    rounds.idle_window_s = seconds;
  };
  cap_window(10);
  const auto total = [&](int restarts) {
    double seconds = 0;
    Campaign fewer = campaign;
    fewer.rounds.restarts = restarts;
    for (const auto& step : plan_steps(fewer)) {
      seconds += expected_step_s(fewer, step, kGuessStartS, test_budget_s(true));
    }
    return seconds;
  };
  int restarts = std::min(rounds.restarts, 3);
  while (restarts > 1 && total(restarts) > kQuickSeconds) --restarts;
  if (restarts < rounds.restarts) {
    quick.changes.push_back(fmt::format("{} restarts instead of {}", restarts, rounds.restarts));
    rounds.restarts = restarts;
  }
  quick.campaign = std::move(campaign);
  return quick;
}

std::vector<std::string> not_possible(const Campaign& campaign) {
  std::vector<std::string> notes;
  if (has_round(campaign, Round::fit)) notes.emplace_back("round fit: not in this version, skipped");
  if (has_round(campaign, Round::energy)) {
    notes.emplace_back("round energy: no power meter in this version, skipped");
  }
  for (const auto& spec : campaign.backends) {
    if (!spec.attached() || !has_state(campaign, State::absent)) continue;
    notes.push_back(fmt::format("state absent: \"{}\" runs already, so there is no moment without a backend",
                                printable(spec.name)));
    break;
  }
  return notes;
}

}  // namespace nw::app
