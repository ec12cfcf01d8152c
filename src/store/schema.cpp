// Choices. STRICT tables: SQLite then refuses a text where a number belongs. Unknown is NULL, never a sentinel. Times
// are nanoseconds of the monotonic clock of the session's boot (columns *_ns). 64-bit unsigned values (bytes, the seed)
// are kept as the signed number of the same bits. Booleans are 0 and 1. Sample tables have no key of their own: the
// hidden rowid is the order of writing, and reading a run is one scan of each table in that order. They have no index
// either, since one would double the cost of writing, which happens while something is being measured.
//
// `position` is an index from 0 into the list of the same name in model::Run.
#include "schema.h"

namespace nw::store {

const char* const kSchemaV1 = R"sql(
CREATE TABLE run(
  only INTEGER PRIMARY KEY CHECK(only = 0),
  id TEXT NOT NULL,
  started_at TEXT NOT NULL,
  complete INTEGER NOT NULL,
  stop_reason TEXT NOT NULL
) STRICT;

CREATE TABLE machine(
  only INTEGER PRIMARY KEY CHECK(only = 0),
  id TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  os TEXT NOT NULL,
  kernel TEXT NOT NULL,
  arch TEXT NOT NULL,
  cpu TEXT NOT NULL,
  cpus INTEGER NOT NULL,
  cpu_limit REAL,
  memory_bytes INTEGER NOT NULL,
  governor TEXT,
  wsl TEXT,
  virtualization TEXT,
  power_meter INTEGER NOT NULL
) STRICT;

CREATE TABLE model(
  only INTEGER PRIMARY KEY CHECK(only = 0),
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  arch TEXT NOT NULL,
  quant TEXT NOT NULL,
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  synthetic INTEGER NOT NULL
) STRICT;

CREATE TABLE campaign(
  only INTEGER PRIMARY KEY CHECK(only = 0),
  path TEXT NOT NULL,
  text TEXT NOT NULL,
  model TEXT NOT NULL,
  restarts INTEGER NOT NULL,
  target REAL NOT NULL,
  idle_window_s REAL NOT NULL,
  seed INTEGER NOT NULL
) STRICT;

-- The campaign's lists: order, idle_states, prompt, generate, depth, concurrency.
CREATE TABLE campaign_list(
  list TEXT NOT NULL,
  position INTEGER NOT NULL,
  value ANY NOT NULL,
  PRIMARY KEY(list, position)
) STRICT, WITHOUT ROWID;

-- list: 'campaign' = as the campaign's file has them; 'run' = as they were run.
CREATE TABLE backend(
  list TEXT NOT NULL CHECK(list IN ('campaign', 'run')),
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  engine TEXT NOT NULL,
  url TEXT NOT NULL,
  model TEXT NOT NULL,
  process TEXT NOT NULL,
  api_key_env TEXT NOT NULL,
  port INTEGER NOT NULL,
  ready_timeout_s REAL NOT NULL,
  PRIMARY KEY(list, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE backend_argument(
  list TEXT NOT NULL,
  backend INTEGER NOT NULL,
  position INTEGER NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(list, backend, position),
  FOREIGN KEY(list, backend) REFERENCES backend(list, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE backend_environment(
  list TEXT NOT NULL,
  backend INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(list, backend, name),
  FOREIGN KEY(list, backend) REFERENCES backend(list, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE backend_label(
  list TEXT NOT NULL DEFAULT 'run' CHECK(list = 'run'),
  backend INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(backend, name),
  FOREIGN KEY(list, backend) REFERENCES backend(list, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE backend_note(
  list TEXT NOT NULL DEFAULT 'run' CHECK(list = 'run'),
  backend INTEGER NOT NULL,
  position INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY(backend, position),
  FOREIGN KEY(list, backend) REFERENCES backend(list, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE session(
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  begin_ns INTEGER NOT NULL,
  end_ns INTEGER,
  wall_offset_ns INTEGER NOT NULL,
  self_cpu_s REAL NOT NULL,
  tool_version TEXT NOT NULL,
  tool_commit TEXT NOT NULL
) STRICT;

-- backend: position in list 'run'; -1 = the machine alone. repeat: model::Restart::index.
CREATE TABLE restart(
  id INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES session(position),
  backend INTEGER NOT NULL CHECK(backend >= -1),
  repeat INTEGER NOT NULL,
  begin_ns INTEGER NOT NULL,
  ready_ns INTEGER,
  end_ns INTEGER,
  status TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;

-- The four test_* columns are all set (a throughput test) or all NULL.
CREATE TABLE trial(
  id INTEGER PRIMARY KEY,
  restart INTEGER NOT NULL REFERENCES restart(id),
  round TEXT NOT NULL,
  state TEXT,
  test_prompt INTEGER,
  test_generate INTEGER,
  test_depth INTEGER,
  test_concurrency INTEGER,
  begin_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  finished INTEGER NOT NULL
) STRICT;

CREATE TABLE trial_reason(
  trial INTEGER NOT NULL REFERENCES trial(id),
  position INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY(trial, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE process_sample(
  trial INTEGER NOT NULL REFERENCES trial(id),
  at_ns INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  start_ticks INTEGER NOT NULL,
  comm TEXT NOT NULL,
  cpu_ns INTEGER NOT NULL,
  resolution_ns INTEGER NOT NULL,
  rss_bytes INTEGER,
  swap_bytes INTEGER
) STRICT;

-- One row per thread and name within a trial; its samples point here.
CREATE TABLE thread(
  id INTEGER PRIMARY KEY,
  trial INTEGER NOT NULL REFERENCES trial(id),
  pid INTEGER NOT NULL,
  tid INTEGER NOT NULL,
  comm TEXT NOT NULL,
  UNIQUE(trial, pid, tid, comm)
) STRICT;

CREATE TABLE thread_sample(
  thread INTEGER NOT NULL REFERENCES thread(id),
  at_ns INTEGER NOT NULL,
  cpu_ns INTEGER NOT NULL,
  voluntary_switches INTEGER,
  involuntary_switches INTEGER
) STRICT;

CREATE TABLE machine_sample(
  trial INTEGER NOT NULL REFERENCES trial(id),
  at_ns INTEGER NOT NULL,
  busy_ns INTEGER NOT NULL,
  steal_ns INTEGER NOT NULL,
  context_switches INTEGER NOT NULL,
  self_cpu_ns INTEGER NOT NULL,
  wall_ns INTEGER NOT NULL
) STRICT;

-- token_times: each as the difference to the one before (the first: to 0), zigzag-mapped, in groups of seven bits,
-- lowest first, top bit set on all but the last byte of a number.
CREATE TABLE request(
  trial INTEGER NOT NULL REFERENCES trial(id),
  seq INTEGER NOT NULL,
  warmup INTEGER NOT NULL,
  scheduled_ns INTEGER NOT NULL,
  sent_ns INTEGER NOT NULL,
  first_byte_ns INTEGER,
  first_token_ns INTEGER,
  end_ns INTEGER,
  token_times BLOB NOT NULL,
  prompt_tokens INTEGER,
  cached_tokens INTEGER,
  generated_tokens INTEGER,
  engine_prompt_s REAL,
  engine_generate_s REAL,
  error TEXT NOT NULL
) STRICT;

-- session: -1 = before the first.
CREATE TABLE event(
  session INTEGER NOT NULL,
  at_ns INTEGER NOT NULL,
  level TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
)sql";

}  // namespace nw::store
