// A run, from the outside in: what can be refused is refused before anything starts (a program, a model, a port that is
// not there: exit 3), the commands are shown, then the steps of the plan are done one by one. A server that fails costs
// its own repeat, not the run: the others go on, and a backend that fails twice in a row is left out. Whatever ends the
// run, the store holds every sample up to that moment.
#include "app/run_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "app/model_commands.h"
#include "app/plan.h"
#include "app/version.h"
#include "backend/dialects.h"
#include "base/log.h"
#include "base/text.h"
#include "machine_record.h"
#include "net/port.h"
#include "os/file.h"
#include "os/machine_facts.h"
#include "repeat.h"
#include "report/report.h"
#include "wire/url.h"

namespace nw::app {
namespace {

using model::Campaign;

std::string environment_or_empty(const std::string& name) { return os::environment_value(name).value_or(""); }

// Paths in a campaign are relative to the folder nightwatt is started in, as in a shell.
std::string absolute_path(const std::string& path) {
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(path, ignored);
  return ignored ? path : absolute.lexically_normal().string();
}

Result<BackendPlan> plan_backend(const Campaign& campaign, std::size_t index,
                                 const std::vector<std::string>& environment) {
  const auto& spec = campaign.backends[index];
  BackendPlan plan;
  plan.spec = &spec;
  plan.index = static_cast<int>(index);
  plan.filter = backend::secret_filter(spec, environment);
  if (!spec.api_key_env.empty()) {
    plan.api_key = environment_or_empty(spec.api_key_env);
    if (plan.api_key.empty()) {
      return lacking_error(fmt::format("backend \"{}\": the environment variable {} with its key is not set",
                                       printable(spec.name), printable(spec.api_key_env)),
                           fmt::format("export {}=… before the run", printable(spec.api_key_env)));
    }
  }
  if (spec.attached()) {
    NW_TRY(const auto url, wire::parse_url(spec.url));
    plan.attached_to = {url.host, url.port, url.secure()};
    plan.base_path = url.path;
    if (!spec.process.empty()) {
      NW_TRY(plan.processes, watch::parse_selector(spec.process));
    }
    return plan;
  }
  const auto& model = spec.model.empty() ? campaign.model : spec.model;
  const bool wants_model = std::any_of(spec.command.begin(), spec.command.end(),
                                       [](const auto& part) { return part.find("{model}") != std::string::npos; });
  plan.model_path = model.empty() ? "" : absolute_path(model);
  if (wants_model) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(plan.model_path, ignored)) {
      return lacking_error(fmt::format("backend \"{}\": there is no model file {}", printable(spec.name), model),
                           "correct `model` in the campaign, or make one: nightwatt model synth");
    }
  }
  NW_TRY([[maybe_unused]] const auto command, backend::make_command(spec, plan.model_path, 0, environment));
  if (spec.port != 0) {
    NW_TRY(const bool taken, net::port_in_use(static_cast<std::uint16_t>(spec.port)));
    if (taken) {
      return lacking_error(
          fmt::format("backend \"{}\": port {} is taken by another program", printable(spec.name), spec.port),
          "stop that program, or leave `port` out so that a free one is chosen");
    }
  }
  return plan;
}

void show_commands(const std::vector<BackendPlan>& backends) {
  log::raw(fmt::format("Commands of this campaign (no shell reads them; a url is only asked):\n"));
  for (const auto& backend : backends) {
    log::raw(fmt::format("  {}:", printable(backend.spec->name)));
    if (backend.spec->attached()) log::raw(fmt::format(" {}", printable(wire::mask_url(backend.spec->url))));
    for (const auto& [name, value] : backend.spec->env) {
      const bool secret = wire::is_secret_name(name);
      log::raw(fmt::format(" {}={}", printable(name),
                           secret ? std::string(wire::kMasked) : printable(backend.filter.apply(value))));
    }
    for (const auto& part : wire::mask_argv(backend.spec->command)) {
      log::raw(fmt::format(" {}", printable(backend.filter.apply(part))));
    }
    log::raw(fmt::format("\n"));
  }
}

