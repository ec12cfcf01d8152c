// A run as one value: every figure with its interval, every missing one with the reason. Computed once from the raw
// records; render.h turns it into text and JSON.
//
// The unit of repetition is the restart. Of each restart, state and test there is one value (windows of the same
// restart are averaged, requests pooled: cost/window.h), and the intervals are Student's t over restarts. Only valid
// trials count. If a restart was repeated under the same index (--resume), the later valid value stands for it.
// Quantiles of latency are means over restarts with intervals (stats::quantiles_over).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cost/bill.h"
#include "model/campaign.h"
#include "model/machine.h"
#include "model/run_data.h"
#include "stats/interval.h"
#include "stats/quantile.h"
#include "stats/ratio.h"

namespace nw::report {

// A figure, or why there is none (words for a person, without a full stop; never empty when the value is none).
template <class T>
struct Maybe {
  std::optional<T> value;
  std::string reason;
  [[nodiscard]] explicit operator bool() const { return value.has_value(); }
  const T& operator*() const { return *value; }
  const T* operator->() const { return &*value; }
};
using Figure = Maybe<stats::Mean>;

struct ThroughputRow {
  model::Test test;
  Figure tokens_per_s;
  std::vector<stats::Repeat> repeats;  // what tokens_per_s was computed from: tokens/s by restart index
  stats::Quantiles ttft_ms, itl_ms;
  int restarts = 0;  // with a valid value
  int invalid_trials = 0;
  int discarded_warmup = 0;  // requests before the plateau, all valid trials
};

struct IdleRow {
  model::State state = model::State::loaded_idle;
  Figure cores;
  std::vector<stats::Repeat> repeats;  // cores by restart index
  Figure wakeups_per_s;
  double resolution_cores = 0;  // the coarsest window's, already within the interval of `cores`
  double window_s = 0;          // mean length of the valid windows
  int windows = 0;              // valid
  int invalid_windows = 0;
};

// A thread that burns at least kSpinCores while its backend is loaded and idle, in the last valid window of that
// state. Which library and why is found out by a later version: class "unknown".
struct SpinRow {
  std::int32_t pid = 0;
  std::int32_t tid = 0;
  std::string comm;
  double cores = 0;
};
inline constexpr double kSpinCores = 0.05;

struct BackendReport {
  std::string name;
  std::string engine;
  std::string compute;  // cpu | gpu | unknown
  bool attached = false;
  bool not_restarted = false;  // repeats without a restart between them: intervals are approximate
  model::Labels labels;
  bool valid = false;                     // at least one valid trial of its own
  std::vector<model::Reason> reasons;     // of its invalid trials, and the marks; each once
  std::vector<std::string> notes;         // what was not measured and why, failed restarts
  std::vector<ThroughputRow> throughput;  // in the order of the campaign's tests
  std::vector<IdleRow> idle;              // absent, loaded_unused, loaded_idle, loaded_idle_late, frozen; all five
  std::vector<SpinRow> spin;
  Maybe<std::uint64_t> host_rss_bytes;  // mean over the restarts, end of the idle window
  cost::Bill bill;
  std::string bill_reason;                                          // why the bill is empty
  [[nodiscard]] const IdleRow& idle_row(model::State state) const;  // of the five
};

// A pair of backends by index into Report::backends, a < b. `beyond_noise` is judged together with the other pairs of
// the same table and test (stats/multiple.h), so it may be false where an interval, which is that of its pair alone,
// just excludes equality; nullopt without an interval.
struct RatioRow {
  std::size_t a = 0, b = 0;
  model::Test test;
  Maybe<stats::Ratio> ratio;  // A / B of tokens/s: above 1, A is faster
  std::optional<bool> beyond_noise;
};
struct IdleDifferenceRow {
  std::size_t a = 0, b = 0;
  Maybe<stats::Difference> cores;  // A − B, loaded_idle
  std::optional<bool> beyond_noise;
};
struct CrossoverRow {
  std::size_t a = 0, b = 0;
  cost::Crossover crossover;
  std::string reason;  // when there is no N*, or no interval
};

// Every line of the bill of one day.
struct AmortisedRow {
  std::size_t backend = 0;
  bool serves = true;   // false: it cannot serve that many tokens a day
  double capacity = 0;  // output tokens a day, one request after the other; 0 without a bill
  Figure core_h_per_day;
  // With --assume-watts-per-core and for a backend that computes on the CPU only; grade D.
  std::optional<stats::Mean> assumed_kwh_per_day;
  std::optional<stats::Mean> assumed_j_per_token;  // per output token, likewise
};

enum class Answer { run, cure, unload, split, tie, unknown };
[[nodiscard]] const char* to_string(Answer answer);

// The answer at one load.
struct LoadVerdict {
  double tokens_per_day = 0;
  Answer answer = Answer::unknown;
  std::optional<std::size_t> backend;   // of `run`
  std::vector<std::size_t> candidates;  // of `tie`: the cheapest and those not distinguishable from it
  std::vector<std::size_t> compared;    // those with a bill that were asked about
  std::string reason;                   // of `unknown`, and what decided where a backend could not serve
  std::vector<AmortisedRow> amortised;  // one per backend
};

// Where an assumption comes from: D (a figure that was not measured: it never decides), given (the user said so),
// default (nobody said anything), campaign (from the campaign's file), model (how the arithmetic sees a day).
struct Assumption {
  std::string text;
  std::string grade;
};

struct VerdictOptions {
  std::optional<double> tokens_per_day;  // output tokens, > 0
  // Share of the day busy, 0 < duty ≤ 1: of the slowest backend that can be billed, so that all serve the same tokens.
  // Ignored when tokens_per_day is given.
  std::optional<double> duty;
  std::optional<double> assume_watts_per_core;  // ≥ 0; grade D
};

inline constexpr double kDefaultTokensPerDay = 10'000;

struct Verdict {
  VerdictOptions options;
  cost::RequestShape request;
  LoadVerdict headline;
  // Where some backends do not compute on the CPU and the headline is therefore unknown: what holds among the others.
  std::optional<LoadVerdict> among_cpu;
  std::vector<LoadVerdict> loads;  // 1k, 10k, 100k and 1M tokens a day, without those that nobody can serve
  std::vector<CrossoverRow> crossovers;
  std::vector<RatioRow> ratios;
  std::vector<IdleDifferenceRow> idle_differences;
  std::vector<Assumption> assumptions;
};

// nightwatt itself.
struct SelfUse {
  double cpu_s = 0;  // all sessions
  double wall_s = 0;
  double window_cpu_s = 0;  // inside the measured windows
  double window_s = 0;
};

struct Report {
  std::string run_id;
  std::string started_at;
  std::string tool_version, tool_commit;  // of the last session that measured
  bool complete = false;
  std::string stop_reason;
  int restarts_done = 0;  // over all backends
  int restarts_planned = 0;
  model::Machine machine;
  Figure baseline_cores;  // state absent
  model::ModelRecord model;
  SelfUse self;
  std::vector<BackendReport> backends;
  Verdict verdict;
  [[nodiscard]] bool anything_valid() const;
};

// Pure; O(samples). A run without backends or trials gives a report that says so.
[[nodiscard]] Report make_report(const model::Run& run, const VerdictOptions& options = {});

// How precise the comparisons of a run are so far: for progress, and for stopping at the campaign's target.
struct Precision {
  std::size_t repeats = 0;                    // the least over backends and tests
  std::optional<double> half_width;           // the widest of all pairs and tests, on the logarithm (0.02: ±2 %)
  std::optional<std::size_t> repeats_needed;  // to reach the target, if the spread stays what it is
  bool reached = false;                       // may stop (stats/sequential.h): every pair and test is within the target
};
// `target` > 0. With fewer than two backends or without a throughput test nothing is ever reached.
[[nodiscard]] Precision precision_of(const model::Run& run, double target);

}  // namespace nw::report
