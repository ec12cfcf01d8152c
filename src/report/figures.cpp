// One value per restart, then Student's t over restarts: the spread inside one process understates the truth, because
// what varies from start to start (memory layout, clocks, which core) stays the same within it.
#include "figures.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <set>

#include "cost/window.h"
#include "model/figures.h"

namespace nw::report {
namespace {

using model::Reason;
using model::Restart;
using model::Round;
using model::Run;
using model::State;
using model::Test;
using model::Trial;

constexpr int kMachine = -1;
using ByIndex = std::map<int, double>;  // one value per restart index; a later restart under the same index replaces

std::vector<const Restart*> restarts_of(const Run& run, int backend) {
  std::vector<const Restart*> result;
  for (const Restart& restart : run.restarts) {
    if (restart.backend == backend) result.push_back(&restart);
  }
  return result;
}

std::vector<const Trial*> idle_trials(const Restart& restart, State state) {
  std::vector<const Trial*> result;
  for (const Trial& trial : restart.trials) {
    if (trial.round == Round::idle && trial.state == state) result.push_back(&trial);
  }
  return result;
}

std::vector<const Trial*> test_trials(const Restart& restart, const Test& test) {
  std::vector<const Trial*> result;
  for (const Trial& trial : restart.trials) {
    if (trial.round == Round::throughput && trial.test == test) result.push_back(&trial);
  }
  return result;
}

std::vector<stats::Repeat> repeats_of(const ByIndex& values) {
  std::vector<stats::Repeat> repeats;
  for (const auto& [index, value] : values) repeats.push_back({index, value});
  return repeats;
}

std::optional<stats::Mean> mean_over(const ByIndex& values) {
  std::vector<double> plain;
  for (const auto& [index, value] : values) plain.push_back(value);
  return stats::mean_of_non_negative(plain);
}

void note(std::vector<Reason>& reasons, const Trial& trial) {
  for (const Reason reason : trial.reasons) reasons.push_back(reason);
  if (!trial.finished) reasons.push_back(Reason::interrupted);
}

void sort_once(std::vector<Reason>& reasons) {
  std::sort(reasons.begin(), reasons.end());
  reasons.erase(std::unique(reasons.begin(), reasons.end()), reasons.end());
}

std::string why_none(int invalid, std::vector<Reason> reasons, std::string_view what) {
  if (invalid == 0) return fmt::format("no {} was measured", what);
  sort_once(reasons);
  std::string list;
  for (const Reason reason : reasons) {
    if (model::is_mark(reason)) continue;  // a mark makes nothing invalid
    list += fmt::format("{}{} ({})", list.empty() ? "" : "; ", model::describe(reason), to_string(reason));
  }
  return fmt::format("no valid {}: {}", what, list.empty() ? "no samples" : list);
}

// The counters' resolution can hide as much as this on either side.
void widen(std::optional<stats::Mean>& mean, double resolution) {
  if (!mean || !mean->ci95) return;
  mean->ci95->lo = std::max(0.0, mean->ci95->lo - resolution);
  mean->ci95->hi += resolution;
}

// What one valid window gives; `wakeups` may be missing.
struct WindowFigures {
  double seconds = 0, cores = 0, resolution = 0;
  std::optional<double> wakeups;
};
using WindowOf = std::function<std::optional<WindowFigures>(const Trial&)>;

// Collects an idle row over restarts; `measure` reads one window.
IdleRow collect(const std::vector<const Restart*>& restarts, State state, const WindowOf& measure) {
  IdleRow row;
  row.state = state;
  ByIndex cores, wakeups;
  std::vector<Reason> reasons;
  for (const Restart* restart : restarts) {
    std::vector<double> here, wakes;
    for (const Trial* trial : idle_trials(*restart, state)) {
      const auto window = trial->valid() ? measure(*trial) : std::nullopt;
      if (!window) {
        ++row.invalid_windows, note(reasons, *trial);
        continue;
      }
      ++row.windows, row.window_s += window->seconds;
      row.resolution_cores = std::max(row.resolution_cores, window->resolution);
      here.push_back(window->cores);
      if (window->wakeups) wakes.push_back(*window->wakeups);
    }
    if (const auto mean = stats::mean_of(here)) cores[restart->index] = mean->mean;
    if (const auto mean = stats::mean_of(wakes)) wakeups[restart->index] = mean->mean;
  }
  if (row.windows > 0) row.window_s /= row.windows;
  row.repeats = repeats_of(cores);
  row.cores.value = mean_over(cores);
  widen(row.cores.value, row.resolution_cores);
  row.wakeups_per_s.value = mean_over(wakeups);
  if (!row.cores) row.cores.reason = why_none(row.invalid_windows, reasons, "window");
  if (!row.wakeups_per_s)
    row.wakeups_per_s.reason = row.cores ? "the switches of the threads were not counted" : row.cores.reason;
  return row;
}

IdleRow idle_row_of(const Run& run, std::size_t backend, State state) {
  if (state == State::absent) return absent_row(run);
  const auto measure = [&](const Trial& trial) -> std::optional<WindowFigures> {
    const auto window = cost::idle_window(trial, run.machine.cpus);
    if (!window) return std::nullopt;
    return WindowFigures{window->seconds, window->cores, window->resolution_cores, window->wakeups_per_s};
  };
  IdleRow row = collect(restarts_of(run, static_cast<int>(backend)), state, measure);
  const auto& wanted = run.campaign.rounds.idle_states;
  const bool listed = std::find(wanted.begin(), wanted.end(), state) != wanted.end();
  if (!row.cores && row.invalid_windows == 0) {
    row.cores.reason = listed ? "not measured" : kNotInCampaign;
    row.wakeups_per_s.reason = row.cores.reason;
  }
  return row;
}

void add_latencies(const Trial& trial, std::vector<double>& ttft, std::vector<double>& itl) {
  for (const auto& request : trial.requests) {
    if (!cost::is_measured(request)) continue;
    if (const auto s = model::ttft_s(request)) ttft.push_back(*s * 1000);
    if (trial.test->generate == 0) continue;
    for (const double s : model::inter_token_s(request)) itl.push_back(s * 1000);
  }
}

ThroughputRow throughput_row(const std::vector<const Restart*>& restarts, const Test& test) {
  ThroughputRow row;
  row.test = test;
  ByIndex rates;
  std::vector<std::vector<double>> ttft, itl;  // one group per restart
  std::vector<Reason> reasons;
  for (const Restart* restart : restarts) {
    std::vector<double> here;
    ttft.emplace_back(), itl.emplace_back();
    for (const Trial* trial : test_trials(*restart, test)) {
      const auto rate = trial->valid() ? cost::trial_tokens_per_second(*trial) : std::nullopt;
      if (!rate) {
        ++row.invalid_trials, note(reasons, *trial);
        continue;
      }
      here.push_back(*rate);
      add_latencies(*trial, ttft.back(), itl.back());
      row.discarded_warmup += static_cast<int>(
          std::count_if(trial->requests.begin(), trial->requests.end(), [](const auto& r) { return r.warmup; }));
    }
    if (const auto mean = stats::mean_of(here)) rates[restart->index] = mean->mean;
  }
  row.repeats = repeats_of(rates);
  row.restarts = static_cast<int>(rates.size());
  row.tokens_per_s.value = mean_over(rates);
  if (!row.tokens_per_s) row.tokens_per_s.reason = why_none(row.invalid_trials, reasons, "trial");
  row.ttft_ms = stats::quantiles_over(ttft);
  row.itl_ms = stats::quantiles_over(itl);
  return row;
}

// Threads of the last valid loaded_idle window: pids and tids mean nothing across restarts. The last by the order of
// the records, because moments of two boots do not compare.
std::vector<SpinRow> spin_rows(const std::vector<const Restart*>& restarts) {
  const Trial* last = nullptr;
  for (const Restart* restart : restarts) {
    for (const Trial* trial : idle_trials(*restart, State::loaded_idle)) {
      if (trial->valid()) last = trial;
    }
  }
  std::vector<SpinRow> rows;
  if (!last) return rows;
  for (const auto& thread : cost::threads_by_cores(*last)) {
    if (thread.cores >= kSpinCores) rows.push_back({thread.pid, thread.tid, thread.comm, thread.cores});
  }
  return rows;
}

Maybe<std::uint64_t> host_rss(const std::vector<const Restart*>& restarts, int cpus) {
  for (const State state : {State::loaded_idle, State::loaded_unused}) {
    std::vector<double> bytes;
    for (const Restart* restart : restarts) {
      for (const Trial* trial : idle_trials(*restart, state)) {
        const auto window = trial->valid() ? cost::idle_window(*trial, cpus) : std::nullopt;
        if (window && window->rss_bytes) bytes.push_back(static_cast<double>(*window->rss_bytes));
      }
    }
    if (const auto mean = stats::mean_of(bytes)) return {static_cast<std::uint64_t>(mean->mean), {}};
  }
  return {std::nullopt, "no valid idle window with the memory of every process"};
}

void add_records(BackendReport& report, const std::vector<const Restart*>& restarts) {
  std::map<std::string, int> failures;
  for (const Restart* restart : restarts) {
    if (restart->status == model::RestartStatus::failed) ++failures[restart->message];
    for (const Trial& trial : restart->trials) {
      report.valid = report.valid || trial.valid();
      note(report.reasons, trial);
    }
  }
  sort_once(report.reasons);
  for (const auto& [message, count] : failures) {
    // The app notes a failure too, with the number of the repeat.
    const auto tells = [&](const std::string& note) { return note.find(message) != std::string::npos; };
    if (!message.empty() && std::any_of(report.notes.begin(), report.notes.end(), tells)) continue;
    const std::string times = count == 1 ? "a restart" : fmt::format("{} restarts", count);
    report.notes.push_back(fmt::format("{} failed: {}", times, message.empty() ? "no message" : message));
  }
  const auto has = [&](Reason r) {
    return std::find(report.reasons.begin(), report.reasons.end(), r) != report.reasons.end();
  };
  report.not_restarted = has(Reason::not_restarted);
  const bool only_marks = std::all_of(report.reasons.begin(), report.reasons.end(), model::is_mark);
  if (!report.valid && only_marks) report.reasons.push_back(Reason::not_available);
}

void mark_approximate(BackendReport& report) {
  if (!report.not_restarted) return;
  const auto mark = [](Figure& figure) {
    if (figure) figure.value->approximate = true;
  };
  for (ThroughputRow& row : report.throughput) mark(row.tokens_per_s);
  for (IdleRow& row : report.idle) {
    if (row.state != State::absent) mark(row.cores), mark(row.wakeups_per_s);
  }
}

struct PerToken {
  double cpu_s = 0, seconds = 0;
};

// CPU seconds and seconds per token of a test in one restart; nullopt without a valid trial whose processes were seen.
std::optional<PerToken> per_token(const Restart& restart, const Test& test, int cpus) {
  double cpu_s = 0, seconds = 0, tokens = 0;
  for (const Trial* trial : test_trials(restart, test)) {
    const auto window = trial->valid() ? cost::active_window(*trial, cpus) : std::nullopt;
    if (!window || !window->cpu_s) continue;
    cpu_s += *window->cpu_s, seconds += window->seconds, tokens += window->tokens;
  }
  if (tokens <= 0) return std::nullopt;
  return PerToken{cpu_s / tokens, seconds / tokens};
}

void add_bill(const Run& run, const std::vector<const Restart*>& restarts, BackendReport& report) {
  const auto request = request_shape(run.campaign);
  const auto& workload = run.campaign.workload;
  report.bill_reason = "the campaign measures no generation";
  if (request.output_tokens <= 0) return;
  const auto first = [](const auto& list, std::int64_t otherwise) { return list.empty() ? otherwise : list.front(); };
  const std::int64_t depth = first(workload.depth, 0), users = first(workload.concurrency, 1);
  const Test prompt = {static_cast<std::int64_t>(request.prompt_tokens), 0, depth, users};
  const Test output = {0, static_cast<std::int64_t>(request.output_tokens), depth, users};
  std::map<int, PerToken> prompts, outputs;
  for (const Restart* restart : restarts) {
    if (const auto cost = per_token(*restart, prompt, run.machine.cpus)) prompts[restart->index] = *cost;
    if (const auto cost = per_token(*restart, output, run.machine.cpus)) outputs[restart->index] = *cost;
  }
  std::vector<cost::RepeatCost> repeats;
  const bool needs_prompt = prompt.prompt > 0;
  const auto& idle = report.idle_row(State::loaded_idle).repeats;
  for (const auto& [index, cores] : idle) {
    if (!outputs.contains(index) || (needs_prompt && !prompts.contains(index))) continue;
    const PerToken& p = prompts[index];
    const PerToken& g = outputs[index];
    repeats.push_back({index, cores, p.cpu_s, p.seconds, g.cpu_s, g.seconds});
  }
  report.bill = cost::Bill(repeats, request);
  report.bill_reason = !repeats.empty()  ? ""
                       : idle.empty()    ? "no valid loaded_idle window"
                       : outputs.empty() ? fmt::format("no CPU time of a valid {} trial", to_string(output))
                       : needs_prompt && prompts.empty()
                           ? fmt::format("no CPU time of a valid {} trial", to_string(prompt))
                           : "no repeat in which everything was valid";
}

}  // namespace

std::string join(const std::vector<Reason>& reasons) {
  std::string text;
  for (const Reason reason : reasons) {
    if (!text.empty()) text += ", ";
    text += to_string(reason);
  }
  return text;
}

cost::RequestShape request_shape(const model::Campaign& campaign) {
  const auto& workload = campaign.workload;
  const auto first = [](const auto& list) { return list.empty() ? 0.0 : static_cast<double>(list.front()); };
  return {first(workload.prompt), first(workload.generate)};
}

IdleRow absent_row(const Run& run) {
  const auto measure = [](const Trial& trial) -> std::optional<WindowFigures> {
    const auto window = cost::machine_window(trial);
    if (!window) return std::nullopt;
    return WindowFigures{window->seconds, std::max(0.0, window->busy_cores - window->self_cores), 0, std::nullopt};
  };
  IdleRow row = collect(restarts_of(run, kMachine), State::absent, measure);
  // No machine burns more cores than it has.
  if (row.cores && row.cores->ci95) row.cores.value->ci95->hi = std::min<double>(row.cores->ci95->hi, run.machine.cpus);
  row.wakeups_per_s.reason = "not counted for the machine as a whole";
  return row;
}

std::vector<ThroughputRow> throughput_rows(const Run& run, std::size_t backend) {
  const auto& order = run.campaign.rounds.order;
  std::vector<ThroughputRow> rows;
  if (std::find(order.begin(), order.end(), Round::throughput) == order.end()) return rows;
  const auto restarts = restarts_of(run, static_cast<int>(backend));
  for (const Test& test : tests_of(run.campaign.workload)) rows.push_back(throughput_row(restarts, test));
  return rows;
}

const IdleRow& BackendReport::idle_row(State state) const {
  for (const IdleRow& row : idle) {
    if (row.state == state) return row;
  }
  return idle.front();
}

BackendReport backend_report(const Run& run, std::size_t backend) {
  const auto& record = run.backends[backend];
  const auto restarts = restarts_of(run, static_cast<int>(backend));
  BackendReport report;
  report.name = record.spec.name;
  report.engine = to_string(record.spec.engine);
  report.attached = record.spec.attached();
  report.labels = record.labels;
  const auto compute = record.labels.find("compute");
  report.compute = compute == record.labels.end() ? "unknown" : compute->second;
  report.notes = record.notes;
  add_records(report, restarts);
  report.throughput = throughput_rows(run, backend);
  for (const State state :
       {State::absent, State::loaded_unused, State::loaded_idle, State::loaded_idle_late, State::frozen}) {
    report.idle.push_back(idle_row_of(run, backend, state));
  }
  report.spin = spin_rows(restarts);
  report.host_rss_bytes = host_rss(restarts, run.machine.cpus);
  add_bill(run, restarts, report);
  mark_approximate(report);
  return report;
}

}  // namespace nw::report
