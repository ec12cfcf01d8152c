// Writing under adverse conditions: a second writer, a full disk, mistakes of the caller, and kill -9 at any moment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>
#include <thread>

#include "base/random.h"
#include "run_text.h"
#include "support.h"

namespace nw::store {
namespace {

using testing::Folder;
using ::testing::HasSubstr;
using testing::in_child;
using testing::ok;
using testing::RunText;
using testing::small_header;
using testing::sql;

struct Open {
  RunStore store;
  std::int64_t restart;
  std::int64_t trial;
};

Result<Open> open_with_trial(const testing::fs::path& dir) {
  NW_TRY(RunStore store, RunStore::create(dir, small_header()));
  NW_TRY([[maybe_unused]] const int session, store.begin_session({}));
  NW_TRY(const std::int64_t restart, store.begin_restart({}));
  NW_TRY(const std::int64_t trial, store.begin_trial(restart, {}));
  return Open{std::move(store), restart, trial};
}

TEST(Lock, ASecondWriterIsToldWhoWrites) {
  const Folder dir;
  auto first = RunStore::create(dir.path(), small_header());
  ASSERT_TRUE(ok(first));
  const std::string expected =
      "another nightwatt (pid " + std::to_string(::getpid()) + ") is writing to " + dir.path().string();
  const auto try_again = [&](auto how) {
    return in_child([&] {
      const auto second = how();
      return second ? std::string("got it") : second.error().message;
    });
  };
  EXPECT_EQ(try_again([&] { return RunStore::open(dir.path(), Mode::read_write); }), expected);
  EXPECT_EQ(try_again([&] { return RunStore::create(dir.path(), small_header()); }), expected);
  // In one process as well.
  const auto here = RunStore::open(dir.path(), Mode::read_write);
  ASSERT_FALSE(here);
  EXPECT_EQ(here.error().kind, ErrorKind::lacking);
  ASSERT_TRUE(ok(first->close()));
  EXPECT_EQ(try_again([&] { return RunStore::open(dir.path(), Mode::read_write); }), "got it");
}

TEST(Lock, IsReleasedByDeath) {
  const Folder dir;
  in_child([&] {
    const auto store = RunStore::create(dir.path(), small_header());
    ::raise(SIGKILL);
    return std::string();
  });
  EXPECT_TRUE(ok(RunStore::open(dir.path(), Mode::read_write)));
}

TEST(Write, NeedsAStoreThatIsOpenForWriting) {
  const Folder dir;
  {
    auto store = RunStore::create(dir.path(), small_header());
    ASSERT_TRUE(ok(store));
    ASSERT_TRUE(ok(store->close()));
    ASSERT_TRUE(ok(store->close()));
    EXPECT_EQ(store->begin_session({}).error().kind, ErrorKind::usage);
    EXPECT_EQ(store->load().error().kind, ErrorKind::usage);
  }
  auto reader = RunStore::open(dir.path(), Mode::read_only);
  ASSERT_TRUE(ok(reader));
  EXPECT_EQ(reader->set_complete(true, "limit").error().kind, ErrorKind::usage);
}

TEST(Write, WhatIsNotThereIsRefused) {
  const Folder dir;
  auto open = open_with_trial(dir.path());
  ASSERT_TRUE(ok(open));
  RunStore& store = open->store;
  const std::vector<model::MachineSample> sample(1);
  const std::vector<model::ThreadSample> thread(1);
  EXPECT_FALSE(store.append(99, {{}, {}, sample}));
  EXPECT_FALSE(store.append(99, {{}, thread, {}}));
  EXPECT_FALSE(store.append_request(99, {}));
  EXPECT_FALSE(store.end_trial(99, {}, {}));
  EXPECT_FALSE(store.begin_trial(99, {}));
  EXPECT_FALSE(store.set_ready(99, {}));
  EXPECT_FALSE(store.end_restart(99, {}, model::RestartStatus::done));
  EXPECT_FALSE(store.end_session(7, {}, 0));
  EXPECT_FALSE(store.put_labels(1, {{"a", "b"}}));
  EXPECT_FALSE(store.add_note(-1, "x"));
  model::Restart restart;
  restart.backend = 1;
  EXPECT_FALSE(store.begin_restart(restart));
  restart.backend = -1;
  EXPECT_TRUE(ok(store.begin_restart(restart)));
  restart.session = 1;
  const auto refused = store.begin_restart(restart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the run has no such session, backend, restart or trial");
}

TEST(Write, ACallThatFailsLeavesNothingOfIt) {
  const Folder dir;
  auto open = open_with_trial(dir.path());
  ASSERT_TRUE(ok(open));
  const auto before = RunText::of(open->store.load().value());
  const std::vector<model::ThreadSample> thread = {{{1}, 2, 3, "name", 4, {}, {}}};
  EXPECT_FALSE(open->store.append(99, {{}, thread, {}}));
  model::Request request;
  request.engine_prompt_s = std::numeric_limits<double>::quiet_NaN();
  const auto refused = open->store.append_request(open->trial, request);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("does not take a figure that is not a number"));
  EXPECT_EQ(RunText::of(open->store.load().value()), before);
  // The name of the thread went with the failed call, and comes again with the next.
  ASSERT_TRUE(ok(open->store.append(open->trial, {{}, thread, {}})));
  EXPECT_EQ(open->store.load()->restarts[0].trials[0].threads[0].comm, "name");
}

TEST(Write, SeveralThreadsMayCall) {
  const Folder dir;
  auto open = open_with_trial(dir.path());
  ASSERT_TRUE(ok(open));
  const std::vector<model::MachineSample> sample(1);
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) {
          if (!open->store.append(open->trial, {{}, {}, sample})) ++failures;
          if (!open->store.log_event({i}, log::Level::info, "tick")) ++failures;
        }
      });
    }
  }
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(open->store.load()->restarts[0].trials[0].machine.size(), 200u);
  EXPECT_EQ(open->store.events()->size(), 200u);
}

