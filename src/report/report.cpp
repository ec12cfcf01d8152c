#include "report/report.h"

#include <algorithm>

#include "cost/window.h"
#include "figures.h"
#include "judge.h"
#include "stats/sequential.h"

namespace nw::report {
namespace {

using model::Restart;
using model::Run;

// A session that was killed has no end and no CPU time of its own in the records: its last trial tells both.
SelfUse self_use(const Run& run) {
  SelfUse use;
  for (std::size_t i = 0; i < run.sessions.size(); ++i) {
    const auto& session = run.sessions[i];
    Moment last = session.begin;
    double sampled_cpu_s = 0;
    for (const Restart& restart : run.restarts) {
      if (restart.session != static_cast<int>(i)) continue;
      for (const auto& trial : restart.trials) {
        last = std::max(last, trial.end);
        for (const auto& sample : trial.machine) {
          sampled_cpu_s = std::max(sampled_cpu_s, static_cast<double>(sample.self_cpu_ns) * 1e-9);
        }
      }
    }
    use.cpu_s += std::max(session.self_cpu_s, sampled_cpu_s);
    use.wall_s += to_seconds(session.end.value_or(last) - session.begin);
  }
  for (const Restart& restart : run.restarts) {
    for (const auto& trial : restart.trials) {
      const auto window = cost::machine_window(trial);
      if (!window) continue;
      use.window_s += window->seconds;
      use.window_cpu_s += window->self_cores * window->seconds;
    }
  }
  return use;
}

}  // namespace

bool Report::anything_valid() const {
  return std::any_of(backends.begin(), backends.end(), [](const auto& backend) { return backend.valid; });
}

Report make_report(const Run& run, const VerdictOptions& options) {
  Report report;
  report.run_id = run.id;
  report.started_at = run.started_at;
  if (!run.sessions.empty()) {
    report.tool_version = run.sessions.back().tool_version;
    report.tool_commit = run.sessions.back().tool_commit;
  }
  report.complete = run.complete;
  report.stop_reason = run.stop_reason;
  report.restarts_planned = run.campaign.rounds.restarts * static_cast<int>(run.backends.size());
  report.restarts_done = static_cast<int>(std::count_if(run.restarts.begin(), run.restarts.end(), [](const auto& r) {
    return r.backend >= 0 && r.status == model::RestartStatus::done;
  }));
  report.machine = run.machine;
  report.baseline_cores = absent_row(run).cores;
  report.model = run.model;
  report.self = self_use(run);
  for (std::size_t i = 0; i < run.backends.size(); ++i) report.backends.push_back(backend_report(run, i));
  report.verdict = judge(report, run.campaign, options);
  return report;
}

Precision precision_of(const Run& run, double target) {
  std::vector<std::vector<ThroughputRow>> backends;
  for (std::size_t i = 0; i < run.backends.size(); ++i) backends.push_back(throughput_rows(run, i));
  Precision precision;
  bool first = true;
  for (const auto& rows : backends) {
    for (const ThroughputRow& row : rows) {
      precision.repeats = first ? row.repeats.size() : std::min(precision.repeats, row.repeats.size());
      first = false;
    }
  }
  const auto ratios = ratio_rows(backends);
  precision.reached = !ratios.empty();
  bool all_known = !ratios.empty();
  for (const RatioRow& row : ratios) {
    const auto half = row.ratio ? stats::log_half_width(*row.ratio) : std::nullopt;
    precision.reached = precision.reached && half && stats::may_stop(*row.ratio, target);
    all_known = all_known && half;
    if (!half) continue;
    precision.half_width = std::max(precision.half_width.value_or(0), *half);
    precision.repeats_needed =
        std::max(precision.repeats_needed.value_or(0), stats::repeats_needed(*row.ratio, target).value_or(0));
  }
  if (!all_known) precision.half_width.reset(), precision.repeats_needed.reset();
  return precision;
}

}  // namespace nw::report
