// The order inside one repeat is the order of the states: what happened before decides what "idle" means. loaded_unused
// must come before anything that computes, so the dialect's introductions (which tokenize) come after it; loaded_idle
// comes after the throughput round, because some runtimes begin to poll with their first kernel.
#include "repeat.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <thread>

#include "app/plan.h"
#include "backend/dialects.h"
#include "base/text.h"
#include "model/figures.h"
#include "net/port.h"
#include "os/wait.h"
#include "trial_log.h"

namespace nw::app {

using model::Reason;
using model::Round;
using model::State;

Repeat::Repeat(RunContext& run, const BackendPlan& backend, int index)
    : run_(run),
      backend_(backend),
      index_(index),
      server_(backend::Server::attach(backend.attached_to)),
      watcher_(run.processes, run.clock) {}

Status Repeat::measure() {
  model::Restart restart;
  restart.session = run_.session;
  restart.backend = backend_.index;
  restart.index = index_;
  restart.begin = run_.clock.now();
  NW_TRY(id_, run_.store.begin_restart(restart));
  Status status = start();
  if (status) status = measure_states();
  run_.progress.doing("stopping");
  const Status stopped = server_.stop();
  if (status && !stopped) status = stopped;
  const auto kind = status                                          ? model::RestartStatus::done
                    : status.error().kind == ErrorKind::interrupted ? model::RestartStatus::interrupted
                                                                    : model::RestartStatus::failed;
  const std::string message = status ? "" : backend_.filter.apply(status.error().message);
  NW_CHECK(run_.store.end_restart(id_, run_.clock.now(), kind, message));
  return status;
}

Status Repeat::start() {
  run_.progress.doing(backend_.spec->attached() ? "connecting" : "starting");
  backend::DialectOptions options;
  options.model = backend_.spec->attached() ? backend_.spec->model : "";
  options.api_key = backend_.api_key;
  options.base_path = backend_.base_path;
  options.seed = run_.campaign.rounds.seed;
  dialect_ = backend::make_dialect(backend_.spec->engine, std::move(options));
  if (!backend_.spec->attached()) {
    auto port = static_cast<std::uint16_t>(backend_.spec->port);
    if (port == 0) {
      NW_TRY(port, net::free_port());
    }
    NW_TRY(const auto command, backend::make_command(*backend_.spec, backend_.model_path, port, run_.environment));
    const auto log = fmt::format("{}/logs/backend{}-repeat{}.log", run_.options.out, backend_.index, index_);
    NW_TRY(server_, backend::Server::start(command, log, backend_.filter, run_.options.pid_namespace));
    group_ = std::make_unique<watch::ProcessGroup>(run_.processes, watch::Selector::below(server_.guard_pid()));
  } else if (backend_.processes) {
    group_ = std::make_unique<watch::ProcessGroup>(run_.processes, *backend_.processes);
  }
  NW_CHECK(server_.wait_ready(*dialect_, Seconds(backend_.spec->ready_timeout_s), run_.clock, run_.options.stop_fd));
  return run_.store.set_ready(id_, run_.clock.now());
}

Status Repeat::measure_states() {
  NW_CHECK(before_requests());
  NW_CHECK(load::introduce(server_.endpoint(), *dialect_, run_.clock, run_.options.stop_fd));
  last_request_ = run_.clock.now();
  if (has_round(run_.campaign, Round::throughput)) NW_CHECK(throughput());
  NW_CHECK(take_labels());
  if (has_round(run_.campaign, Round::idle)) NW_CHECK(idle_states());
  if (auto dead = server_.death()) return *dead;
  return {};
}

Status Repeat::before_requests() {
  if (!has_state(run_.campaign, State::loaded_unused)) return {};
  // An attached server has served others before, and the engines that load a model with their first request have no
  // such state at all.
  if (server_.attached()) return impossible(State::loaded_unused, Reason::needs_restart_permission);
  if (backend_.spec->engine == model::Engine::ollama) return impossible(State::loaded_unused, Reason::not_available);
  NW_CHECK(settle());
  return window(State::loaded_unused);
}

Status Repeat::throughput() {
  for (const auto& test : model::tests_of(run_.campaign.workload)) NW_CHECK(run_test(test));
  return {};
}

Status Repeat::run_test(const model::Test& test) {
  constexpr int kAttempts = 2;  // once more when something outside spoilt it
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    run_.progress.doing(model::to_string(test));
    model::Trial begin;
    begin.round = Round::throughput;
    begin.test = test;
    begin.begin = run_.clock.now();
    NW_TRY(auto trial, TrialLog::begin(run_.store, id_, begin));
    load::TestPlan plan;
    plan.test = test;
    plan.budget = Seconds(test_budget_s(run_.options.quick));
    plan.min_measured = Seconds(2);
    plan.first_nonce = run_.next_nonce;
    if (group_) group_->rescan();
    trial.take(watcher_.look(group_.get(), watch::Detail::edge));
    const auto on_request = [&](const model::Request& request) {
      // CPU time per request: the counters at its end, which is also the beginning of the next one.
      trial.take(watcher_.look(group_.get(), watch::Detail::processes));
      if (const auto rate = model::tokens_per_second(request, test)) {
        run_.progress.figure(fmt::format("{} {:.1f} t/s", model::to_string(test), *rate));
      }
    };
    auto outcome = load::run_test(server_.endpoint(), *dialect_, plan, run_.clock, run_.options.stop_fd, on_request);
    last_request_ = run_.clock.now();
    if (!outcome) return outcome.error();
    trial.take(watcher_.look(group_.get(), watch::Detail::edge));
    run_.next_nonce = outcome->next_nonce;
    auto dead = server_.death();
    for (auto& request : outcome->requests) {
      request.error = backend_.filter.apply(request.error);
      trial.add(request);
    }
    auto reasons = outcome->reasons;
    if (dead) reasons.push_back(Reason::backend_died);
    if (server_.attached()) reasons.push_back(Reason::not_restarted);
    const bool cut = std::find(reasons.begin(), reasons.end(), Reason::interrupted) != reasons.end();
    NW_TRY(const bool again, trial.end(run_.clock.now(), reasons, !cut, run_.machine));
    if (cut) return interrupted_error();
    if (dead) return *dead;
    if (!again) break;
  }
  return {};
}

