// The problem: a run is written for hours and may be killed at any moment; it is read while it is written, from
// read-only media, and by people who may not write to its folder.
//
// Writing uses the write-ahead log (https://sqlite.org/wal.html) with synchronous=NORMAL: a commit is one write(2) into
// the log without waiting for the disk, so it survives the death of the process at once and a power cut after the next
// checkpoint; readers never wait for the writer. Checkpoints wait for the disk, so they are asked for when a trial
// ends and not in the middle of a window (RunStore::end_trial); kCheckpointPages is only the limit. Where the
// file system cannot map shared memory (network and Windows drives under WSL), the rollback journal is used instead.
//
// A tidy end switches back to the rollback journal, which leaves one file that can be read without creating anything.
// After a kill the log is still there; a reader that may not create the log's index next to it gets an error, unless
// there is no log: then nothing is missing and the file is opened as one that nobody changes (immutable=1).
//
// A new run is built under another name and renamed, so that run.sqlite is complete from its first moment on.
#include "run_file.h"

#include <fmt/core.h>

#include <system_error>

#include "header_rows.h"
#include "schema.h"

namespace nw::store {
namespace {

namespace fs = std::filesystem;

constexpr int kCheckpointPages = 10'000;  // 40 MB

Status migrate(Database& database, std::int64_t from) {
  for (const Migration& migration : kMigrations) {
    if (migration.to <= from) continue;
    NW_CHECK(database.execute(migration.sql));
    NW_CHECK(database.execute(fmt::format("PRAGMA user_version = {}", migration.to).c_str()));
  }
  return {};
}

// Says whether the file is a run that this version understands; returns its schema version.
Result<std::int64_t> schema_of(Database& database, const fs::path& file) {
  NW_TRY(const std::int64_t application, database.integer("PRAGMA application_id"));
  if (application != kApplicationId) {
    return failed_error(fmt::format("{} is an SQLite file, but not a run of nightwatt", file.string()),
                        "name a folder that nightwatt run has written");
  }
  NW_TRY(const std::int64_t schema, database.integer("PRAGMA user_version"));
  if (schema > kSchemaVersion) {
    return lacking_error(fmt::format("{} was written by a newer nightwatt (schema {}; this one knows up to {})",
                                     file.string(), schema, kSchemaVersion),
                         "use that newer version");
  }
  if (schema < 1) return failed_error(fmt::format("{} is damaged: it has no schema version", file.string()));
  return schema;
}

Error no_run(const fs::path& dir) {
  return lacking_error(fmt::format("no run in {}: it has no run.sqlite", dir.string()),
                       "name the folder that was given to nightwatt run as --out");
}

Status no_run_unless(const fs::path& dir, const fs::path& file) {
  std::error_code error;
  const bool exists = fs::exists(file, error);
  if (error) {
    return lacking_error(fmt::format("cannot look into {}: {}", dir.string(), error.message()),
                         "check the permissions of the folder");
  }
  if (!exists || !is_there(file)) return no_run(dir);
  return {};
}

fs::path log_of(const fs::path& file) { return file.string() + "-wal"; }

Status use_write_ahead_log(Database& database) {
  const auto mode = database.text("PRAGMA journal_mode = WAL");
  if (mode && *mode == "wal") {
    NW_CHECK(database.execute("PRAGMA synchronous = NORMAL"));
    return database.execute(fmt::format("PRAGMA wal_autocheckpoint = {}", kCheckpointPages).c_str());
  }
  NW_CHECK(database.execute("PRAGMA journal_mode = DELETE"));
  return database.execute("PRAGMA synchronous = FULL");
}

// What a session left open that ended without a word is marked as what it is.
Status end_what_was_killed(Database& database) {
  NW_CHECK(database.execute(R"sql(
    INSERT INTO trial_reason(trial, position, reason)
      SELECT trial.id, (SELECT count(*) FROM trial_reason WHERE trial_reason.trial = trial.id), 'interrupted'
      FROM trial JOIN restart ON restart.id = trial.restart
      WHERE restart.status = 'running' AND NOT trial.finished
        AND NOT EXISTS (SELECT 1 FROM trial_reason WHERE trial_reason.trial = trial.id AND reason = 'interrupted'))sql"));
  return database.execute(R"sql(
    UPDATE restart SET status = 'interrupted', message = iif(message = '', 'nightwatt ended in the middle of it', message)
      WHERE status = 'running')sql");
}

}  // namespace

fs::path run_file(const fs::path& dir) { return dir / "run.sqlite"; }

bool is_there(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  return !error && size > 0;
}

Status make_run_file(const fs::path& dir, const model::Run& header) {
  const fs::path unfinished = run_file(dir).string() + ".new";
  std::error_code ignored;
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) fs::remove(unfinished.string() + suffix, ignored);
  Status made = [&]() -> Status {
    NW_TRY(Database database, Database::open(unfinished, Database::Access::create));
    return database.transact("BEGIN IMMEDIATE", [&]() -> Status {
      NW_CHECK(database.execute(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str()));
      NW_CHECK(migrate(database, 0));
      return save_header(database, header);
    });
  }();
  std::error_code error;
  if (made) fs::rename(unfinished, run_file(dir), error);
  if (error) made = failed_error(fmt::format("cannot create {}: {}", run_file(dir).string(), error.message()));
  if (!made) fs::remove(unfinished, ignored);
  return made;
}

Result<Database> open_for_writing(const fs::path& dir) {
  const fs::path file = run_file(dir);
  NW_CHECK(no_run_unless(dir, file));
  NW_TRY(Database database, Database::open(file, Database::Access::read_write));
  NW_TRY(const std::int64_t schema, schema_of(database, file));
  NW_CHECK(use_write_ahead_log(database));
  NW_CHECK(database.execute("PRAGMA foreign_keys = ON"));
  const auto bring_up_to_date = [&]() -> Status {
    NW_CHECK(migrate(database, schema));
    return end_what_was_killed(database);
  };
  NW_CHECK(database.transact("BEGIN IMMEDIATE", bring_up_to_date));
  return database;
}

Result<Database> open_for_reading(const fs::path& dir) {
  const fs::path file = run_file(dir);
  NW_CHECK(no_run_unless(dir, file));
  NW_TRY(Database database, Database::open(file, Database::Access::read_only));
  auto schema = schema_of(database, file);
  if (!schema && schema.error().kind == ErrorKind::lacking && !is_there(log_of(file))) {
    NW_TRY(database, Database::open(file, Database::Access::immutable));
    schema = schema_of(database, file);
  }
  if (!schema && schema.error().kind == ErrorKind::lacking && is_there(log_of(file))) {
    auto error = std::move(schema).error();
    error.hint = "nightwatt was killed while it wrote there; copy the whole folder to a place that you may write to";
    return error;
  }
  if (!schema) return std::move(schema).error();
  if (*schema < kSchemaVersion) {
    return lacking_error(fmt::format("{} has the older schema {}", file.string(), *schema),
                         "nightwatt run --resume brings it up to date");
  }
  return database;
}

Status tidy_up(Database& database) {
  // Waiting for readers would keep the program from ending.
  sqlite3_busy_timeout(database.handle(), 0);
  const auto mode = database.text("PRAGMA journal_mode = DELETE");
  if (!mode && mode.error().kind != ErrorKind::lacking) return mode.error();
  return {};
}

}  // namespace nw::store
