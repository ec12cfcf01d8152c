#include "cost/bill.h"

#include <algorithm>

#include "base/units.h"

namespace nw::cost {
namespace {

constexpr double kHour = kSecondsPerHour;

std::vector<double> hours_of(const std::vector<stats::Repeat>& repeats) {
  std::vector<double> hours;
  for (const stats::Repeat& repeat : repeats) hours.push_back(repeat.value / kHour);
  return hours;
}

// −1: A costs less beyond noise, +1: B does, 0: within noise or not known.
int sign_beyond_noise(const Bill& a, const Bill& b, double tokens) {
  const auto difference = core_hours_difference(a, b, tokens);
  if (!difference || !difference->beyond_noise().value_or(false)) return 0;
  return difference->difference < 0 ? -1 : 1;
}

}  // namespace

Bill::Bill(std::span<const RepeatCost> repeats, const RequestShape& request) {
  double request_s = 0;
  for (const RepeatCost& repeat : repeats) {
    const double cpu_s =
        request.prompt_tokens * repeat.cpu_s_per_prompt_token + request.output_tokens * repeat.cpu_s_per_output_token;
    const double seconds =
        request.prompt_tokens * repeat.s_per_prompt_token + request.output_tokens * repeat.s_per_output_token;
    const double marginal = (cpu_s - repeat.idle_cores * seconds) / request.output_tokens;
    lines_.push_back({repeat.index, kSecondsPerDay * repeat.idle_cores, marginal});
    request_s += seconds / static_cast<double>(repeats.size());
  }
  if (request_s > 0) capacity_ = kSecondsPerDay * request.output_tokens / request_s;
}

std::vector<stats::Repeat> Bill::at(double tokens) const {
  std::vector<stats::Repeat> costs;
  for (const stats::Line& line : lines_) costs.push_back({line.index, line.level + line.slope * tokens});
  return costs;
}

std::optional<stats::Mean> Bill::core_hours(double tokens) const {
  return stats::mean_of_non_negative(hours_of(at(tokens)));
}

std::optional<stats::Difference> core_hours_difference(const Bill& a, const Bill& b, double tokens) {
  auto left = a.at(tokens), right = b.at(tokens);
  for (auto* side : {&left, &right}) {
    for (stats::Repeat& repeat : *side) repeat.value /= kHour;
  }
  return stats::difference_of(left, right);
}

Crossover crossover_of(const Bill& a, const Bill& b) {
  Crossover result;
  const double most = std::min(a.capacity(), b.capacity());
  const auto empty = core_hours_difference(a, b, 0);
  const auto full = core_hours_difference(a, b, most);
  if (!empty || !full || !empty->ci95 || !full->ci95 || most <= 0) return result;
  result.at_zero = sign_beyond_noise(a, b, 0);
  result.at_most = sign_beyond_noise(a, b, most);
  if (result.at_zero == 0 && result.at_most == 0) {
    result.kind = Crossover::Kind::not_distinguishable;
    return result;
  }
  const auto crossing = stats::crossing_of(a.lines(), b.lines());
  const bool crosses = crossing && crossing->at && *crossing->at > 0 && *crossing->at <= most;
  if (crosses && !crossing->ci95) {
    result.kind = Crossover::Kind::unbounded;
    return result;
  }
  if (crosses) {
    result.kind = Crossover::Kind::crosses;
    result.tokens_per_day = crossing->at;
    result.ci95 = crossing->ci95;
    result.ci95->lo = std::max(0.0, result.ci95->lo);
    return result;
  }
  const int both = result.at_zero + result.at_most;
  result.kind = both == -2  ? Crossover::Kind::a_at_every_load
                : both == 2 ? Crossover::Kind::b_at_every_load
                            : Crossover::Kind::not_seen;
  return result;
}

}  // namespace nw::cost