Status Repeat::idle_states() {
  const bool any = has_state(run_.campaign, State::loaded_idle) || has_state(run_.campaign, State::loaded_idle_late) ||
                   has_state(run_.campaign, State::frozen);
  if (any && !has_round(run_.campaign, Round::throughput)) NW_CHECK(one_request());
  if (has_state(run_.campaign, State::loaded_idle)) {
    NW_CHECK(settle());
    NW_CHECK(window(State::loaded_idle));
  }
  if (has_state(run_.campaign, State::loaded_idle_late)) {
    NW_CHECK(wait_until_late());
    NW_CHECK(window(State::loaded_idle_late));
  }
  if (has_state(run_.campaign, State::frozen)) NW_CHECK(frozen_window());
  if (has_state(run_.campaign, State::active)) NW_CHECK(active_window());
  return {};
}

// The request that makes "loaded, unused" into "loaded, idle" when no throughput round has asked any.
Status Repeat::one_request() {
  load::TestPlan plan;
  plan.test.generate = 8;
  plan.min_requests = 1;
  plan.max_requests = 1;
  plan.first_nonce = run_.next_nonce;
  NW_TRY(const auto outcome,
         load::run_test(server_.endpoint(), *dialect_, plan, run_.clock, run_.options.stop_fd, [](const auto&) {}));
  run_.next_nonce = outcome.next_nonce;
  last_request_ = run_.clock.now();
  if (auto dead = server_.death()) return *dead;
  return {};
}

Status Repeat::window(State state) {
  if (!group_ || group_->refresh().empty()) return impossible(state, Reason::process_not_visible);
  const double length = run_.campaign.rounds.idle_window_s;
  constexpr int kAttempts = 2;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    run_.progress.doing(fmt::format("{} {:.0f} s", model::to_string(state), length));
    model::Trial begin;
    begin.round = Round::idle;
    begin.state = state;
    begin.begin = run_.clock.now();
    NW_TRY(auto trial, TrialLog::begin(run_.store, id_, begin));
    const std::array interrupts = {run_.options.stop_fd, server_.exit_fd()};
    watch::WindowPlan plan;
    plan.length = Seconds(length);
    const int which = watcher_.watch(group_.get(), plan, interrupts, [&](const watch::Snapshot& snapshot) {
      trial.take(snapshot);
      if (const auto cores = trial.cores_so_far()) run_.progress.figure(fmt::format("{:.2f} cores", *cores));
      run_.progress.tick();
    });
    std::vector<Reason> reasons;
    if (which == 0) reasons.push_back(Reason::interrupted);
    if (which == 1) reasons.push_back(Reason::backend_died);
    if (server_.attached()) reasons.push_back(Reason::not_restarted);
    NW_TRY(const bool again, trial.end(run_.clock.now(), reasons, which < 0, run_.machine, length));
    if (which >= 0) return why_ended(which);
    if (!again) break;
  }
  return {};
}

// SIGSTOP keeps the model loaded and takes the host's polling away: what still draws power is the device.
Status Repeat::frozen_window() {
  if (server_.attached() && !run_.options.may_restart)
    return impossible(State::frozen, Reason::needs_restart_permission);
  if (!group_ || group_->refresh().empty()) return impossible(State::frozen, Reason::process_not_visible);
  const auto members = group_->refresh();
  for (const auto& member : members) os::freeze(member.pid);
  const Status status = window(State::frozen);
  for (const auto& member : members) os::thaw(member.pid);
  return status;
}

