// One repeat of one backend: start, states, tests, stop. Private to app/.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/progress.h"
#include "app/run_command.h"
#include "backend/server.h"
#include "base/clock.h"
#include "load/throughput.h"
#include "model/dialect.h"
#include "model/run_data.h"
#include "os/process.h"
#include "store/run_store.h"
#include "watch/watcher.h"
#include "wire/mask.h"

namespace nw::app {

// What all repeats of a run share.
struct RunContext {
  const model::Campaign& campaign;
  const RunOptions& options;
  const Clock& clock;
  os::Processes& processes;
  store::RunStore& store;
  const model::Machine& machine;
  Progress& progress;
  std::vector<std::string> environment;
  int session = 0;
  std::uint64_t next_nonce = 1;  // no prompt of a run repeats another one's beginning
};

// What is known of a backend before it is started.
struct BackendPlan {
  const model::BackendSpec* spec = nullptr;
  int index = 0;
  std::string model_path;
  std::string api_key;
  net::Endpoint attached_to;                 // of an attached one
  std::string base_path;                     // of its URL
  std::optional<watch::Selector> processes;  // of an attached one
  wire::SecretFilter filter;
};

class Repeat {
 public:
  Repeat(RunContext& run, const BackendPlan& backend, int index);

  // Everything, from start to stop. Whatever happens is in the store; an error says why it ended early. The server is
  // down when this returns.
  Status measure();

 private:
  Status start();
  Status measure_states();
  Status before_requests();
  Status throughput();
  Status run_test(const model::Test& test);
  Status idle_states();
  Status one_request();

  // An idle window in this state; its trial. `seen`: whether the processes are watched at all.
  Status window(model::State state);
  Status frozen_window();
  Status active_window();
  // A trial that cannot be measured: kept with its reason, so that the report can say why the state is null.
  Status impossible(model::State state, model::Reason reason);
  // Waits until the backend's CPU use is the same twice in a row (or 10 s): loading and answering have their tails.
  Status settle();
  Status wait_until_late();
  // An interrupt or the server's death, from the index that wait_until or watch() returned.
  Status why_ended(int which);
  Status take_labels();

  RunContext& run_;
  const BackendPlan& backend_;
  int index_;
  std::int64_t id_ = 0;
  backend::Server server_;
  std::unique_ptr<model::Dialect> dialect_;
  std::unique_ptr<watch::ProcessGroup> group_;
  watch::Watcher watcher_;
  Moment last_request_;
};

// The machine alone: one window with no backend of the campaign running.
Status measure_absent(RunContext& run, int index);

}  // namespace nw::app