// What the store keeps of a backend: secrets masked, of the environment only what is on the allow-list.
model::BackendRecord masked_record(const BackendPlan& plan) {
  model::BackendRecord record;
  record.spec = *plan.spec;
  record.spec.command = wire::mask_argv(record.spec.command);
  for (auto& part : record.spec.command) part = plan.filter.apply(part);
  record.spec.env = wire::mask_env(record.spec.env);
  for (auto& [name, value] : record.spec.env) value = plan.filter.apply(value);
  record.spec.url = record.spec.url.empty() ? "" : wire::mask_url(record.spec.url);
  for (const auto& part : record.spec.command) {
    auto& command = record.labels["command"];
    command += (command.empty() ? "" : " ") + part;
  }
  for (const auto& [name, value] : record.spec.env) record.labels["env." + name] = value;
  if (plan.spec->attached()) record.labels["attached"] = record.spec.url;
  return record;
}

std::string mask_everywhere(std::string text, const std::vector<BackendPlan>& backends) {
  for (const auto& backend : backends) text = backend.filter.apply(text);
  return wire::mask_text(text);
}

// The text that the store keeps. A value over several lines, each ended by a backslash, is joined as TOML joins it:
// otherwise a secret in it would not be found.
std::string stored_text(std::string_view text, const std::vector<BackendPlan>& backends) {
  std::string joined;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::size_t next = i + 1;
    if (text[i] == '\\') next = text.find_first_not_of(" \t\r", i + 1);
    if (text[i] != '\\' || next == text.npos || text[next] != '\n') {
      joined += text[i];
      continue;
    }
    next = text.find_first_not_of(" \t\r\n", next);
    if (next == text.npos) break;
    i = next - 1;
  }
  return mask_everywhere(std::move(joined), backends);
}

class RunLoop {
 public:
  RunLoop(const RunOptions& options, const Campaign& campaign, std::vector<BackendPlan> backends, const Clock& clock,
          os::Processes& processes)
      : options_(options), campaign_(campaign), backends_(std::move(backends)), clock_(clock), processes_(processes) {}

  Result<RunOutcome> run();

 private:
  Result<store::RunStore> open_store();
  model::Run header();
  Status check_resumable(const model::Run& before) const;
  Status do_step(RunContext& context, const Step& step);
  std::vector<Step> remaining(const model::Run& before) const;
  Result<std::string> do_steps(RunContext& context, const std::vector<Step>& steps);
  Status finish(store::RunStore& store, int session, const std::string& reason, bool complete);
  double expected_left(const std::vector<Step>& steps, std::size_t from) const;

  const RunOptions& options_;
  const Campaign& campaign_;
  std::vector<BackendPlan> backends_;
  const Clock& clock_;
  os::Processes& processes_;
  std::vector<int> failures_in_row_;
  std::string trouble_;
  double measured_s_ = 0, guessed_s_ = 0;  // of the steps done: how far the guess was off
};

model::Run RunLoop::header() {
  model::Run run;
  run.id = os::random_uuid();
  run.started_at = iso_time(clock_.wall_ns());
  run.machine = machine_record();
  run.campaign = campaign_;
  run.campaign.text = stored_text(campaign_.text, backends_);
  for (const auto& backend : backends_) run.backends.push_back(masked_record(backend));
  for (std::size_t i = 0; i < run.campaign.backends.size(); ++i) run.campaign.backends[i] = run.backends[i].spec;
  for (const auto& backend : backends_) {
    if (backend.model_path.empty()) continue;
    run.model = model_record(backend.model_path, options_.stop_fd);
    break;
  }
  return run;
}

