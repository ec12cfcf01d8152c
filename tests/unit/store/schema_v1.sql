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
CREATE TABLE campaign_list(
  list TEXT NOT NULL,
  position INTEGER NOT NULL,
  value ANY NOT NULL,
  PRIMARY KEY(list, position)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE event(
  session INTEGER NOT NULL,
  at_ns INTEGER NOT NULL,
  level TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
