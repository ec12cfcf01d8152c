// From cumulative counters to rates.
//
// The processes of one round of samples are read one after the other, milliseconds apart, and carry their own times. A
// round is recognised by time: whatever lies within half a usual (median) distance of the first or last sample belongs
// to the first or last round. A process seen in both is divided by its own time between its own two samples, so that
// the milliseconds do not matter; one seen in part of the window is divided by the whole of it.
#include "cost/window.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "model/figures.h"

namespace nw::cost {
namespace {

using model::ProcessSample;
using model::Request;
using model::ThreadSample;
using model::Trial;

constexpr std::int64_t kTickNs = 10'000'000;  // the kernel's USER_HZ, in which it gives start times, is 100 everywhere
constexpr std::int64_t kSlackNs = 250'000'000;

double seconds_of(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

// The samples of one process or thread, in order of time.
template <class Sample>
using Series = std::vector<const Sample*>;

using ProcessKey = std::pair<std::int32_t, std::int64_t>;
using ThreadKey = std::pair<std::int32_t, std::int32_t>;

template <class Key, class Sample, class KeyOf>
std::map<Key, Series<Sample>> series_of(const std::vector<Sample>& samples, KeyOf key_of) {
  std::map<Key, Series<Sample>> result;
  for (const Sample& sample : samples) result[key_of(sample)].push_back(&sample);
  for (auto& [key, series] : result) {
    std::sort(series.begin(), series.end(), [](auto a, auto b) { return std::pair(a->at, a) < std::pair(b->at, b); });
  }
  return result;
}

// When the rounds of a trial were, in ns.
struct Rounds {
  std::int64_t first = 0, last = 0;
  std::int64_t period = 2 * kSlackNs;  // the median distance; a guess when every series has one sample
  [[nodiscard]] double seconds() const { return seconds_of(last - first); }
  [[nodiscard]] bool in_first(const auto& sample) const { return sample.at.ns <= first + period / 2; }
  [[nodiscard]] bool in_last(const auto& sample) const { return sample.at.ns >= last - period / 2; }
};

template <class Key, class Sample>
Rounds rounds_of(const std::map<Key, Series<Sample>>& all) {
  Rounds rounds;
  std::vector<std::int64_t> distances;
  bool any = false;
  for (const auto& [key, series] : all) {
    rounds.first = any ? std::min(rounds.first, series.front()->at.ns) : series.front()->at.ns;
    rounds.last = any ? std::max(rounds.last, series.back()->at.ns) : series.back()->at.ns;
    any = true;
    for (std::size_t i = 1; i < series.size(); ++i) distances.push_back(series[i]->at.ns - series[i - 1]->at.ns);
  }
  if (!distances.empty()) {
    const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
    std::nth_element(distances.begin(), middle, distances.end());
    rounds.period = *middle;
  }
  return rounds;
}

auto processes_of(const Trial& trial) {
  return series_of<ProcessKey>(trial.processes,
                               [](const ProcessSample& s) { return ProcessKey{s.pid, s.start_ticks}; });
}

auto threads_of(const Trial& trial) {
  return series_of<ThreadKey>(trial.threads, [](const ThreadSample& s) { return ThreadKey{s.pid, s.tid}; });
}

// The counter from which a process counts: 0 if it was born inside the window. A machine that slept has boot times that
// are ahead of the monotonic clock, so the start time alone would take an old process for a new one: hence the bound.
std::int64_t base_of(const Series<ProcessSample>& series, const Rounds& rounds, int cpus) {
  const ProcessSample& first = *series.front();
  if (rounds.in_first(first)) return first.cpu_ns;
  const bool starts_inside = first.start_ticks * kTickNs >= rounds.first - 2 * kTickNs;
  const bool possible = first.cpu_ns <= 2 * rounds.period * std::max(cpus, 1);
  return starts_inside && possible ? 0 : first.cpu_ns;
}

double process_cores(const Series<ProcessSample>& series, const Rounds& rounds, int cpus) {
  const double used = seconds_of(series.back()->cpu_ns - base_of(series, rounds, cpus));
  const bool whole = rounds.in_first(*series.front()) && rounds.in_last(*series.back());
  const double elapsed = whole ? seconds_of(series.back()->at.ns - series.front()->at.ns) : rounds.seconds();
  return elapsed > 0 ? std::max(0.0, used / elapsed) : 0;
}

void add(std::optional<std::uint64_t>& sum, const std::optional<std::uint64_t>& part, bool first) {
  if (first) {
    sum = part;
  } else {
    sum = sum && part ? std::optional(*sum + *part) : std::nullopt;
  }
}

std::optional<double> wakeups_per_second(const Trial& trial) {
  const auto threads = threads_of(trial);
  const Rounds rounds = rounds_of(threads);
  if (threads.empty() || rounds.seconds() <= 0) return std::nullopt;
  double sum = 0;
  for (const auto& [key, series] : threads) {
    const auto& first = series.front()->voluntary_switches;
    const auto& last = series.back()->voluntary_switches;
    if (!first || !last) return std::nullopt;
    sum += static_cast<double>(std::max<std::int64_t>(0, *last - *first));
  }
  return sum / rounds.seconds();
}

// The counter of one process at `ns`, on straight lines between its samples.
double counter_at(const Series<ProcessSample>& series, std::int64_t base, std::int64_t ns) {
  if (ns <= series.front()->at.ns) return static_cast<double>(base);
  if (ns >= series.back()->at.ns) return static_cast<double>(series.back()->cpu_ns);
  const auto after = std::find_if(series.begin(), series.end(), [&](auto sample) { return sample->at.ns >= ns; });
  const ProcessSample& to = **after;
  const ProcessSample& from = **(after - 1);
  const double share = static_cast<double>(ns - from.at.ns) / static_cast<double>(to.at.ns - from.at.ns);
  return static_cast<double>(from.cpu_ns) + share * static_cast<double>(to.cpu_ns - from.cpu_ns);
}

bool is_prompt_test(const Trial& trial) { return trial.test->prompt > 0; }

// Tokens of the kind that the trial's test asks for, by the engine's counters.
std::optional<std::int64_t> tokens_of(const Request& request, bool prompt) {
  if (!prompt) return request.generated_tokens;
  if (!request.prompt_tokens) return std::nullopt;
  return *request.prompt_tokens - request.cached_tokens.value_or(0);
}

// Total tokens over total time; why spans of no time count too: model/figures.h.
std::optional<double> sequential_rate(const Trial& trial) {
  double tokens = 0, seconds = 0;
  for (const Request& request : trial.requests) {
    if (!is_measured(request)) continue;
    const auto span = model::token_span(request, *trial.test);
    if (!span) continue;
    tokens += span->tokens;
    seconds += span->seconds;
  }
  if (seconds <= 0) return std::nullopt;
  return tokens / seconds;
}

}  // namespace

std::optional<IdleWindow> idle_window(const Trial& trial, int cpus) {
  const auto processes = processes_of(trial);
  const Rounds rounds = rounds_of(processes);
  if (processes.empty() || rounds.seconds() <= 0) return std::nullopt;
  IdleWindow window;
  window.seconds = rounds.seconds();
  bool first = true;
  for (const auto& [key, series] : processes) {
    window.cores += process_cores(series, rounds, cpus);
    window.resolution_cores += seconds_of(series.back()->resolution_ns) / window.seconds;
    if (!rounds.in_last(*series.back())) continue;
    add(window.rss_bytes, series.back()->rss_bytes, first);
    add(window.swap_bytes, series.back()->swap_bytes, first);
    first = false;
  }
  window.wakeups_per_s = wakeups_per_second(trial);
  return window;
}

std::vector<ThreadUse> threads_by_cores(const Trial& trial) {
  const auto threads = threads_of(trial);
  const Rounds rounds = rounds_of(threads);
  std::vector<ThreadUse> result;
  for (const auto& [key, series] : threads) {
    const bool whole = rounds.in_first(*series.front()) && rounds.in_last(*series.back());
    const double elapsed = whole ? seconds_of(series.back()->at.ns - series.front()->at.ns) : rounds.seconds();
    if (elapsed <= 0) continue;
    const double used = seconds_of(series.back()->cpu_ns - series.front()->cpu_ns);
    result.push_back({key.first, key.second, series.back()->comm, std::max(0.0, used / elapsed)});
  }
  std::sort(result.begin(), result.end(), [](const ThreadUse& a, const ThreadUse& b) {
    return std::tuple(-a.cores, a.pid, a.tid) < std::tuple(-b.cores, b.pid, b.tid);
  });
  return result;
}

std::optional<MachineWindow> machine_window(const Trial& trial) {
  if (trial.machine.size() < 2) return std::nullopt;
  const auto earlier = [](const auto& a, const auto& b) { return a.at < b.at; };
  const auto [first, last] = std::minmax_element(trial.machine.begin(), trial.machine.end(), earlier);
  MachineWindow window;
  window.seconds = seconds_of(last->at.ns - first->at.ns);
  if (window.seconds <= 0) return std::nullopt;
  const auto rate = [&](std::int64_t from, std::int64_t to) { return seconds_of(to - from) / window.seconds; };
  window.busy_cores = rate(first->busy_ns, last->busy_ns);
  window.self_cores = rate(first->self_cpu_ns, last->self_cpu_ns);
  window.steal_cores = rate(first->steal_ns, last->steal_ns);
  return window;
}

std::optional<double> cpu_seconds_until(const Trial& trial, int cpus, Moment at) {
  const auto processes = processes_of(trial);
  const Rounds rounds = rounds_of(processes);
  if (processes.empty() || at.ns < rounds.first - kSlackNs || at.ns > rounds.last + kSlackNs) return std::nullopt;
  double sum = 0;
  for (const auto& [key, series] : processes) {
    const std::int64_t base = base_of(series, rounds, cpus);
    sum += counter_at(series, base, at.ns) - static_cast<double>(base);
  }
  return sum * 1e-9;
}

bool is_measured(const Request& request) { return !request.warmup && request.error.empty() && request.end.has_value(); }

std::optional<ActiveWindow> active_window(const Trial& trial, int cpus) {
  if (!trial.test) return std::nullopt;
  ActiveWindow window;
  std::optional<Moment> from, to;
  for (const Request& request : trial.requests) {
    if (!is_measured(request)) continue;
    const auto tokens = tokens_of(request, is_prompt_test(trial));
    if (!tokens) return std::nullopt;
    window.tokens += static_cast<double>(*tokens);
    from = from ? std::min(*from, request.sent) : request.sent;
    to = to ? std::max(*to, *request.end) : *request.end;
  }
  if (!from || *to <= *from || window.tokens <= 0) return std::nullopt;
  window.seconds = to_seconds(*to - *from);
  const auto before = cpu_seconds_until(trial, cpus, *from);
  const auto after = cpu_seconds_until(trial, cpus, *to);
  if (before && after) window.cpu_s = std::max(0.0, *after - *before);
  return window;
}

std::optional<double> trial_tokens_per_second(const Trial& trial) {
  if (!trial.test) return std::nullopt;
  if (trial.test->concurrency <= 1) return sequential_rate(trial);
  const auto window = active_window(trial, 1);
  if (!window) return std::nullopt;
  return window->tokens / window->seconds;
}

}  // namespace nw::cost
