// Hand-made runs with known answers. Everything is fixed, so that the rendered text can be compared byte for byte.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/run_data.h"
#include "unit/cost/trials.h"

namespace nw::test {

struct BackendPlan {
  std::string name;
  double idle_cores = 0.01;
  double prompt_rate = 256, output_rate = 32;
  double busy_cores = 2;
  std::string compute = "cpu";
};

inline model::Run empty_run(int restarts) {
  model::Run run;
  run.id = "0b6f7f0e-0000-4000-8000-000000000001";
  run.started_at = "2026-03-01T10:00:00Z";
  run.machine.id = "abcdef0123456789";
  run.machine.boot_id = "11111111-2222-4333-8444-555555555555";
  run.machine.os = "Debian GNU/Linux 12 (bookworm)";
  run.machine.kernel = "6.1.0";
  run.machine.arch = "x86_64";
  run.machine.cpu = "Test CPU 9000";
  run.machine.cpus = 4;
  run.machine.memory_bytes = 8'000'000'000;
  run.model.path = "models/tiny.gguf";
  run.model.name = "tiny";
  run.model.arch = "llama";
  run.model.quant = "Q4_K_M";
  run.model.bytes = 83'000'000;
  run.campaign.rounds.restarts = restarts;
  run.campaign.workload.prompt = {64};
  run.campaign.workload.generate = {16};
  model::Session session;
  session.begin = at_second(-100);
  session.end = at_second(500);
  session.self_cpu_s = 6;
  session.tool_version = "0.1.0";
  session.tool_commit = "abcdef123456";
  run.sessions.push_back(session);
  run.complete = true;
  run.stop_reason = "limit";
  return run;
}

// One restart of a backend; `wobble` is a factor near 1 that belongs to it.
inline model::Restart restart_of(const BackendPlan& plan, int backend, int index, double wobble) {
  model::Restart restart;
  restart.id = backend * 100 + index + 1;
  restart.backend = backend;
  restart.index = index;
  restart.status = model::RestartStatus::done;
  const BusyPlan prompt = {{.prompt = 64, .generate = 0}, plan.prompt_rate * wobble, plan.busy_cores};
  const BusyPlan output = {{.prompt = 0, .generate = 16}, plan.output_rate * wobble, plan.busy_cores};
  restart.trials.push_back(idle_trial(model::State::loaded_unused, 0.004));
  restart.trials.push_back(busy_trial(prompt));
  restart.trials.push_back(busy_trial(output));
  restart.trials.push_back(idle_trial(model::State::loaded_idle, plan.idle_cores * wobble));
  return restart;
}

inline void add_backend(model::Run& run, const BackendPlan& plan, int phase) {
  model::BackendRecord record;
  record.spec.name = plan.name;
  record.spec.command = {"llama-server"};
  record.labels = {{"compute", plan.compute}, {"engine_version", "b6123"}, {"threads", "2"}};
  const int backend = static_cast<int>(run.backends.size());
  run.backends.push_back(record);
  for (int i = 0; i < run.campaign.rounds.restarts; ++i) {
    // The same for all in a block, and a little of its own.
    const double wobble = 1 + 0.01 * (i % 3 - 1) + 0.002 * ((i + phase) % 2 == 0 ? 1 : -1);
    run.restarts.push_back(restart_of(plan, backend, i, wobble));
  }
}

inline void add_absent(model::Run& run) {
  for (int i = 0; i < run.campaign.rounds.restarts; ++i) {
    model::Restart restart;
    restart.id = 1000 + i;
    restart.backend = -1;
    restart.index = i;
    restart.status = model::RestartStatus::done;
    restart.trials.push_back(idle_trial(model::State::absent, 0.0302 + 0.001 * i));
    run.restarts.push_back(restart);
  }
}

inline model::Run run_of(const std::vector<BackendPlan>& plans, int restarts = 4) {
  model::Run run = empty_run(restarts);
  add_absent(run);
  int phase = 0;
  for (const BackendPlan& plan : plans) add_backend(run, plan, phase++);
  return run;
}

// Same speed, one burns a core while idle.
inline model::Run polling_run() {
  return run_of(
      {{.name = "llama.cpp CPU", .idle_cores = 0.01}, {.name = "llama.cpp CPU polling", .idle_cores = 1.0012}});
}

inline void invalidate(model::Run& run, int backend, model::Reason reason) {
  for (model::Restart& restart : run.restarts) {
    if (restart.backend != backend) continue;
    for (model::Trial& trial : restart.trials) trial.reasons.push_back(reason);
  }
}

}  // namespace nw::test
