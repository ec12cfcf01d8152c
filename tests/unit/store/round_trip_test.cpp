// What was written is what is read, whatever it was.
#include <gtest/gtest.h>

#include "random_run.h"
#include "run_text.h"
#include "support.h"

namespace nw::store {
namespace {

using testing::Folder;
using testing::ok;
using testing::RandomRun;
using testing::RunText;
using testing::small_header;
using testing::write_run;

// The store sets this when a session ends; without an end there is none.
model::Run as_kept(model::Run run) {
  for (auto& session : run.sessions) {
    if (!session.end) session.self_cpu_s = 0;
  }
  return run;
}

TEST(RoundTrip, GivesEveryRunBackBitForBit) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    const model::Run run = as_kept(RandomRun(seed).run());
    const std::string expected = RunText::of(run);
    const Folder dir;
    {
      auto store = RunStore::create(dir.path(), run);
      ASSERT_TRUE(ok(store));
      ASSERT_TRUE(ok(write_run(*store, run)));
      const auto while_writing = store->load();
      ASSERT_TRUE(ok(while_writing));
      ASSERT_EQ(RunText::of(*while_writing), expected);
    }
    const auto store = RunStore::open(dir.path(), Mode::read_only);
    ASSERT_TRUE(ok(store));
    const auto later = store->load();
    ASSERT_TRUE(ok(later));
    ASSERT_EQ(RunText::of(*later), expected);
  }
}

TEST(RoundTrip, ReadersSeeWhatTheWriterHasCommitted) {
  const Folder dir;
  auto writer = RunStore::create(dir.path(), small_header());
  ASSERT_TRUE(ok(writer));
  const auto reader = RunStore::open(dir.path(), Mode::read_only);
  ASSERT_TRUE(ok(reader));
  EXPECT_EQ(reader->load()->sessions.size(), 0u);
  ASSERT_TRUE(ok(writer->begin_session({})));
  EXPECT_EQ(reader->load()->sessions.size(), 1u);
  // A reader does not keep the writer from ending.
  EXPECT_TRUE(ok(writer->close()));
  EXPECT_EQ(reader->load()->sessions.size(), 1u);
}

TEST(RoundTrip, LabelsAndNotesAndTheModelCanBeCompletedLater) {
  const Folder dir;
  auto header = small_header();
  header.backends[0].labels = {{"device", "cpu"}, {"context", "4096"}};
  auto store = RunStore::create(dir.path(), header);
  ASSERT_TRUE(ok(store));
  ASSERT_TRUE(ok(store->put_labels(0, {{"device", "Vulkan0"}, {"engine_version", "b1"}})));
  ASSERT_TRUE(ok(store->add_note(0, "frozen: not_available")));
  ASSERT_TRUE(ok(store->add_note(0, "second")));
  ASSERT_TRUE(ok(store->add_note(0, "frozen: not_available")));
  model::ModelRecord record;
  record.sha256 = "abc";
  record.synthetic = true;
  ASSERT_TRUE(ok(store->set_model(record)));
  const auto run = store->load();
  ASSERT_TRUE(ok(run));
  const model::Labels labels = {{"context", "4096"}, {"device", "Vulkan0"}, {"engine_version", "b1"}};
  EXPECT_EQ(run->backends[0].labels, labels);
  EXPECT_EQ(run->backends[0].notes, (std::vector<std::string>{"frozen: not_available", "second"}));
  EXPECT_EQ(run->model.sha256, "abc");
  EXPECT_TRUE(run->model.synthetic);
}

TEST(RoundTrip, EventsBelongToTheSessionBegunLast) {
  const Folder dir;
  auto store = RunStore::create(dir.path(), small_header());
  ASSERT_TRUE(ok(store));
  ASSERT_TRUE(ok(store->log_event({1}, log::Level::error, "early")));
  ASSERT_TRUE(ok(store->begin_session({})));
  ASSERT_TRUE(ok(store->begin_session({})));
  ASSERT_TRUE(ok(store->log_event({2}, log::Level::verbose, "late")));
  const std::vector<Event> expected = {{-1, {1}, log::Level::error, "early"}, {1, {2}, log::Level::verbose, "late"}};
  EXPECT_EQ(store->events().value(), expected);
}

TEST(RoundTrip, ThreadsOfAlternatingTrialsKeepTheirNames) {
  const Folder dir;
  auto store = RunStore::create(dir.path(), small_header());
  ASSERT_TRUE(ok(store));
  ASSERT_TRUE(ok(store->begin_session({})));
  const auto restart = store->begin_restart({}).value();
  const auto first = store->begin_trial(restart, {}).value();
  const auto second = store->begin_trial(restart, {}).value();
  std::vector<model::ThreadSample> samples = {{{1}, 5, 6, "a", 1, {}, {}}, {{1}, 5, 7, "b", 2, {}, {}}};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(ok(store->append(first, {{}, samples, {}})));
    ASSERT_TRUE(ok(store->append(second, {{}, samples, {}})));
  }
  const auto run = store->load();
  ASSERT_TRUE(ok(run));
  for (const auto& trial : run->restarts[0].trials) {
    ASSERT_EQ(trial.threads.size(), 6u);
    EXPECT_EQ(trial.threads[5].comm, "b");
    EXPECT_EQ(trial.threads[4].tid, 6);
  }
  ASSERT_TRUE(ok(store->close()));
  EXPECT_EQ(testing::sql(dir / "run.sqlite", "SELECT count(*) FROM thread"), "4");
}

}  // namespace
}  // namespace nw::store
