// One scan per table in the order of writing; what belongs to a trial finds it in a map. The file may have been changed
// by hand or be hostile: what points nowhere is an error, because callers use these numbers as indexes.
#include "load_run.h"

#include <fmt/core.h>

#include <unordered_map>

#include "header_rows.h"
#include "moments_blob.h"
#include "records.h"

namespace nw::store {
namespace {

Error points_nowhere(std::string_view what, std::int64_t id) {
  return failed_error(fmt::format("the run is damaged: {} {} belongs to nothing", what, id),
                      "its file was changed by another program");
}

struct ThreadName {
  model::Trial* trial;
  std::int32_t pid;
  std::int32_t tid;
  std::string comm;
};

class Loader {
 public:
  Loader(Database& database, model::Run& run) : database_(database), run_(run) {}

  Status load() {
    NW_CHECK(load_header(database_, run_));
    NW_CHECK(load_sessions());
    NW_CHECK(load_restarts());
    NW_CHECK(load_trials());
    NW_CHECK(load_reasons());
    NW_CHECK(load_of_trials<model::ProcessSample>("a process sample of trial", &model::Trial::processes));
    NW_CHECK(load_of_trials<model::MachineSample>("a machine sample of trial", &model::Trial::machine));
    NW_CHECK(load_thread_names());
    NW_CHECK(load_threads());
    return load_requests();
  }

 private:
  Status load_sessions() {
    return each<model::Session, int>(database_, [&](int, model::Session&& session) -> Status {
      run_.sessions.push_back(std::move(session));
      return {};
    });
  }

  Status load_restarts() {
    return each<model::Restart, std::int64_t>(database_, [&](std::int64_t id, model::Restart&& restart) -> Status {
      const auto sessions = static_cast<std::int64_t>(run_.sessions.size());
      const auto backends = static_cast<std::int64_t>(run_.backends.size());
      if (restart.session < 0 || restart.session >= sessions) return points_nowhere("restart", id);
      if (restart.backend < -1 || restart.backend >= backends) return points_nowhere("restart", id);
      restart.id = id;
      run_.restarts.push_back(std::move(restart));
      return {};
    });
  }

  Status load_trials() {
    std::unordered_map<std::int64_t, model::Restart*> restarts;
    for (auto& restart : run_.restarts) restarts.emplace(restart.id, &restart);
    const Status loaded = each<TrialRow, std::int64_t>(database_, [&](std::int64_t id, TrialRow&& row) -> Status {
      const auto restart = restarts.find(row.restart);
      if (restart == restarts.end()) return points_nowhere("trial", id);
      auto& trial = restart->second->trials.emplace_back();
      trial.id = id;
      trial.round = row.round;
      trial.state = row.state;
      if (row.prompt) {
        trial.test = {*row.prompt, row.generate.value_or(0), row.depth.value_or(0), row.concurrency.value_or(1)};
      }
      trial.begin = row.begin;
      trial.end = row.end;
      trial.finished = row.finished;
      return {};
    });
    // Only now: the vectors do not move any more.
    for (auto& restart : run_.restarts) {
      for (auto& trial : restart.trials) trials_.emplace(trial.id, &trial);
    }
    return loaded;
  }

  Status load_reasons() {
    return database_.each("SELECT trial,reason FROM trial_reason ORDER BY trial,position",
                          [&](Statement& row) -> Status {
                            std::int64_t trial = 0;
                            model::Reason reason{};
                            NW_CHECK(row.row(trial, reason));
                            const auto found = trials_.find(trial);
                            if (found == trials_.end()) return points_nowhere("a reason of trial", trial);
                            found->second->reasons.push_back(reason);
                            return {};
                          });
  }

  template <class T>
  Status load_of_trials(std::string_view what, std::vector<T> model::Trial::* list) {
    return each<T, std::int64_t>(database_, [&](std::int64_t id, T&& sample) -> Status {
      const auto trial = trials_.find(id);
      if (trial == trials_.end()) return points_nowhere(what, id);
      (trial->second->*list).push_back(std::move(sample));
      return {};
    });
  }

  Status load_thread_names() {
    return database_.each("SELECT id,trial,pid,tid,comm FROM thread", [&](Statement& row) -> Status {
      std::int64_t id = 0;
      std::int64_t trial = 0;
      ThreadName name{};
      NW_CHECK(row.row(id, trial, name.pid, name.tid, name.comm));
      const auto found = trials_.find(trial);
      if (found == trials_.end()) return points_nowhere("a thread of trial", trial);
      name.trial = found->second;
      threads_.emplace(id, std::move(name));
      return {};
    });
  }

  Status load_threads() {
    return each<model::ThreadSample, std::int64_t>(database_, [&](std::int64_t id, model::ThreadSample&& s) -> Status {
      const auto name = threads_.find(id);
      if (name == threads_.end()) return points_nowhere("a sample of thread", id);
      s.pid = name->second.pid;
      s.tid = name->second.tid;
      s.comm = name->second.comm;
      name->second.trial->threads.push_back(std::move(s));
      return {};
    });
  }

  Status load_requests() {
    return each<model::Request, std::int64_t, std::string>(
        database_, [&](std::int64_t id, const std::string& times, model::Request&& request) -> Status {
          const auto trial = trials_.find(id);
          if (trial == trials_.end()) return points_nowhere("a request of trial", id);
          auto moments = unpack_moments(times);
          if (!moments) return failed_error(fmt::format("the token times of a request of trial {} are damaged", id));
          request.token_times = std::move(*moments);
          trial->second->requests.push_back(std::move(request));
          return {};
        });
  }

  Database& database_;
  model::Run& run_;
  std::unordered_map<std::int64_t, model::Trial*> trials_;
  std::unordered_map<std::int64_t, ThreadName> threads_;
};

}  // namespace

Result<model::Run> load_run(Database& database) {
  model::Run run;
  NW_TRY(const std::int64_t schema, database.integer("PRAGMA user_version"));
  run.schema = static_cast<int>(schema);
  NW_CHECK(Loader(database, run).load());
  return run;
}

}  // namespace nw::store
