// Rules in the order of the enumeration Reason; each looks at the samples alone. See validity.h for what they mean and
// why they are as strict as they are.
#include "report/validity.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "cost/window.h"

namespace nw::report {
namespace {

using model::Machine;
using model::Reason;
using model::Trial;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTick = 10'000'000;  // of the machine's counters
constexpr std::int64_t kShortestGap = kSecond;
constexpr std::int64_t kLongestGap = kSecond * 5 / 2;
constexpr std::int64_t kClockStep = kSecond / 10;
constexpr std::int64_t kShortestTolerance = kSecond / 10;
constexpr double kJudgedFrom = 1.0;   // s: below, the tick of the machine's counters is too coarse
constexpr double kOthersShare = 0.1;  // of the machine's CPUs, in a throughput trial
constexpr double kFreeCores = 0.5;    // in an idle window

// When the rounds of samples were: a new round starts where the distance to the sample before is above a twentieth of a
// second, or where a process is seen again.
std::vector<std::int64_t> process_rounds(const Trial& trial) {
  std::vector<std::pair<std::int64_t, std::int32_t>> samples;
  for (const auto& sample : trial.processes) samples.emplace_back(sample.at.ns, sample.pid);
  std::sort(samples.begin(), samples.end());
  std::vector<std::int64_t> rounds;
  std::vector<std::int32_t> seen;
  std::int64_t before = 0;
  for (const auto& [at, pid] : samples) {
    const bool again = std::find(seen.begin(), seen.end(), pid) != seen.end();
    if (rounds.empty() || again || at - before > kSecond / 20) rounds.push_back(at), seen.clear();
    seen.push_back(pid);
    before = at;
  }
  return rounds;
}

std::vector<std::int64_t> machine_rounds(const Trial& trial) {
  std::vector<std::int64_t> rounds;
  for (const auto& sample : trial.machine) rounds.push_back(sample.at.ns);
  std::sort(rounds.begin(), rounds.end());
  return rounds;
}

bool bracketed(const std::vector<std::int64_t>& rounds, std::int64_t begin, std::int64_t end, std::int64_t wanted) {
  const std::int64_t tolerance = std::max(kShortestTolerance, wanted / 50);
  if (end - begin < wanted - tolerance) return false;
  return rounds.empty() || (rounds.front() <= begin + tolerance && rounds.back() >= end - tolerance);
}

bool has_gap(const std::vector<std::int64_t>& rounds) {
  if (rounds.size() < 2) return false;
  std::vector<std::int64_t> gaps;
  for (std::size_t i = 1; i < rounds.size(); ++i) gaps.push_back(rounds[i] - rounds[i - 1]);
  std::sort(gaps.begin(), gaps.end());
  const std::int64_t usual = gaps[(gaps.size() - 1) / 2];
  return gaps.back() > std::clamp(3 * usual, kShortestGap, kLongestGap);
}

// Whether a counter of any series fell by more than `tolerance`; the samples of one key come in order of time.
template <class Samples, class KeyOf, class ValueOf>
bool fell(const Samples& samples, KeyOf key_of, ValueOf value_of, std::int64_t tolerance) {
  std::map<decltype(key_of(samples.front())), std::int64_t> last;
  for (const auto& sample : samples) {
    const auto [place, added] = last.try_emplace(key_of(sample), value_of(sample));
    if (!added && value_of(sample) < place->second - tolerance) return true;
    place->second = value_of(sample);
  }
  return false;
}

bool counter_went_back(const Trial& trial, const Machine& machine) {
  std::int64_t resolution = 0;
  for (const auto& sample : trial.processes) resolution = std::max(resolution, sample.resolution_ns);
  const auto cpu = [](const auto& sample) { return sample.cpu_ns; };
  return fell(
             trial.processes, [](const auto& s) { return std::pair(s.pid, s.start_ticks); }, cpu, resolution) ||
         fell(
             trial.threads, [](const auto& s) { return std::pair(s.pid, s.tid); }, cpu, kTick) ||
         fell(
             trial.machine, [](const auto&) { return 0; }, [](const auto& s) { return s.busy_ns; },
             kTick * std::max(machine.cpus, 1));
}

bool clock_step(const Trial& trial) {
  for (const auto& sample : trial.machine) {
    const auto& first = trial.machine.front();
    if (std::abs((sample.wall_ns - first.wall_ns) - (sample.at.ns - first.at.ns)) > kClockStep) return true;
  }
  return false;
}

struct Owner {
  std::int32_t pid = 0;
  std::int64_t start_ticks = 0;
  bool operator==(const Owner&) const = default;
};

// The oldest process of the first round is the server; its workers may come and go.
std::optional<Reason> restarted(const Trial& trial, const std::vector<std::int64_t>& rounds) {
  if (rounds.size() < 2) return std::nullopt;
  const auto& samples = trial.processes;
  std::optional<Owner> oldest;
  bool oldest_stays = false;
  for (const auto& sample : samples) {
    if (sample.at.ns >= rounds[1]) continue;
    if (!oldest || sample.start_ticks < oldest->start_ticks) oldest = Owner{sample.pid, sample.start_ticks};
  }
  for (const auto& sample : samples) {
    if (sample.at.ns >= rounds.back() && oldest == Owner{sample.pid, sample.start_ticks}) oldest_stays = true;
  }
  return oldest_stays ? std::nullopt : std::optional(Reason::backend_restarted);
}

// The machine went on being sampled well after the last sample of the processes.
bool died(const std::vector<std::int64_t>& processes, const std::vector<std::int64_t>& machine) {
  if (processes.size() < 2 || machine.empty()) return false;
  const std::int64_t usual = (processes.back() - processes.front()) / static_cast<std::int64_t>(processes.size() - 1);
  return machine.back() - processes.back() > std::max(kSecond / 2, 2 * usual);
}

struct Load {
  double others = 0;   // cores of other programs
  double backend = 0;  // cores of the backend
  double seconds = 0;
};
std::optional<Load> load_of(const Trial& trial, const Machine& machine) {
  const auto whole = cost::machine_window(trial);
  const auto backend = cost::idle_window(trial, machine.cpus);
  if (!whole || !backend) return std::nullopt;
  return Load{whole->busy_cores - backend->cores - whole->self_cores, backend->cores, whole->seconds};
}

// Of the machine without a backend. What runs there by itself is the baseline, but a full machine is nobody's baseline.
std::optional<Load> load_alone(const Trial& trial) {
  const auto whole = cost::machine_window(trial);
  if (!whole) return std::nullopt;
  return Load{whole->busy_cores - whole->self_cores, 0, whole->seconds};
}

void sort_once(std::vector<Reason>& reasons) {
  std::sort(reasons.begin(), reasons.end());
  reasons.erase(std::unique(reasons.begin(), reasons.end()), reasons.end());
}

struct Rounds {
  std::vector<std::int64_t> processes, machine;
};

// What holds for both kinds of trial.
std::vector<Reason> check_samples(const Trial& trial, const Machine& machine, const Rounds& rounds,
                                  std::int64_t wanted) {
  std::vector<Reason> reasons;
  const bool dead = died(rounds.processes, rounds.machine);
  // A backend that died has no last sample: that is said once, by its own name.
  const bool ends = bracketed(rounds.machine, trial.begin.ns, trial.end.ns, wanted) &&
                    (dead || bracketed(rounds.processes, trial.begin.ns, trial.end.ns, wanted));
  if (!ends) reasons.push_back(Reason::window_not_bracketed);
  if (has_gap(rounds.machine) || has_gap(rounds.processes)) reasons.push_back(Reason::sampling_gap);
  if (counter_went_back(trial, machine)) reasons.push_back(Reason::counter_went_back);
  if (clock_step(trial)) reasons.push_back(Reason::clock_step);
  if (dead) reasons.push_back(Reason::backend_died);
  if (const auto change = restarted(trial, rounds.processes)) reasons.push_back(*change);
  return reasons;
}

}  // namespace

std::vector<Reason> check_idle_window(const Trial& trial, const Machine& machine, double window_s) {
  const Rounds rounds = {process_rounds(trial), machine_rounds(trial)};
  auto reasons = check_samples(trial, machine, rounds, from_seconds(window_s).count());
  const bool backend_expected = trial.state != model::State::absent;
  if (rounds.machine.size() < 3) reasons.push_back(Reason::too_few_samples);
  if (backend_expected && rounds.processes.empty()) reasons.push_back(Reason::process_not_visible);
  if (backend_expected && rounds.processes.size() == 1) reasons.push_back(Reason::too_few_samples);
  const auto load = backend_expected ? load_of(trial, machine) : load_alone(trial);
  if (load && load->others > machine.cpus - load->backend - kFreeCores) reasons.push_back(Reason::competing_load);
  sort_once(reasons);
  return reasons;
}

std::vector<Reason> check_throughput_trial(const Trial& trial, const Machine& machine) {
  const Rounds rounds = {process_rounds(trial), machine_rounds(trial)};
  auto reasons = check_samples(trial, machine, rounds, (trial.end - trial.begin).count());
  if (rounds.machine.size() < 2) reasons.push_back(Reason::too_few_samples);
  const auto load = load_of(trial, machine);
  const bool judged = load && load->seconds >= kJudgedFrom;
  if (judged && load->others > kOthersShare * machine.cpus) reasons.push_back(Reason::competing_load);
  sort_once(reasons);
  return reasons;
}

}  // namespace nw::report