// Appends until it fails; returns the failure and whether the store still works and is whole.
std::string fill(const testing::fs::path& dir) {
  auto open = open_with_trial(dir);
  if (!open) return open.error().message;
  const std::vector<model::MachineSample> samples(1000);
  std::size_t stored = 0;
  Status status;
  while ((status = open->store.append(open->trial, {{}, {}, samples}))) stored += samples.size();
  const auto run = open->store.load();
  if (!run) return "not readable: " + run.error().message;
  if (run->restarts[0].trials[0].machine.size() != stored) return "a part of the failed call was kept";
  return status.error().message + " | " + status.error().hint;
}

TEST(Write, AFullDiskIsOneSentenceAndKeepsWhatWasStored) {
  const Folder dir;
  const std::string said = in_child([&]() -> std::string {
    const bool alone = ::geteuid() == 0 ? ::unshare(CLONE_NEWNS) == 0 : ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    if (!alone || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "";
    if (::mount("nw", dir.path().c_str(), "tmpfs", 0, "size=2m") != 0) return "";
    return fill(dir.path());
  });
  if (said.empty()) GTEST_SKIP() << "needs the right to mount a small file system";
  EXPECT_EQ(said, "the disk is full, so " + (dir / "run.sqlite").string() +
                      " cannot grow | free some space there and go on with --resume; what was stored so far is kept");
}

TEST(Write, AFileThatMayNotGrowIsOneSentence) {
  const Folder dir;
  const std::string said = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return fill(dir.path());
  });
  EXPECT_THAT(said, HasSubstr("cannot read or write " + (dir / "run.sqlite").string() + ":"));
}

// --- kill -9 ---

// What a writer has done so far; shared with the test, which outlives it.
struct Progress {
  std::atomic<std::int64_t> appended;  // calls that have returned, over all lives of the writer
  std::atomic<int> problem;
};

constexpr std::int64_t kThreads = 60;
constexpr std::int64_t kPerTrial = 20;