// --resume goes on with the same plan, so it must be the same campaign on the same machine.
Status RunLoop::check_resumable(const model::Run& before) const {
  if (before.campaign.text != stored_text(campaign_.text, backends_)) {
    return usage_error(fmt::format("the run in {} was made from another campaign", options_.out),
                       "use another --out, or the campaign as it was");
  }
  if (before.campaign.rounds.restarts != campaign_.rounds.restarts ||
      before.campaign.rounds.idle_window_s != campaign_.rounds.idle_window_s) {
    return usage_error(fmt::format("the run in {} was made with another plan", options_.out),
                       "give --quick and --target as they were given then");
  }
  if (before.machine.id != machine_record().id) {
    return usage_error(fmt::format("the run in {} was made on another machine", options_.out), "use another --out");
  }
  return {};
}

Result<store::RunStore> RunLoop::open_store() {
  const bool there = store::has_run(options_.out);
  if (options_.resume) {
    if (!there)
      return lacking_error(fmt::format("there is no run in {} to go on with", options_.out), "leave out --resume");
    return store::RunStore::open(options_.out, store::Mode::read_write);
  }
  if (there) {
    return usage_error(fmt::format("there is a run in {} already", options_.out),
                       "go on with it by --resume, or name another folder by --out");
  }
  return store::RunStore::create(options_.out, header());
}

std::vector<Step> RunLoop::remaining(const model::Run& before) const {
  std::vector<Step> steps = plan_steps(campaign_);
  std::erase_if(steps, [&](const Step& step) {
    return std::any_of(before.restarts.begin(), before.restarts.end(), [&](const model::Restart& restart) {
      return restart.backend == step.backend && restart.index == step.index &&
             restart.status == model::RestartStatus::done;
    });
  });
  return steps;
}

double RunLoop::expected_left(const std::vector<Step>& steps, std::size_t from) const {
  double seconds = 0;
  for (std::size_t i = from; i < steps.size(); ++i) {
    seconds += expected_step_s(campaign_, steps[i], kGuessStartS, kGuessTestS);
  }
  return guessed_s_ > 0 ? seconds * measured_s_ / guessed_s_ : seconds;
}

Status RunLoop::do_step(RunContext& context, const Step& step) {
  if (step.backend < 0) return measure_absent(context, step.index);
  Repeat repeat(context, backends_[static_cast<std::size_t>(step.backend)], step.index);
  return repeat.measure();
}

// Returns why it stopped.
Result<std::string> RunLoop::do_steps(RunContext& context, const std::vector<Step>& steps) {
  const Moment begin = clock_.now();
  failures_in_row_.assign(backends_.size(), 0);
  constexpr int kGiveUpAfter = 2;
  const auto given_up = [&](int backend) {
    return backend >= 0 && failures_in_row_[static_cast<std::size_t>(backend)] >= kGiveUpAfter;
  };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    if (given_up(step.backend)) continue;
    if (std::all_of(failures_in_row_.begin(), failures_in_row_.end(), [](int n) { return n >= kGiveUpAfter; })) break;
    const std::string name =
        step.backend < 0 ? "machine alone" : backends_[static_cast<std::size_t>(step.backend)].spec->name;
    const bool block_begins = i == 0 || step.index != steps[i - 1].index;
    const double elapsed = to_seconds(clock_.now() - begin);
    if (options_.quick && block_begins && i > 0 && elapsed + elapsed / step.index > kQuickSeconds) return "limit";
    if (block_begins && i > 0 && step.index >= 2) {
      NW_TRY(const auto so_far, context.store.load());
      if (report::precision_of(so_far, campaign_.rounds.target).reached) return "target";
    }
    context.progress.step(static_cast<int>(i + 1), static_cast<int>(steps.size()), name, expected_left(steps, i));
    const Moment step_begin = clock_.now();
    const Status status = do_step(context, step);
    measured_s_ += to_seconds(clock_.now() - step_begin);
    guessed_s_ += expected_step_s(campaign_, step, kGuessStartS, kGuessTestS);
    if (!status && status.error().kind == ErrorKind::interrupted) return status.error();
    if (step.backend >= 0) {
      auto& failures = failures_in_row_[static_cast<std::size_t>(step.backend)];
      failures = status ? 0 : failures + 1;
    }
    if (status) continue;
    if (step.backend < 0) return status.error();  // the machine itself: the store, most likely
    const auto& filter = backends_[static_cast<std::size_t>(step.backend)].filter;
    const std::string sentence =
        fmt::format("backend \"{}\": {}", printable(name), filter.apply(status.error().message));
    context.progress.clear();
    const bool ends_the_run = status.error().kind == ErrorKind::lacking;  // then the caller says it
    if (!ends_the_run) {
      log::write(log::Level::error, sentence);
      if (!status.error().hint.empty()) log::raw(fmt::format("hint: {}\n", status.error().hint));
    }
    if (trouble_.empty()) trouble_ = sentence;
    NW_CHECK(context.store.add_note(
        step.backend, fmt::format("repeat {} failed: {}", step.index + 1, filter.apply(status.error().message))));
    if (ends_the_run) return status.error();
  }
  return trouble_.empty() ? "limit" : "failed: " + trouble_;
}

