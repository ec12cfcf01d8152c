// What a backend costs around the clock, in core-hours.
//
// Formulas (measurement.md, with cores in place of watts). Per repeat i of a backend:
//   P1_i               cores burnt while loaded and idle
//   e_i, t_i           CPU seconds and seconds of one request of p prompt and g output tokens
//   m_i = (e_i − P1_i t_i) / g                       marginal CPU seconds per output token
//   cost_i(N) = 86,400 s · P1_i + m_i · N            CPU seconds a day at N output tokens a day (amortised)
// valid up to N = 86,400 g / t_i, where the day is full. The cost of a day is a straight line in N, so two backends
// cross at most once: N* = 86,400 (P1_A − P1_B) / (m_B − m_A).
//
// Intervals come from the repeats themselves: each repeat has its own line, so what P1, e and t have in common stays in
// and no simulation is needed. Differences are paired as in stats/ratio.h; N* has Fieller's interval, which is exactly
// the set of loads at which the difference is within noise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/fieller.h"
#include "stats/interval.h"
#include "stats/ratio.h"

namespace nw::cost {

// One request of the workload.
struct RequestShape {
  double prompt_tokens = 0;
  double output_tokens = 1;  // > 0
};

// One repeat of one backend, everything measured. CPU seconds may be 0.
struct RepeatCost {
  int index = 0;
  double idle_cores = 0;
  double cpu_s_per_prompt_token = 0;
  double s_per_prompt_token = 0;
  double cpu_s_per_output_token = 0;
  double s_per_output_token = 0;
};

// A backend's lines. Without repeats there is no bill.
class Bill {
 public:
  Bill() = default;
  Bill(std::span<const RepeatCost> repeats, const RequestShape& request);

  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] const std::vector<stats::Line>& lines() const { return lines_; }
  // CPU seconds a day at `tokens` output tokens a day, one per repeat.
  [[nodiscard]] std::vector<stats::Repeat> at(double tokens) const;
  // Core-hours a day; nullopt when there is no repeat.
  [[nodiscard]] std::optional<stats::Mean> core_hours(double tokens) const;
  // Output tokens a day with one request after the other; 0 without repeats.
  [[nodiscard]] double capacity() const { return capacity_; }

 private:
  std::vector<stats::Line> lines_;
  double capacity_ = 0;
};

// A − B at `tokens` output tokens a day, in core-hours a day.
[[nodiscard]] std::optional<stats::Difference> core_hours_difference(const Bill& a, const Bill& b, double tokens);

// Where two bills cross within what both can serve.
struct Crossover {
  enum class Kind {
    unknown,          // a bill is missing, or has one repeat
    crosses,          // tokens_per_day is set, with its interval
    unbounded,        // they cross somewhere, but the interval of N* has no end: then N* says nothing and is not given
    a_at_every_load,  // A costs less at every load that both can serve, beyond noise at both ends
    b_at_every_load,
    not_distinguishable,  // within noise from no load to full load
    not_seen,             // no crossing within reach, but not beyond noise either
  };
  Kind kind = Kind::unknown;
  std::optional<double> tokens_per_day;
  std::optional<stats::Interval> ci95;  // cut at 0
  // Who costs less beyond noise with nothing to do, and with the slower one's day full: −1 A, +1 B, 0 within noise.
  int at_zero = 0, at_most = 0;
};
[[nodiscard]] Crossover crossover_of(const Bill& a, const Bill& b);

}  // namespace nw::cost
