// The calls of RunStore, each one transaction, one after the other under a mutex. What they keep between calls: the
// prepared statements (database.h), and the ids of the threads seen in the current trial, so that a sample of a known
// thread costs a single insert of five integers.
#include "store/run_store.h"

#include <fmt/core.h>

#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <tuple>

#include "database.h"
#include "header_rows.h"
#include "load_run.h"
#include "moments_blob.h"
#include "records.h"
#include "run_file.h"
#include "run_lock.h"

namespace nw::store {

namespace fs = std::filesystem;

class RunStore::Impl {
 public:
  Impl(Database database, std::optional<RunLock> lock) : lock_(std::move(lock)), database_(std::move(database)) {}

  // One call: all of work() or nothing of it.
  template <class Work>
  Status write(Work work) {
    const std::scoped_lock guard(mutex_);
    if (!database_) return closed();
    if (!lock_) return usage_error("the run was opened for reading only");
    Status status = database_->transact("BEGIN IMMEDIATE", [&] { return work(*database_); });
    // Threads that were added by a call that was taken back are not in the file.
    if (!status) threads_.clear();
    return status;
  }

  // The same for a call with a value: work(Database&, T&).
  template <class T, class Work>
  Result<T> write_for(Work work) {
    T value{};
    NW_CHECK(write([&](Database& database) { return work(database, value); }));
    return value;
  }

  template <class Work>
  Status read(Work work) {
    const std::scoped_lock guard(mutex_);
    if (!database_) return closed();
    return database_->transact("BEGIN", [&] { return work(*database_); });
  }

  Status close() {
    const std::scoped_lock guard(mutex_);
    if (!database_) return {};
    Status status;
    if (lock_) status = tidy_up(*database_);
    // First the file, then the lock.
    database_.reset();
    lock_.reset();
    return status;
  }

  Status append_threads(Database& database, std::int64_t trial, std::span<const model::ThreadSample> samples) {
    if (trial != threads_of_) threads_.clear();
    threads_of_ = trial;
    for (const auto& sample : samples) {
      NW_TRY(const std::int64_t thread, thread_id(database, trial, sample));
      NW_CHECK(insert(database, sample, thread));
    }
    return {};
  }

  // Outside a window is the time to wait for the disk. That a reader keeps the log from being merged is no error.
  void checkpoint() {
    const std::scoped_lock guard(mutex_);
    if (database_) sqlite3_wal_checkpoint_v2(database_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }

 private:
  using ThreadKey = std::tuple<std::int32_t, std::int32_t, std::string>;

  static Error closed() { return usage_error("the run's store is closed already"); }

  Result<std::int64_t> thread_id(Database& database, std::int64_t trial, const model::ThreadSample& s) {
    ThreadKey key(s.pid, s.tid, s.comm);
    if (const auto known = threads_.find(key); known != threads_.end()) return known->second;
    // It may be in the file, when samples of two trials alternate.
    NW_CHECK(
        database.run("INSERT OR IGNORE INTO thread(trial,pid,tid,comm) VALUES(?,?,?,?)", trial, s.pid, s.tid, s.comm));
    std::int64_t id = 0;
    NW_CHECK(database.each(
        "SELECT id FROM thread WHERE trial = ? AND pid = ? AND tid = ? AND comm = ?",
        [&](Statement& row) { return row.row(id); }, trial, s.pid, s.tid, s.comm));
    threads_.emplace(std::move(key), id);
    return id;
  }

  std::mutex mutex_;
  std::optional<RunLock> lock_;  // only of a writer
  std::optional<Database> database_;
  std::map<ThreadKey, std::int64_t> threads_;
  std::int64_t threads_of_ = 0;  // the trial that they belong to
};

namespace {

template <class T>
Status insert_all(Database& database, std::int64_t trial, std::span<const T> samples) {
  for (const T& sample : samples) NW_CHECK(insert(database, sample, trial));
  return {};
}

TrialRow row_of(std::int64_t restart, const model::Trial& trial) {
  TrialRow row;
  row.restart = restart;
  row.round = trial.round;
  row.state = trial.state;
  if (trial.test) {
    row.prompt = trial.test->prompt;
    row.generate = trial.test->generate;
    row.depth = trial.test->depth;
    row.concurrency = trial.test->concurrency;
  }
  row.begin = trial.begin;
  row.end = trial.end;
  return row;
}

}  // namespace

bool has_run(const fs::path& dir) { return is_there(run_file(dir)); }

Result<RunStore> RunStore::create(const fs::path& dir, const model::Run& header) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) {
    return lacking_error(fmt::format("cannot create the folder {}: {}", dir.string(), error.message()),
                         "choose a folder that you may write to");
  }
  NW_TRY(RunLock lock, RunLock::take(dir));
  if (has_run(dir)) {
    return usage_error(fmt::format("{} holds a run already", dir.string()),
                       "go on with it by --resume, or choose another folder with --out");
  }
  NW_CHECK(make_run_file(dir, header));
  NW_TRY(Database database, open_for_writing(dir));
  return RunStore(std::make_unique<Impl>(std::move(database), std::move(lock)));
}

