// Opening what is there, what is not, what is damaged, and what may not be touched: one clear sentence each.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "base/random.h"
#include "support.h"

namespace nw::store {
namespace {

using testing::Folder;
using ::testing::HasSubstr;
using testing::in_child;
using ::testing::MatchesRegex;
using testing::ok;
using testing::small_header;
using testing::sql;
using testing::fs::path;
using Names = std::set<std::string>;

std::string contents(const path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const path& file, std::string_view bytes) { std::ofstream(file, std::ios::binary) << bytes; }

// A run with one trial, ended tidily.
void make_run(const path& dir) {
  auto store = RunStore::create(dir, small_header());
  ASSERT_TRUE(ok(store));
  ASSERT_TRUE(ok(store->begin_session({})));
  const auto restart = store->begin_restart({}).value();
  const auto trial = store->begin_trial(restart, {}).value();
  const std::vector<model::MachineSample> samples(200);
  ASSERT_TRUE(ok(store->append(trial, {{}, {}, samples})));
  ASSERT_TRUE(ok(store->end_trial(trial, {2}, {})));
  ASSERT_TRUE(ok(store->close()));
}

// The same, killed while it was running: the write-ahead log stays behind.
void make_killed_run(const path& dir) {
  in_child([&]() -> std::string {
    auto store = RunStore::create(dir, small_header());
    if (!store || !store->begin_session({})) return "bad";
    const auto restart = store->begin_restart({}).value();
    const auto done = store->begin_trial(restart, {}).value();
    (void)store->end_trial(done, {2}, {});
    (void)store->begin_trial(restart, {});
    ::_exit(0);
  });
}

// "message | hint" of the error, or "opened" when it could also be read.
std::string outcome(const path& dir, Mode mode) {
  const auto store = RunStore::open(dir, mode);
  if (!store) return store.error().message + " | " + store.error().hint;
  const auto run = store->load();
  return run ? "opened" : run.error().message + " | " + run.error().hint;
}

TEST(Open, AMissingRunIsLackingAndNothingIsCreated) {
  const Folder dir;
  for (const Mode mode : {Mode::read_only, Mode::read_write}) {
    for (const path& where : {dir.path(), dir / "nowhere"}) {
      const auto store = RunStore::open(where, mode);
      ASSERT_FALSE(store);
      EXPECT_EQ(store.error().kind, ErrorKind::lacking);
      EXPECT_EQ(store.error().message, "no run in " + where.string() + ": it has no run.sqlite");
      EXPECT_NE(store.error().hint, "");
    }
  }
  EXPECT_EQ(dir.names(), Names());
  EXPECT_FALSE(has_run(dir.path()));
}

TEST(Open, ATidyRunIsOneFileAndReadingItCreatesNothing) {
  const Folder dir;
  make_run(dir.path());
  EXPECT_EQ(dir.names(), (Names{"run.lock", "run.sqlite"}));
  EXPECT_TRUE(has_run(dir.path()));
  EXPECT_EQ(outcome(dir.path(), Mode::read_only), "opened");
  EXPECT_EQ(dir.names(), (Names{"run.lock", "run.sqlite"}));
}

TEST(Open, ReadsWhereNothingMayBeWritten) {
  const Folder dir;
  make_run(dir.path());
  ::chmod(dir.path().c_str(), 0555);
  const auto as_nobody = [&] {
    return in_child([&] {
      testing::become_nobody();
      return outcome(dir.path(), Mode::read_only);
    });
  };
  EXPECT_EQ(as_nobody(), "opened");
  // In write-ahead mode without a log: nothing is missing, although the index of the log cannot be created.
  ::chmod(dir.path().c_str(), 0755);
  ASSERT_EQ(sql(dir / "run.sqlite", "PRAGMA journal_mode = WAL"), "wal");
  ASSERT_EQ(dir.names(), (Names{"run.lock", "run.sqlite"}));
  ::chmod(dir.path().c_str(), 0555);
  EXPECT_EQ(as_nobody(), "opened");
  ::chmod(dir.path().c_str(), 0755);
}

TEST(Open, AKilledRunIsReadWithItsLogOrNotAtAll) {
  const Folder dir;
  make_killed_run(dir.path());
  ASSERT_TRUE(dir.names().contains("run.sqlite-wal"));
  EXPECT_EQ(outcome(dir.path(), Mode::read_only), "opened");
  ::chmod(dir.path().c_str(), 0555);
  const auto as_nobody = [&] {
    return in_child([&] {
      testing::become_nobody();
      return outcome(dir.path(), Mode::read_only);
    });
  };
  EXPECT_EQ(as_nobody(), "opened");
  // Without the index, which may not be created: what is in the log must not be left out in silence.
  ::chmod(dir.path().c_str(), 0755);
  testing::fs::remove(dir / "run.sqlite-shm");
  ::chmod(dir.path().c_str(), 0555);
  EXPECT_THAT(as_nobody(), HasSubstr("copy the whole folder to a place that you may write to"));
  ::chmod(dir.path().c_str(), 0755);
  EXPECT_EQ(outcome(dir.path(), Mode::read_only), "opened");
}

TEST(Open, NoPermissionIsLacking) {
  const Folder dir;
  make_run(dir.path());
  ::chmod(dir.path().c_str(), 0755);
  ::chmod((dir / "run.sqlite").c_str(), 0400);
  ::chmod((dir / "run.lock").c_str(), 0444);
  const auto answers = in_child([&]() -> std::string {
    testing::become_nobody();
    if (::geteuid() != 65534) return "";  // not root: the owner may do all this
    auto lines = outcome(dir.path(), Mode::read_only) + "\n" + outcome(dir.path(), Mode::read_write) + "\n";
    const auto created = RunStore::create(dir / "new", small_header());
    return lines + (created ? "created" : created.error().message);
  });
  if (answers.empty()) GTEST_SKIP() << "needs root to become somebody else";
  EXPECT_THAT(answers, HasSubstr("cannot open " + (dir / "run.sqlite").string() + " for this: Permission denied"));
  EXPECT_THAT(answers, HasSubstr("cannot lock " + (dir / "run.lock").string() + ": Permission denied"));
  EXPECT_THAT(answers, HasSubstr("cannot create the folder " + (dir / "new").string() + ": Permission denied"));
}

TEST(Open, OtherFilesAreToldFromRuns) {
  const Folder dir;
  const path file = dir / "run.sqlite";
  put(file, "this is a text of some length, and no database at all, whatever its name says");
  EXPECT_THAT(outcome(dir.path(), Mode::read_only), HasSubstr("run.sqlite is not a run: it is no SQLite file"));
  EXPECT_THAT(outcome(dir.path(), Mode::read_write), HasSubstr("run.sqlite is not a run: it is no SQLite file"));
  testing::fs::remove(file);
  sql(file, "CREATE TABLE t(a)");
  EXPECT_THAT(outcome(dir.path(), Mode::read_only), HasSubstr("is an SQLite file, but not a run of nightwatt"));
  put(file, "");
  EXPECT_THAT(outcome(dir.path(), Mode::read_write), HasSubstr("no run in "));
}

TEST(Open, ANewerSchemaIsRefusedAndLeftAlone) {
  const Folder dir;
  make_run(dir.path());
  sql(dir / "run.sqlite", "PRAGMA user_version = 2");
  const std::string before = contents(dir / "run.sqlite");
  const auto store = RunStore::open(dir.path(), Mode::read_write);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::lacking);
  EXPECT_THAT(store.error().message, HasSubstr("was written by a newer nightwatt (schema 2; this one knows up to 1)"));
  EXPECT_THAT(outcome(dir.path(), Mode::read_only), HasSubstr("newer nightwatt"));
  EXPECT_EQ(contents(dir / "run.sqlite"), before);
}

TEST(Open, DamageNeverCrashes) {
  const Folder dir;
  make_run(dir.path());
  const std::string good = contents(dir / "run.sqlite");
  Random random(7);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string bad = good;
    for (int n = 0; n < 40; ++n) bad[100 + random.below(bad.size() - 100)] = static_cast<char>(random.below(256));
    if (i % 3 == 0) bad.resize(random.below(bad.size()) + 1);
    put(dir / "run.sqlite", bad);
    const std::string said = outcome(dir.path(), Mode::read_only);
    if (said == "opened") continue;
    ++refused;
    EXPECT_THAT(said, MatchesRegex("[^|]+[^.] [|].*"));
  }
  EXPECT_GT(refused, 100);
}

