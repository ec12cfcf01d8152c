// Where a run lives: one SQLite file, DIR/run.sqlite, that holds every label, every trial and every raw sample.
//
// What it promises. Each call below is one transaction: when it has returned success, what it wrote survives the death
// of this process (kill -9 included); when the machine itself loses power, the last calls may be lost, but the file
// still opens and holds a prefix of them. What is read back equals what was written, bit for bit (but -0.0 comes back
// as 0.0, and a NaN is refused). A run that ended tidily is a single file that can be copied; while it is written, and
// after a kill, run.sqlite-wal belongs to it.
//
// What it does not do: it masks nothing. Secrets have to be masked before they come here.
//
// Errors: a second writer, a missing run, no permission and a newer schema are ErrorKind::lacking; a folder that holds
// a run already is ErrorKind::usage; a damaged file and a full disk are ErrorKind::failed. After a failed call nothing
// of that call is in the file, and the next call may be tried.
//
// Threads: any thread may call; calls of one store run one after the other. Do not use a store in a child after fork().
// Cost of append(): see bench/store_write.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "model/run_data.h"

namespace nw::store {

// The layout that this program writes; kept in the file as PRAGMA user_version and in model::Run::schema.
inline constexpr int kSchemaVersion = 1;

enum class Mode {
  read_only,  // changes nothing in DIR, needs no permission to write; what a writer commits meanwhile is not waited for
  read_write,  // takes the writer's lock; ends what a killed session left open (see open())
};

// Samples taken at about the same time, in the order in which they shall be read back.
struct Samples {
  std::span<const model::ProcessSample> processes = {};
  std::span<const model::ThreadSample> threads = {};
  std::span<const model::MachineSample> machine = {};
};

// A line of the run's diary: what happened, for whoever wants to know later why a trial looks odd.
struct Event {
  int session = -1;  // index into Run::sessions; -1: before the first
  Moment at;
  log::Level level = log::Level::info;
  std::string text;
  bool operator==(const Event&) const = default;
};

// True if DIR holds a run, readable or not.
[[nodiscard]] bool has_run(const std::filesystem::path& dir);

class RunStore {
 public:
  // Makes DIR (and its parents) and a new run in it, open for writing. Of `header` are kept: id, started_at, machine,
  // model, campaign, backends, complete and stop_reason; sessions, restarts and trials come through the calls below. A
  // creation that was killed half-way leaves no run behind, and creating again works.
  static Result<RunStore> create(const std::filesystem::path& dir, const model::Run& header);

  // Opens the run in DIR. read_write: an older schema is brought up to date; restarts that a killed session left
  // `running` become `interrupted`, and their unfinished trials get Reason::interrupted.
  static Result<RunStore> open(const std::filesystem::path& dir, Mode mode);

  RunStore(RunStore&&) noexcept;
  RunStore& operator=(RunStore&&) noexcept;
  // Ends tidily (see close()); an error at that point is logged.
  ~RunStore();

  // Merges the write-ahead log into run.sqlite and releases the lock. Nothing may be called after it, but close()
  // again. Not needed for safety: it makes DIR one file and reports an error that the destructor could only log.
  Status close();

  // Everything. Seconds for millions of samples; memory is what a model::Run takes.
  [[nodiscard]] Result<model::Run> load() const;
  [[nodiscard]] Result<std::vector<Event>> events() const;

  // --- What follows needs a store that was opened for writing; otherwise it is ErrorKind::usage. ---

  // The index into Run::sessions. `end` and `self_cpu_s` come with end_session(). A boot id other than the previous
  // session's is allowed: a run may be resumed after a reboot.
  Result<int> begin_session(const model::Session& session);
  Status end_session(int session, Moment end, double self_cpu_s);

  // Adds labels of a backend (an index into Run::backends); a key that is there already gets the new value.
  Status put_labels(int backend, const model::Labels& labels);
  // Adds a note unless the backend has the very same one.
  Status add_note(int backend, std::string_view note);
  // Replaces the model's record: its hash is known later than the run begins.
  Status set_model(const model::ModelRecord& record);

  // Returns the restart's id. Used of `restart`: session, backend, index, begin; its status is `running`.
  Result<std::int64_t> begin_restart(const model::Restart& restart);
  Status set_ready(std::int64_t restart, Moment ready);
  Status end_restart(std::int64_t restart, Moment end, model::RestartStatus status, std::string_view message = {});

  // Returns the trial's id. Used of `trial`: round, state, test, begin, and end (0 if not known yet).
  Result<std::int64_t> begin_trial(std::int64_t restart, const model::Trial& trial);
  // In batches, about once a second. Thread names are kept once per trial, process, thread and name.
  Status append(std::int64_t trial, const Samples& samples);
  Status append_request(std::int64_t trial, const model::Request& request);
  // Reasons replace those that the trial has. finished = false: the window was cut short.
  Status end_trial(std::int64_t trial, Moment end, std::span<const model::Reason> reasons, bool finished = true);

  // How the run ended. complete: every planned restart was done.
  Status set_complete(bool complete, std::string_view stop_reason);

  // Belongs to the session begun last.
  Status log_event(Moment at, log::Level level, std::string_view text);

 private:
  class Impl;
  explicit RunStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nw::store