// Requests in flight all through the window: they are asked by a second thread, whose own end is the end of the window.
Status Repeat::active_window() {
  load::TestPlan plan;
  plan.test.generate = run_.campaign.workload.generate.front();
  plan.min_requests = plan.max_requests = 1 << 20;
  plan.budget = Seconds(1e9);
  plan.first_nonce = run_.next_nonce;
  run_.next_nonce += 1 << 20;
  os::EitherStop stop(run_.options.stop_fd);
  std::thread asking([&] {
    [[maybe_unused]] const auto outcome =
        load::run_test(server_.endpoint(), *dialect_, plan, run_.clock, stop.fd(), [](const auto&) {});
  });
  const Status status = window(State::active);
  stop.stop();
  asking.join();
  return status;
}

Status Repeat::impossible(State state, Reason reason) {
  model::Trial begin;
  begin.round = Round::idle;
  begin.state = state;
  begin.begin = run_.clock.now();
  NW_TRY(const auto trial, run_.store.begin_trial(id_, begin));
  const std::array reasons = {reason};
  return run_.store.end_trial(trial, run_.clock.now(), reasons);
}

Status Repeat::settle() {
  if (!group_) return {};
  run_.progress.doing("settling");
  constexpr auto kLook = std::chrono::milliseconds(400);
  constexpr double kSameCores = 0.03;
  const Moment deadline = run_.clock.now() + std::chrono::seconds(10);
  std::optional<double> before_cores;
  double cpu_before = -1;
  Moment at_before;
  while (run_.clock.now() < deadline) {
    double cpu = 0;
    const Moment at = run_.clock.now();
    for (const auto& process : watcher_.look(group_.get(), watch::Detail::processes).processes)
      cpu += static_cast<double>(process.cpu_ns);
    if (cpu_before >= 0) {
      const double cores = (cpu - cpu_before) * 1e-9 / to_seconds(at - at_before);
      if (before_cores && std::abs(cores - *before_cores) < kSameCores) return {};
      before_cores = cores;
    }
    cpu_before = cpu, at_before = at;
    const std::array fds = {run_.options.stop_fd, server_.exit_fd()};
    if (const int which = os::wait_until(at + kLook, fds); which >= 0) return why_ended(which);
  }
  return {};  // it does not settle: then its unrest is part of what is measured
}

Status Repeat::wait_until_late() {
  constexpr auto kLate = std::chrono::seconds(60);
  run_.progress.doing("waiting until 60 s after the last request");
  const std::array fds = {run_.options.stop_fd, server_.exit_fd()};
  if (const int which = os::wait_until(last_request_ + kLate, fds); which >= 0) return why_ended(which);
  return {};
}

Status Repeat::why_ended(int which) {
  if (which == 0) return interrupted_error();
  if (auto dead = server_.death()) return *dead;
  return failed_error("the server ended");
}

Status Repeat::take_labels() {
  model::Labels labels;
  for (const auto& [key, value] : dialect_->labels()) labels[key] = backend_.filter.apply(value);
  std::vector<pid_t> pids;
  if (group_) {
    for (const auto& member : group_->refresh()) pids.push_back(member.pid);
  }
  for (auto& [key, value] : backend::runtime_labels(run_.processes, pids)) labels[key] = value;
  if (const auto device = device_line(server_.log_head())) labels["device"] = *device;
  return run_.store.put_labels(backend_.index, labels);
}

Status measure_absent(RunContext& run, int index) {
  model::Restart restart;
  restart.session = run.session;
  restart.backend = -1;
  restart.index = index;
  restart.begin = run.clock.now();
  NW_TRY(const auto id, run.store.begin_restart(restart));
  const double length = run.campaign.rounds.idle_window_s;
  run.progress.doing(fmt::format("absent {:.0f} s", length));
  watch::Watcher watcher(run.processes, run.clock);
  watch::WindowPlan plan;
  plan.length = Seconds(length);
  const std::array interrupts = {run.options.stop_fd};
  constexpr int kAttempts = 2;
  int which = -1;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    model::Trial begin;
    begin.round = Round::idle;
    begin.state = State::absent;
    begin.begin = run.clock.now();
    NW_TRY(auto trial, TrialLog::begin(run.store, id, begin));
    which = watcher.watch(nullptr, plan, interrupts, [&](const watch::Snapshot& snapshot) {
      trial.take(snapshot);
      run.progress.tick();
    });
    std::vector<Reason> reasons;
    if (which >= 0) reasons.push_back(Reason::interrupted);
    NW_TRY(const bool again, trial.end(run.clock.now(), reasons, which < 0, run.machine, length));
    if (which >= 0 || !again) break;
  }
  const auto status = which < 0 ? model::RestartStatus::done : model::RestartStatus::interrupted;
  NW_CHECK(run.store.end_restart(id, run.clock.now(), status));
  if (which >= 0) return interrupted_error();
  return {};
}

}  // namespace nw::app