TEST(Open, RowsThatPointNowhereAreDamage) {
  for (const char* change :
       {"UPDATE restart SET session = 5", "UPDATE restart SET backend = 1", "UPDATE trial SET restart = 9",
        "UPDATE machine_sample SET trial = 9", "INSERT INTO trial_reason VALUES(9, 0, 'clock_step')",
        "UPDATE trial SET round = 'square'", "UPDATE machine SET cpus = 5000000000", "DELETE FROM run",
        "INSERT INTO thread_sample VALUES(9, 0, 0, 0, 0)", "INSERT INTO thread VALUES(1, 9, 0, 0, '')",
        "INSERT INTO request VALUES(1, 0, 0, 0, 0, 0, 0, 0, x'80', 0, 0, 0, 0, 0, '')",
        "INSERT INTO request VALUES(1, 0, 0, 0, 0, 0, 0, 0, x'ffffffffffffffffff02', 0, 0, 0, 0, 0, '')"}) {
    const Folder dir;
    make_run(dir.path());
    ASSERT_EQ(sql(dir / "run.sqlite", std::string("PRAGMA foreign_keys = OFF;") + change), "") << change;
    EXPECT_NE(outcome(dir.path(), Mode::read_only), "opened") << change;
  }
}

TEST(Open, NamesThatMeanSomethingInAUriAreJustNames) {
  const Folder dir;
  for (const char* name : {"50% off?immutable=1#x", "a b", "ä", "-"}) {
    make_run(dir / name);
    EXPECT_EQ(outcome(dir / name, Mode::read_only), "opened") << name;
    EXPECT_EQ(Folder::names_in(dir / name), (Names{"run.lock", "run.sqlite"})) << name;
  }
}