Status RunLoop::finish(store::RunStore& store, int session, const std::string& reason, bool complete) {
  NW_CHECK(store.set_complete(complete, reason));
  NW_CHECK(store.end_session(session, clock_.now(), os::self_cpu_s()));
  return store.close();
}

Result<RunOutcome> RunLoop::run() {
  NW_TRY(auto store, open_store());
  NW_TRY(const auto before, store.load());
  if (options_.resume) NW_CHECK(check_resumable(before));
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(options_.out) / "logs", ignored);

  const auto steps = remaining(before);
  Progress progress(clock_, !options_.quiet && os::is_terminal(2), os::terminal_width(2));
  RunContext context{campaign_, options_,
                     clock_,    processes_,
                     store,     before.machine,
                     progress,  os::environment(),
                     0,         static_cast<std::uint64_t>(clock_.wall_ns())};
  model::Session session;
  session.id = os::random_uuid();
  session.boot_id = os::machine_facts().boot_id;
  session.begin = clock_.now();
  session.wall_offset_ns = clock_.wall_ns() - session.begin.ns;
  session.tool_version = version().version;
  session.tool_commit = version().commit;
  NW_TRY(context.session, store.begin_session(session));
  if (!options_.resume) {
    for (std::size_t i = 0; i < backends_.size(); ++i) {
      for (const auto& note : not_possible(campaign_)) NW_CHECK(store.add_note(static_cast<int>(i), note));
    }
  }
  auto reason = do_steps(context, steps);
  const bool interrupted = !reason && reason.error().kind == ErrorKind::interrupted;
  const std::string why = reason ? *reason : interrupted ? "interrupted" : "failed: " + reason.error().message;
  const bool complete = reason.has_value() && trouble_.empty();
  NW_TRY(const auto after, store.load());
  NW_CHECK(finish(store, context.session, mask_everywhere(why, backends_), complete));
  progress.clear();
  if (!store::has_run(options_.out)) {
    return failed_error(
        fmt::format("{} was removed while the run went on, and what was measured with it", options_.out),
        "run again, and leave the folder alone until it is done");
  }
  if (!reason) return reason.error();

  RunOutcome outcome;
  outcome.dir = options_.out;
  outcome.trouble = trouble_;
  outcome.anything_valid = report::make_report(after).anything_valid();
  for (const auto& restart : after.restarts) {
    for (const auto& trial : restart.trials) {
      const bool impossible = trial.begin == trial.end || trial.machine.empty();  // a state that could not be measured
      outcome.trials += impossible ? 0 : 1;
      outcome.invalid_trials += impossible || trial.valid() ? 0 : 1;
      outcome.competing_trials +=
          std::count(trial.reasons.begin(), trial.reasons.end(), model::Reason::competing_load) > 0 ? 1 : 0;
    }
    outcome.restarts_done += restart.backend >= 0 && restart.status == model::RestartStatus::done ? 1 : 0;
  }
  return outcome;
}

