// What a run measured, raw: the records that store/ keeps and report/ computes from. Nothing here is a statistic.
//
// Shape: a Run has sessions (one per start of `nightwatt run` on it: --resume adds one), backends, and restarts. A
// restart is one life of one backend process (or one repeat on an attached server): the unit of repetition. Within it
// are trials: one idle window, or one test of the throughput round. A trial holds raw samples or requests.
// Times are Moments in ns of CLOCK_MONOTONIC of the session's boot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/campaign.h"
#include "model/machine.h"

namespace nw::model {

// Why a trial is invalid. An invalid trial is kept, shown and left out of the verdict. The text form is the name.
enum class Reason {
  window_not_bracketed,  // no sample at the beginning or the end of the window
  sampling_gap,          // two samples further apart than the limit
  counter_went_back,     // a CPU counter fell
  clock_step,            // the wall clock and the monotonic clock disagree by more than 0.1 s over the window
  token_mismatch,        // the engine counted other tokens than were asked for
  cache_hit,             // the engine served prompt tokens from its cache
  competing_load,        // other programs used too much of the CPUs during the window
  drifted_baseline,      // the machine's own baseline moved during the window
  backend_restarted,     // the process changed during the window
  backend_died,          // it ended during the window
  too_few_samples,
  client_saturated,     // nightwatt itself was the bottleneck
  not_streamed,              // the tokens came in bursts: the time between them is not the engine's
  process_not_visible,  // the processes of the backend cannot be seen from here: null, never 0
  not_restarted,        // repeats on an attached server, without a restart between them (a mark, not an invalidity)
  needs_restart_permission,  // the state needs a stop of a server that nightwatt did not start (--may-restart)
  not_available,             // this version or this engine cannot do it
  request_failed,
  interrupted,  // the run was stopped in the middle of it
};
[[nodiscard]] std::string_view to_string(Reason reason);
// The same in words for a person, without a full stop.
[[nodiscard]] std::string_view describe(Reason reason);
[[nodiscard]] std::optional<Reason> reason_from(std::string_view name);
// Marks say how a figure came about; every other reason makes the trial invalid.
[[nodiscard]] bool is_mark(Reason reason);

// CPU time and switches of one thread at one moment, cumulative since the thread started.
struct ThreadSample {
  Moment at;  // when the read began
  std::int32_t pid = 0;
  std::int32_t tid = 0;
  std::string comm;  // as the kernel has it, at most 15 bytes, not escaped
  std::int64_t cpu_ns = 0;
  std::optional<std::int64_t> voluntary_switches;  // wake-ups: each ended a wait
  std::optional<std::int64_t> involuntary_switches;
};

// One process of the backend at one moment. cpu_ns counts its ended threads too.
struct ProcessSample {
  Moment at;
  std::int32_t pid = 0;
  std::int64_t start_ticks = 0;  // since boot; with the pid it names the process for ever
  std::string comm;
  std::int64_t cpu_ns = 0;
  std::int64_t resolution_ns = 0;  // of cpu_ns: 1 from the scheduler's clock, 10 ms from utime ticks
  std::optional<std::uint64_t> rss_bytes;
  std::optional<std::uint64_t> swap_bytes;
};

// The machine as a whole, cumulative since boot.
struct MachineSample {
  Moment at;
  std::int64_t busy_ns = 0;   // all CPUs, everything that is not idle or waiting for a disk
  std::int64_t steal_ns = 0;  // taken by the hypervisor
  std::int64_t context_switches = 0;
  std::int64_t self_cpu_ns = 0;  // nightwatt's own
  std::int64_t wall_ns = 0;      // of the wall clock: shows a clock step
};

// One request of the throughput round. Times that did not happen are null.
struct Request {
  int seq = 0;
  bool warmup = false;  // before the plateau: kept, shown as a count, left out of the figures
  Moment scheduled;
  Moment sent;
  std::optional<Moment> first_byte;
  std::optional<Moment> first_token;
  std::optional<Moment> end;
  std::vector<Moment> token_times;               // one per streamed content chunk
  std::optional<std::int64_t> prompt_tokens;     // the engine's counter: tokens it evaluated or took from its cache
  std::optional<std::int64_t> cached_tokens;     // of those, from its cache
  std::optional<std::int64_t> generated_tokens;  // the engine's counter
  std::optional<double> engine_prompt_s;         // the engine's own clock
  std::optional<double> engine_generate_s;
  std::string error;
};

struct Trial {
  std::int64_t id = 0;
  Round round = Round::idle;
  std::optional<State> state;  // of the idle round
  std::optional<Test> test;    // of the throughput round
  Moment begin, end;
  bool finished = false;  // false: the run ended in the middle of it
  std::vector<Reason> reasons;
  std::vector<ProcessSample> processes;
  std::vector<ThreadSample> threads;
  std::vector<MachineSample> machine;
  std::vector<Request> requests;
  [[nodiscard]] bool valid() const;
};

enum class RestartStatus { running, done, failed, interrupted };
[[nodiscard]] std::string_view to_string(RestartStatus status);
[[nodiscard]] std::optional<RestartStatus> restart_status_from(std::string_view name);

struct Restart {
  std::int64_t id = 0;
  int session = 0;  // index into Run::sessions
  int backend = 0;  // index into Run::backends; -1: the machine alone (state absent)
  int index = 0;    // which repeat, from 0: equal indices of two backends were measured next to each other
  Moment begin;
  std::optional<Moment> ready;
  std::optional<Moment> end;
  RestartStatus status = RestartStatus::running;
  std::string message;  // of a failure: one sentence and the last lines of the log, masked
  std::vector<Trial> trials;
};

struct BackendRecord {
  BackendSpec spec;  // secrets masked
  Labels labels;
  std::vector<std::string> notes;  // states or rounds that were not measured, with the reason
};

struct Session {
  std::string id;  // UUID
  std::string boot_id;
  Moment begin;
  std::optional<Moment> end;
  std::int64_t wall_offset_ns = 0;  // wall clock minus monotonic clock at its begin
  double self_cpu_s = 0;            // CPU time of nightwatt itself
  std::string tool_version, tool_commit;
};

struct ModelRecord {
  std::string path;
  std::string sha256;  // empty: not hashed
  std::string arch, quant, name;
  std::uint64_t bytes = 0;
  bool synthetic = false;  // random weights: every figure says so
};

struct Run {
  std::string id;  // UUID
  int schema = 1;
  std::string started_at;  // ISO 8601, UTC
  Machine machine;
  ModelRecord model;
  Campaign campaign;  // text masked
  std::vector<Session> sessions;
  std::vector<BackendRecord> backends;
  std::vector<Restart> restarts;
  bool complete = false;    // every planned restart was done
  std::string stop_reason;  // "limit", "target", "interrupted", "failed: ..."
};

}  // namespace nw::model