TEST(Create, RefusesAFolderWithARun) {
  const Folder dir;
  make_run(dir / "deep/er");
  const auto again = RunStore::create(dir / "deep/er", small_header());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::usage);
  EXPECT_THAT(again.error().message, HasSubstr("holds a run already"));
}

TEST(Create, WorksAfterACreationThatWasKilled) {
  const Folder dir;
  put(dir / "run.sqlite.new", "half");
  put(dir / "run.sqlite.new-journal", "half");
  make_run(dir.path());
  EXPECT_EQ(dir.names(), (Names{"run.lock", "run.sqlite"}));
  EXPECT_EQ(outcome(dir.path(), Mode::read_only), "opened");
}

TEST(Resume, WhatAKilledSessionLeftOpenIsMarked) {
  const Folder dir;
  make_killed_run(dir.path());
  auto untouched = RunStore::open(dir.path(), Mode::read_only);
  ASSERT_TRUE(ok(untouched));
  EXPECT_EQ(untouched->load()->restarts[0].status, model::RestartStatus::running);
  for (int i = 0; i < 2; ++i) {  // the second time changes nothing more
    auto store = RunStore::open(dir.path(), Mode::read_write);
    ASSERT_TRUE(ok(store));
    const auto run = store->load();
    ASSERT_TRUE(ok(run));
    const auto& restart = run->restarts[0];
    EXPECT_EQ(restart.status, model::RestartStatus::interrupted);
    EXPECT_EQ(restart.message, "nightwatt ended in the middle of it");
    EXPECT_TRUE(restart.trials[0].finished);
    EXPECT_TRUE(restart.trials[0].reasons.empty());
    EXPECT_FALSE(restart.trials[1].finished);
    EXPECT_EQ(restart.trials[1].reasons, std::vector<model::Reason>{model::Reason::interrupted});
    EXPECT_EQ(store->begin_session({}).value(), i + 1);
  }
}

TEST(Schema, Version1IsWhatItWasWhenItWasReleased) {
  const Folder dir;
  make_run(dir.path());
  const std::string now = sql(dir / "run.sqlite", "SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL");
  const std::string then = contents(path(NW_SOURCE_DIR) / "tests/unit/store/schema_v1.sql");
  EXPECT_EQ(now + "\n", then) << "a change of the layout is a new entry of kMigrations, not an edit of an old one";
}

TEST(Schema, AFileOfVersion1IsRead) {
  const Folder dir;
  const path files = path(NW_SOURCE_DIR) / "tests/unit/store";
  ASSERT_EQ(sql(dir / "run.sqlite", contents(files / "schema_v1.sql") + contents(files / "rows_v1.sql")), "");
  for (const Mode mode : {Mode::read_only, Mode::read_write}) {
    const auto store = RunStore::open(dir.path(), mode);
    ASSERT_TRUE(ok(store));
    const auto run = store->load();
    ASSERT_TRUE(ok(run));
    EXPECT_EQ(run->id, "5d9a3c1e-0000-4000-8000-000000000001");
    EXPECT_EQ(run->machine.cpus, 2);
    EXPECT_EQ(run->campaign.workload.prompt, (std::vector<std::int64_t>{64, 512}));
    EXPECT_EQ(run->campaign.rounds.idle_states, std::vector<model::State>{model::State::loaded_idle});
    EXPECT_EQ(run->backends[0].spec.command, (std::vector<std::string>{"llama-server", "-m", "{model}"}));
    EXPECT_EQ(run->backends[0].spec.env.at("OMP_WAIT_POLICY"), "active");
    const auto& trials = run->restarts.at(0).trials;
    EXPECT_EQ(trials.at(0).threads.at(1).comm, "llama-server");
    EXPECT_EQ(trials.at(0).threads.at(1).cpu_ns, 2'000'000'000);
    EXPECT_EQ(trials.at(1).test, (model::Test{0, 16, 0, 1}));
    EXPECT_EQ(trials.at(1).requests.at(0).token_times, (std::vector<Moment>{{1000}, {1300}, {1299}}));
  }
}

}  // namespace
}  // namespace nw::store