Result<RunStore> RunStore::open(const fs::path& dir, Mode mode) {
  if (mode == Mode::read_only) {
    NW_TRY(Database database, open_for_reading(dir));
    return RunStore(std::make_unique<Impl>(std::move(database), std::nullopt));
  }
  // Before the lock, whose file would otherwise be created in a folder without a run.
  if (!has_run(dir)) {
    NW_TRY(Database none, open_for_reading(dir));
  }
  NW_TRY(RunLock lock, RunLock::take(dir));
  NW_TRY(Database database, open_for_writing(dir));
  return RunStore(std::make_unique<Impl>(std::move(database), std::move(lock)));
}

RunStore::RunStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunStore::RunStore(RunStore&&) noexcept = default;
RunStore& RunStore::operator=(RunStore&& other) noexcept {
  // What this one had is ended by the other's destructor.
  std::swap(impl_, other.impl_);
  return *this;
}

RunStore::~RunStore() {
  if (!impl_) return;
  if (const Status status = close(); !status) log::warning("{}", status.error().message);
}

Status RunStore::close() { return impl_->close(); }

Result<model::Run> RunStore::load() const {
  model::Run run;
  NW_CHECK(impl_->read([&](Database& database) -> Status {
    NW_TRY(run, load_run(database));
    return {};
  }));
  return run;
}

Result<std::vector<Event>> RunStore::events() const {
  std::vector<Event> events;
  NW_CHECK(impl_->read([&](Database& database) {
    return each<Event, int>(database, [&](int session, Event&& event) -> Status {
      event.session = session;
      events.push_back(std::move(event));
      return {};
    });
  }));
  return events;
}

Result<int> RunStore::begin_session(const model::Session& session) {
  return impl_->write_for<int>([&](Database& database, int& position) -> Status {
    NW_TRY(const std::int64_t count, database.integer("SELECT count(*) FROM session"));
    position = static_cast<int>(count);
    model::Session begun = session;
    begun.end.reset();
    begun.self_cpu_s = 0;
    return insert(database, begun, position);
  });
}

Status RunStore::end_session(int session, Moment end, double self_cpu_s) {
  return impl_->write([&](Database& database) {
    return database.run_one("UPDATE session SET end_ns = ?, self_cpu_s = ? WHERE position = ?", end, self_cpu_s,
                            session);
  });
}

Status RunStore::put_labels(int backend, const model::Labels& labels) {
  return impl_->write([&](Database& database) -> Status {
    for (const auto& [name, value] : labels) NW_CHECK(save_label(database, backend, name, value));
    return {};
  });
}