// The n-th call writes one machine sample with n in it and kThreads thread samples with n in them.
Status append_number(RunStore& store, std::int64_t trial, std::int64_t n) {
  std::vector<model::MachineSample> machine(1);
  machine[0].busy_ns = n;
  std::vector<model::ThreadSample> threads(kThreads);
  for (std::int64_t t = 0; t < kThreads; ++t) {
    auto& sample = threads[static_cast<std::size_t>(t)];
    sample.tid = static_cast<std::int32_t>(t);
    sample.comm = "worker";
    sample.cpu_ns = n;
  }
  return store.append(trial, {{}, threads, machine});
}

Status write_until_killed(const testing::fs::path& dir, Progress& progress) {
  NW_TRY(RunStore store, has_run(dir) ? RunStore::open(dir, Mode::read_write) : RunStore::create(dir, small_header()));
  NW_TRY(const model::Run run, store.load());
  // A call may have been completed without its return having been noted.
  std::int64_t next = 0;
  for (const auto& restart : run.restarts) {
    for (const auto& trial : restart.trials) {
      for (const auto& sample : trial.machine) next = std::max(next, sample.busy_ns + 1);
    }
  }
  model::Restart restart;
  NW_TRY(restart.session, store.begin_session({}));
  while (true) {
    NW_TRY(const std::int64_t id, store.begin_restart(restart));
    NW_TRY(const std::int64_t trial, store.begin_trial(id, {}));
    for (std::int64_t i = 0; i < kPerTrial; ++i) {
      NW_CHECK(append_number(store, trial, next));
      progress.appended = ++next;
    }
    NW_CHECK(store.end_trial(trial, {next}, {}));
    NW_CHECK(store.end_restart(id, {next}, model::RestartStatus::done));
  }
}

// Every number up to the last one that returned is there, whole and in order; at most one more.
void check(const testing::fs::path& dir, std::int64_t returned) {
  const auto store = RunStore::open(dir, Mode::read_only);
  ASSERT_TRUE(ok(store));
  const auto run = store->load();
  ASSERT_TRUE(ok(run));
  std::int64_t n = 0;
  for (const auto& restart : run->restarts) {
    for (const auto& trial : restart.trials) {
      ASSERT_EQ(trial.threads.size(), trial.machine.size() * kThreads);
      for (std::size_t i = 0; i < trial.machine.size(); ++i, ++n) {
        ASSERT_EQ(trial.machine[i].busy_ns, n);
        for (std::size_t t = 0; t < kThreads; ++t) ASSERT_EQ(trial.threads[i * kThreads + t].cpu_ns, n);
      }
      if (trial.finished) {
        ASSERT_EQ(trial.machine.size(), kPerTrial);
      }
    }
  }
  EXPECT_GE(n, returned);
  EXPECT_LE(n, returned + 1);
}

TEST(Kill, AtAnyMomentLosesAtMostTheOpenCall) {
  constexpr int kKills = 30;
  const Folder dir;
  void* shared = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& progress = *new (shared) Progress{};
  Random random(std::random_device{}());
  for (int i = 0; i < kKills; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      progress.problem = write_until_killed(dir.path(), progress) ? 1 : 2;
      ::_exit(1);
    }
    // Short lives meet creating and opening, long ones the windows and the checkpoints.
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(i % 3 == 0 ? 10'000 : 250'000)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ASSERT_EQ(progress.problem, 0) << "the writer failed by itself";
    if (!has_run(dir.path())) continue;
    check(dir.path(), progress.appended);
  }
  ASSERT_TRUE(ok(RunStore::open(dir.path(), Mode::read_write)));
  EXPECT_EQ(sql(dir / "run.sqlite", "PRAGMA integrity_check"), "ok");
  EXPECT_EQ(sql(dir / "run.sqlite", "SELECT count(*) FROM restart WHERE status = 'running'"), "0");
  RecordProperty("appended", std::to_string(progress.appended));
  EXPECT_GT(progress.appended, 100);
  ::munmap(shared, sizeof(Progress));
}

}  // namespace
}  // namespace nw::store