// A server that is not there is said before the others are measured for an hour.
Status check_attached(const BackendPlan& backend, const RunOptions& options, const Clock& clock) {
  if (!backend.spec->attached()) return {};
  backend::DialectOptions dialect_options;
  dialect_options.model = backend.spec->model;
  dialect_options.api_key = backend.api_key;
  dialect_options.base_path = backend.base_path;
  const auto dialect = backend::make_dialect(backend.spec->engine, std::move(dialect_options));
  auto server = backend::Server::attach(backend.attached_to);
  auto ready = server.wait_ready(*dialect, Seconds(backend.spec->ready_timeout_s), clock, options.stop_fd);
  if (ready) return {};
  return std::move(ready).error().within(fmt::format("backend \"{}\"", printable(backend.spec->name)));
}

void print_plan(const Campaign& campaign, const std::vector<BackendPlan>& backends) {
  const auto steps = plan_steps(campaign);
  double seconds = 0;
  for (const auto& step : steps) seconds += expected_step_s(campaign, step, kGuessStartS, kGuessTestS);
  fmt::print("Plan: {} backend{}, up to {} restarts each, {} steps, about {}\n", backends.size(),
             backends.size() == 1 ? "" : "s", campaign.rounds.restarts, steps.size(), human_seconds(seconds));
  fmt::print("  tests:      ");
  for (const auto& test : model::tests_of(campaign.workload)) {
    if (has_round(campaign, model::Round::throughput)) fmt::print(" {}", model::to_string(test));
  }
  fmt::print("\n  idle states:");
  for (const auto state : campaign.rounds.idle_states) {
    if (has_round(campaign, model::Round::idle)) fmt::print(" {}", model::to_string(state));
  }
  fmt::print(" ({:.0f} s each)\n", campaign.rounds.idle_window_s);
  constexpr int kFirstStop = 8;  // stats/sequential.h: nobody may stop earlier
  if (campaign.rounds.restarts > kFirstStop && campaign.backends.size() > 1) {
    fmt::print("  stops from repeat {} on, once every ratio is known to ±{:.1f} %\n", kFirstStop,
               campaign.rounds.target * 100);
  }
  if (campaign.backends.size() == 1) {
    fmt::print("  one backend only: its figures will be there, but the verdict needs a second one to compare with\n");
  }
  fmt::print("  seed {}\n", campaign.rounds.seed);
  for (const auto& note : not_possible(campaign)) fmt::print("  {}\n", note);
  fmt::print("Order:\n");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto name = steps[i].backend < 0
                          ? "machine alone"
                          : printable(campaign.backends[static_cast<std::size_t>(steps[i].backend)].name);
    fmt::print("  {:3}  repeat {:2}  {:<30}  about {}\n", i + 1, steps[i].index + 1, name,
               human_seconds(expected_step_s(campaign, steps[i], kGuessStartS, kGuessTestS)));
  }
}

}  // namespace

Result<RunOutcome> run(const RunOptions& options, const Clock& clock, os::Processes& processes) {
  Campaign campaign = options.campaign;
  std::vector<std::string> changes;
  if (options.quick) {
    auto quick = make_quick(std::move(campaign));
    campaign = std::move(quick.campaign);
    changes = std::move(quick.changes);
  }
  std::vector<BackendPlan> backends;
  const auto environment = os::environment();
  for (std::size_t i = 0; i < campaign.backends.size(); ++i) {
    NW_TRY(auto plan, plan_backend(campaign, i, environment));
    backends.push_back(std::move(plan));
  }
  for (const auto& change : changes) log::raw(fmt::format("--quick: {}\n", change));
  show_commands(backends);
  if (!options.dry_run) {
    for (const auto& backend : backends) NW_CHECK(check_attached(backend, options, clock));
  }
  if (options.dry_run) {
    print_plan(campaign, backends);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      return failed_error("cannot write to standard output", "is the disk full, or the reader gone?");
    }
    return RunOutcome{};
  }
  return RunLoop(options, campaign, std::move(backends), clock, processes).run();
}

}  // namespace nw::app