Status RunStore::add_note(int backend, std::string_view note) {
  return impl_->write([&](Database& database) {
    return database.run(R"sql(
      INSERT INTO backend_note(backend, position, text)
        SELECT ?1, (SELECT count(*) FROM backend_note WHERE backend = ?1), ?2
        WHERE NOT EXISTS (SELECT 1 FROM backend_note WHERE backend = ?1 AND text = ?2))sql",
                        backend, note);
  });
}

Status RunStore::set_model(const model::ModelRecord& record) {
  return impl_->write([&](Database& database) -> Status {
    NW_CHECK(database.run("DELETE FROM model"));
    return insert(database, record, 0);
  });
}

Result<std::int64_t> RunStore::begin_restart(const model::Restart& restart) {
  return impl_->write_for<std::int64_t>([&](Database& database, std::int64_t& id) -> Status {
    NW_TRY(const std::int64_t backends, database.integer("SELECT count(*) FROM backend WHERE list = 'run'"));
    if (restart.backend < -1 || restart.backend >= backends) return no_such_parent();
    model::Restart begun;
    begun.session = restart.session;
    begun.backend = restart.backend;
    begun.index = restart.index;
    begun.begin = restart.begin;
    NW_CHECK(insert(database, begun, std::optional<std::int64_t>()));
    id = database.last_id();
    return {};
  });
}

Status RunStore::set_ready(std::int64_t restart, Moment ready) {
  return impl_->write([&](Database& database) {
    return database.run_one("UPDATE restart SET ready_ns = ? WHERE id = ?", ready, restart);
  });
}

Status RunStore::end_restart(std::int64_t restart, Moment end, model::RestartStatus status, std::string_view message) {
  return impl_->write([&](Database& database) {
    return database.run_one("UPDATE restart SET end_ns = ?, status = ?, message = ? WHERE id = ?", end, status, message,
                            restart);
  });
}

Result<std::int64_t> RunStore::begin_trial(std::int64_t restart, const model::Trial& trial) {
  return impl_->write_for<std::int64_t>([&](Database& database, std::int64_t& id) -> Status {
    NW_CHECK(insert(database, row_of(restart, trial), std::optional<std::int64_t>()));
    id = database.last_id();
    return {};
  });
}

Status RunStore::append(std::int64_t trial, const Samples& samples) {
  return impl_->write([&](Database& database) -> Status {
    NW_CHECK(insert_all(database, trial, samples.processes));
    NW_CHECK(impl_->append_threads(database, trial, samples.threads));
    return insert_all(database, trial, samples.machine);
  });
}

Status RunStore::append_request(std::int64_t trial, const model::Request& request) {
  const std::string times = pack_moments(request.token_times);
  return impl_->write([&](Database& database) { return insert(database, request, trial, Blob{times}); });
}

Status RunStore::end_trial(std::int64_t trial, Moment end, std::span<const model::Reason> reasons, bool finished) {
  Status ended = impl_->write([&](Database& database) -> Status {
    NW_CHECK(database.run_one("UPDATE trial SET end_ns = ?, finished = ? WHERE id = ?", end, finished, trial));
    NW_CHECK(database.run("DELETE FROM trial_reason WHERE trial = ?", trial));
    int position = 0;
    for (const model::Reason reason : reasons) {
      NW_CHECK(
          database.run("INSERT INTO trial_reason(trial,position,reason) VALUES(?,?,?)", trial, position++, reason));
    }
    return {};
  });
  if (ended) impl_->checkpoint();
  return ended;
}

Status RunStore::set_complete(bool complete, std::string_view stop_reason) {
  return impl_->write([&](Database& database) {
    return database.run_one("UPDATE run SET complete = ?, stop_reason = ?", complete, stop_reason);
  });
}

Status RunStore::log_event(Moment at, log::Level level, std::string_view text) {
  return impl_->write([&](Database& database) -> Status {
    NW_TRY(const std::int64_t session, database.integer("SELECT coalesce(max(position), -1) FROM session"));
    const Event event{0, at, level, std::string(text)};
    return insert(database, event, session);
  });
}

}  // namespace nw::store
