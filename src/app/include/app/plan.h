// What a run will do, in which order, and how long that takes. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/campaign.h"

namespace nw::app {

// One life of one backend, or (backend −1) the machine alone with every backend absent.
struct Step {
  int backend = -1;  // index into Campaign::backends
  int index = 0;     // which repeat
  bool operator==(const Step&) const = default;
};

// Repeats in blocks: each block holds every backend once, next to each other in time, so that slow drifts of the
// machine hit all alike. The order of the first block is drawn with the campaign's seed; every second block is
// reversed (ABBA), which cancels a linear drift within pairs of blocks.
[[nodiscard]] std::vector<Step> plan_steps(const model::Campaign& campaign);

// --quick: an answer within ten minutes, with wider intervals: shorter windows and fewer restarts. What was changed is
// said in `changes`, one phrase each.
struct QuickPlan {
  model::Campaign campaign;
  std::vector<std::string> changes;
};
[[nodiscard]] QuickPlan make_quick(model::Campaign campaign);
inline constexpr double kQuickSeconds = 600;

// How long a test of the throughput round may go on beginning requests, in seconds.
[[nodiscard]] double test_budget_s(bool quick);

// Expected seconds of a step: windows are known; starting and answering are not, so they are taken as `start_s` and
// `test_s` (what the steps so far took, or a guess).
[[nodiscard]] double expected_step_s(const model::Campaign& campaign, const Step& step, double start_s, double test_s);
inline constexpr double kGuessStartS = 5;
inline constexpr double kGuessTestS = 8;

// What the campaign lists that cannot be done, as notes for the user.
[[nodiscard]] std::vector<std::string> not_possible(const model::Campaign& campaign);

[[nodiscard]] bool has_round(const model::Campaign& campaign, model::Round round);
[[nodiscard]] bool has_state(const model::Campaign& campaign, model::State state);

}  // namespace nw::app
