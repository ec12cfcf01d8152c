// Hand-made trials with known answers.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "model/run_data.h"

namespace nw::test {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kStart = 1'000 * kSecond;  // of the windows below, in ns of the monotonic clock

inline Moment at_second(double s) { return {kStart + std::llround(s * 1e9)}; }
inline std::int64_t ns_of(double s) { return std::llround(s * 1e9); }

// A process that burns `cores`, sampled every `period` seconds from `from` to `to` (seconds after kStart).
struct ProcessPlan {
  std::int32_t pid = 100;
  std::int64_t start_ticks = 5'000;
  double cores = 0;
  double from = 0, to = 10;
  double cpu_s_before = 3;  // at its first sample
  double period = 0.5;
  std::int64_t resolution_ns = 1;
};

inline void add_process(model::Trial& trial, const ProcessPlan& plan) {
  for (double s = plan.from; s <= plan.to + 1e-9; s += plan.period) {
    model::ProcessSample sample;
    sample.at = at_second(s);
    sample.pid = plan.pid;
    sample.start_ticks = plan.start_ticks;
    sample.comm = "server";
    sample.cpu_ns = ns_of(plan.cpu_s_before + plan.cores * (s - plan.from));
    sample.resolution_ns = plan.resolution_ns;
    sample.rss_bytes = 100'000'000;
    trial.processes.push_back(sample);
  }
}

struct ThreadPlan {
  std::int32_t pid = 100, tid = 101;
  std::string comm = "worker";
  double cores = 0, wakeups_per_s = 0;
  double from = 0, to = 10, period = 0.5;
};

inline void add_thread(model::Trial& trial, const ThreadPlan& plan) {
  for (double s = plan.from; s <= plan.to + 1e-9; s += plan.period) {
    model::ThreadSample sample;
    sample.at = at_second(s);
    sample.pid = plan.pid;
    sample.tid = plan.tid;
    sample.comm = plan.comm;
    sample.cpu_ns = ns_of(1 + plan.cores * (s - plan.from));
    sample.voluntary_switches = std::llround(500 + plan.wakeups_per_s * (s - plan.from));
    trial.threads.push_back(sample);
  }
}

// The machine busy with `cores`, nightwatt's own `self` among them.
inline void add_machine(model::Trial& trial, double cores, double self = 0.01, double to = 10, double period = 0.5) {
  for (double s = 0; s <= to + 1e-9; s += period) {
    model::MachineSample sample;
    sample.at = at_second(s);
    sample.busy_ns = ns_of(50'000 + cores * s);
    sample.self_cpu_ns = ns_of(2 + self * s);
    sample.wall_ns = 1'700'000'000 * kSecond + ns_of(s);
    trial.machine.push_back(sample);
  }
}

inline model::Trial idle_trial(model::State state, double cores, double seconds = 10) {
  model::Trial trial;
  trial.round = model::Round::idle;
  trial.state = state;
  trial.begin = at_second(0);
  trial.end = at_second(seconds);
  trial.finished = true;
  if (state == model::State::absent) {
    add_machine(trial, cores, 0.01, seconds);
    return trial;
  }
  add_process(trial, {.cores = cores, .to = seconds});
  add_thread(trial, {.tid = 100, .comm = "main", .wakeups_per_s = 2, .to = seconds});
  add_thread(trial, {.tid = 101, .comm = "worker", .cores = cores, .wakeups_per_s = 3, .to = seconds});
  add_machine(trial, cores + 0.03, 0.01, seconds);
  return trial;
}

// A pp or tg trial: one warm-up request, then `requests` of `tokens` tokens at `rate` tokens/s, the backend burning
// `cores` all the time. The first token of a tg request comes after 0.1 s.
struct BusyPlan {
  model::Test test;
  double rate = 100;
  double cores = 2;
  int requests = 4;
};

inline model::Request request_of(const BusyPlan& plan, double& s, int seq) {
  const bool prompt = plan.test.prompt > 0;
  model::Request request;
  request.seq = seq;
  request.scheduled = request.sent = at_second(s);
  if (prompt) {
    const double seconds = static_cast<double>(plan.test.prompt) / plan.rate;
    request.prompt_tokens = plan.test.prompt;
    request.generated_tokens = 1;
    request.first_byte = request.first_token = at_second(s + seconds);
    request.token_times = {*request.first_token};
    s += seconds;
  } else {
    request.prompt_tokens = 1;
    request.generated_tokens = plan.test.generate;
    request.first_byte = request.first_token = at_second(s + 0.1);
    for (std::int64_t i = 0; i < plan.test.generate; ++i) {
      request.token_times.push_back(at_second(s + 0.1 + static_cast<double>(i) / plan.rate));
    }
    s += 0.1 + static_cast<double>(plan.test.generate - 1) / plan.rate;
  }
  request.cached_tokens = 0;
  request.end = at_second(s);
  return request;
}

inline model::Trial busy_trial(const BusyPlan& plan) {
  model::Trial trial;
  trial.round = model::Round::throughput;
  trial.test = plan.test;
  trial.begin = at_second(0);
  double s = 0;
  for (int i = 0; i <= plan.requests; ++i) {
    trial.requests.push_back(request_of(plan, s, i));
    trial.requests.back().warmup = i == 0;
  }
  trial.end = at_second(s);
  trial.finished = true;
  const double seconds = std::ceil(s / 0.5) * 0.5;
  add_process(trial, {.cores = plan.cores, .to = seconds});
  add_machine(trial, plan.cores + 0.03, 0.01, seconds);
  return trial;
}

}  // namespace nw::test
