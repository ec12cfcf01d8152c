// The main job on engines of known behaviour: what is known about them is what the report must say.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "e2e/support/nightwatt.h"
#include "engines/support.h"
#include "os/process.h"

namespace nw::e2e {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Whether another program spoilt a figure of this backend: then nightwatt rightly gives none, and there is nothing to
// compare.
bool spoilt(const json::object& backend) {
  return json::serialize(backend.at("reasons")).find("competing_load") != std::string::npos;
}

double cores(const json::object& backend, const char* state) {
  return backend.at("idle").at(state).at("cores").at("mean").to_number<double>();
}

const json::object& throughput(const json::object& backend, const char* test) {
  for (const auto& row : backend.at("throughput").as_array()) {
    if (row.at("test").as_string() == test) return row.as_object();
  }
  throw std::runtime_error(std::string("no test ") + test);
}

class Run : public ::testing::Test {
 protected:
  Ran run(const std::string& campaign, const std::vector<std::string>& more = {},
          const std::map<std::string, std::string>& env = {}) const {
    std::vector<std::string> args = {"run", folder.write("campaign.toml", campaign), "--out", dir};
    args.insert(args.end(), more.begin(), more.end());
    return nightwatt(args, env);
  }
  // The same, once more (twice at most) when other programs on this machine spoilt it; see spoilt().
  Ran run_undisturbed(const std::string& campaign) {
    Ran ran;
    for (int attempt = 0; attempt < 3; ++attempt) {
      fs::remove_all(dir);
      ran = run(campaign);
      disturbed = false;
      const auto report = report_of(dir);
      for (const auto& one : report.at("backends").as_array()) disturbed |= spoilt(one.as_object());
      if (!disturbed) break;
    }
    return ran;
  }
  bool disturbed = false;
  TempFolder folder;
  std::string model = folder.write("model.gguf", "not read by the fake engine");
  std::string dir = folder.file("run");
};

// An engine that spins from its first request on: about 0 before, about 1 after. That is why the states are several.
TEST_F(Run, SpinFromTheFirstRequestOn) {
  const Ran ran =
      run_undisturbed(short_campaign(model) + backend("spins", {"--spin-after-first"}) + backend("quiet", {}));
  if (disturbed) GTEST_SKIP() << "other programs used too much of the CPUs, three times";
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto report = report_of(dir);
  const auto spins = backend_of(report, "spins");
  EXPECT_LT(cores(spins, "loaded_unused"), 0.05);
  EXPECT_NEAR(cores(spins, "loaded_idle"), 1.0, 0.1);
  EXPECT_LT(cores(backend_of(report, "quiet"), "loaded_idle"), 0.05);
  const auto& thread = spins.at("spin").as_array().at(0);
  EXPECT_NEAR(thread.at("cores").to_number<double>(), 1.0, 0.1);
  EXPECT_EQ(thread.at("class").as_string(), "unknown") << "nothing here looked into the thread";
  EXPECT_THAT(backend_of(report, "quiet").at("spin").as_array(), IsEmpty());
}

// The engine answers on an exact schedule, so the rates are known: 400 and 100 tokens a second.
TEST_F(Run, RatesOfAnExactSchedule) {
  const auto campaign = fmt::format(
      "model = \"{}\"\n[rounds]\norder = [\"throughput\"]\nrestarts = 2\n[workload]\nprompt = [64]\ngenerate = [32]\n",
      model);
  const Ran ran = run_undisturbed(campaign + backend("exact", {"--prefill-rate", "400", "--decode-rate", "100"}));
  if (disturbed) GTEST_SKIP() << "other programs used too much of the CPUs, three times";
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto exact = backend_of(report_of(dir), "exact");
  EXPECT_NEAR(throughput(exact, "pp64").at("tokens_per_s").at("mean").to_number<double>(), 400, 20);
  EXPECT_NEAR(throughput(exact, "tg32").at("tokens_per_s").at("mean").to_number<double>(), 100, 5);
}

TEST_F(Run, WhatTheEngineGetsWrongIsInvalid) {
  const Ran ran = run_undisturbed(short_campaign(model) + backend("cached", {"--cache-hit"}) +
                                  backend("miscounts", {"--wrong-tokens"}) + backend("good", {}));
  if (disturbed) GTEST_SKIP() << "other programs used too much of the CPUs, three times";
  const auto report = report_of(dir);
  EXPECT_THAT(json::serialize(backend_of(report, "cached").at("reasons")), HasSubstr("cache_hit"));
  EXPECT_THAT(json::serialize(backend_of(report, "miscounts").at("reasons")), HasSubstr("token_mismatch"));
  EXPECT_TRUE(throughput(backend_of(report, "cached"), "pp32").at("tokens_per_s").is_null());
  EXPECT_FALSE(throughput(backend_of(report, "good"), "pp32").at("tokens_per_s").is_null());
  EXPECT_EQ(ran.code, 0) << ran.err;
}

// Interrupted in a window: exit 130, what was measured is kept, nothing survives, and --resume does the rest only.
TEST_F(Run, InterruptAndResume) {
  const auto campaign = short_campaign(model, 2, "seed = 3") + backend("a", {"--alias", "e2e-resume"}) +
                        backend("b", {"--alias", "e2e-resume", "--double-fork", "--ignore-term"});
  const auto file = folder.write("campaign.toml", campaign);
  Started first({"run", file, "--out", dir});
  // Interrupted once the first repeat is through: its log is there, and another one's.
  ASSERT_TRUE(fake::eventually(
      [&] { return fs::exists(dir + "/logs/backend0-repeat0.log") && fs::exists(dir + "/logs/backend1-repeat0.log"); },
      std::chrono::seconds(60)));
  first.signal(SIGINT);
  const Ran interrupted = first.wait(std::chrono::seconds(30));
  EXPECT_EQ(interrupted.code, 130) << interrupted.err;
  EXPECT_THAT(interrupted.err, HasSubstr("--resume"));
  EXPECT_THAT(processes_with("e2e-resume"), IsEmpty());

  const auto before = report_of(dir);
  EXPECT_FALSE(before.at("complete").as_bool());
  const Ran again = run(campaign);
  EXPECT_EQ(again.code, 2) << "a second run into the same folder";
  const Ran other = run(campaign + "# changed\n", {"--resume"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("another campaign"));
  const Ran resumed = run(campaign, {"--resume"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  const auto after = report_of(dir);
  EXPECT_TRUE(after.at("complete").as_bool());
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ(throughput(backend_of(after, name), "pp32").at("restarts").to_number<int>(), 2) << name;
  }
  EXPECT_THAT(processes_with("e2e-resume"), IsEmpty());  // the daemons too: a fork keeps the command line
}

// kill -9 of nightwatt alone: the guard ends everything, daemons with sessions of their own included.
TEST_F(Run, KillNine) {
  for (const char* guard : {"auto", "subreaper"}) {
    const auto campaign =
        short_campaign(model) + backend("a", {"--alias", "e2e-kill", "--double-fork", "--ignore-term"});
    const auto out = dir + guard;
    Started started({"run", folder.write("campaign.toml", campaign), "--out", out, "--guard", guard});
    ASSERT_TRUE(
        fake::eventually([] { return !processes_with("e2e-kill", "fake_orphan").empty(); }, std::chrono::seconds(60)));
    started.signal(SIGKILL);
    EXPECT_EQ(started.wait(std::chrono::seconds(10)).code, 1000 + SIGKILL);
    EXPECT_TRUE(fake::eventually([] { return processes_with("e2e-kill").empty(); })) << guard;
    EXPECT_FALSE(report_of(out).at("complete").as_bool());
  }
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  os::LinuxProcesses processes;
  for (const pid_t pid : processes.pids()) {
    const auto identity = processes.identity(pid);
    if (identity && identity->parent == parent) found.push_back(pid);
  }
  return found;
}

// The same with a guard that somebody has stopped: the end of nightwatt wakes it.
TEST_F(Run, KillNineWithAStoppedGuard) {
  for (const char* guard : {"auto", "subreaper"}) {
    const auto campaign =
        short_campaign(model) + backend("a", {"--alias", "e2e-stopped", "--double-fork", "--ignore-term"});
    Started started({"run", folder.write("campaign.toml", campaign), "--out", dir + guard, "--guard", guard});
    ASSERT_TRUE(fake::eventually([] { return !processes_with("e2e-stopped", "fake_orphan").empty(); },
                                 std::chrono::seconds(60)));
    const auto guards = children_of(started.pid());
    ASSERT_FALSE(guards.empty());
    for (const pid_t pid : guards) ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    started.signal(SIGKILL);
    EXPECT_EQ(started.wait(std::chrono::seconds(10)).code, 1000 + SIGKILL);
    EXPECT_TRUE(fake::eventually([] { return processes_with("e2e-stopped").empty(); })) << guard;
  }
}

// Who removes the folder in the middle is told that the figures went with it.
TEST_F(Run, AFolderThatIsRemovedInTheMiddle) {
  Started started({"run", folder.write("campaign.toml", short_campaign(model) + backend("a", {})), "--out", dir});
  ASSERT_TRUE(
      fake::eventually([&] { return fs::exists(dir + "/logs/backend0-repeat0.log"); }, std::chrono::seconds(60)));
  fs::remove_all(dir);
  const Ran ran = started.wait(std::chrono::seconds(60));
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_THAT(ran.out, Not(HasSubstr("kept in")));
}

// A server that runs already is asked and never touched; what would need a restart is null with the reason.
TEST_F(Run, Attached) {
  fake::Program engine(
      {fake_engine(), "--port", "0", "-m", model, "--alias", "e2e-attached", "--spin", "1", "--max-life", "120"});
  const auto port = engine.line_after("listening on http://127.0.0.1:");
  ASSERT_TRUE(port) << engine.output();
  const auto campaign = fmt::format(
      "[rounds]\norder = [\"throughput\", \"idle\"]\nrestarts = 2\nidle_window_s = 2\n"
      "idle_states = [\"absent\", \"loaded_unused\", \"loaded_idle\", \"frozen\"]\n"
      "[workload]\nprompt = [32]\ngenerate = [8]\n"
      "[[backend]]\nname = \"here\"\nengine = \"llama-server\"\nurl = \"http://127.0.0.1:{}\"\nprocess = \"pid:{}\"\n"
      "[[backend]]\nname = \"unseen\"\nengine = \"llama-server\"\nurl = \"http://127.0.0.1:{}\"\n",
      std::atoi(port->c_str()), engine.pid(), std::atoi(port->c_str()));
  const Ran ran = run_undisturbed(campaign);
  if (disturbed) GTEST_SKIP() << "other programs used too much of the CPUs, three times";
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto report = report_of(dir);
  const auto here = backend_of(report, "here");
  EXPECT_NEAR(cores(here, "loaded_idle"), 1.0, 0.1);
  EXPECT_TRUE(here.at("idle").at("loaded_unused").at("cores").is_null());
  EXPECT_THAT(std::string(here.at("idle").at("loaded_unused").at("cores_reason").as_string()),
              HasSubstr("needs_restart_permission"));
  EXPECT_TRUE(here.at("idle").at("frozen").at("cores").is_null());
  EXPECT_THAT(json::serialize(here.at("reasons")), HasSubstr("not_restarted"));
  const auto unseen = backend_of(report, "unseen");
  EXPECT_TRUE(unseen.at("idle").at("loaded_idle").at("cores").is_null()) << "not seen is null, never 0";
  EXPECT_THAT(json::serialize(unseen), HasSubstr("process_not_visible"));
  EXPECT_FALSE(engine.wait(std::chrono::milliseconds(0))) << "the attached server was ended";

  const Ran allowed = nightwatt({"run", folder.file("campaign.toml"), "--out", dir + "2", "--may-restart"});
  ASSERT_EQ(allowed.code, 0) << allowed.err;
  EXPECT_NEAR(cores(backend_of(report_of(dir + "2"), "here"), "frozen"), 0.0, 0.02);
  EXPECT_FALSE(engine.wait(std::chrono::milliseconds(0)));
}

TEST_F(Run, OtherStates) {
  const auto campaign = short_campaign(model, 1, "idle_states = [\"loaded_idle\", \"active\", \"frozen\"]");
  const Ran ran = run_undisturbed(campaign + backend("spins", {"--spin", "1", "--nap", "50", "--decode-rate", "50"}));
  if (disturbed) GTEST_SKIP() << "other programs used too much of the CPUs, three times";
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto spins = backend_of(report_of(dir), "spins");
  EXPECT_NEAR(cores(spins, "loaded_idle"), 1.0, 0.1);
  EXPECT_NEAR(cores(spins, "frozen"), 0.0, 0.02);
  EXPECT_GT(spins.at("idle").at("loaded_idle").at("wakeups_per_s").at("mean").to_number<double>(), 40);
}

// A promise: a secret in the environment, a flag, a URL or a log is in no file of the run and in no report.
TEST_F(Run, SecretsStayOut) {
  const std::string in_env = "hunter2-environment-secret";
  const std::string in_flag = "hunter2-flag-secret";
  const std::string in_log = "hunter2-flag-secret and hunter2-environment-secret";
  fake::Program other({fake_engine(), "--api", "openai", "--port", "0", "-m", model, "--max-life", "120"});
  const auto line = other.line_after("listening on http://127.0.0.1:");
  ASSERT_TRUE(line) << other.output();
  const std::string port = std::to_string(std::atoi(line->c_str()));
  const std::string in_url = "hunter2-url-secret";
  const auto campaign = short_campaign(model) +
                        backend("a", {"--api-key", in_flag, "--log-secret", in_log},
                                "env = { NIGHTWATT_TEST_TOKEN = \"" + in_env +
                                    "\", OMP_NUM_THREADS = \"2\", "
                                    "NIGHTWATT_FOLDED_TOKEN = \"\"\"begins\\\n   hunter2-folded-secret\"\"\" }") +
                        "[[backend]]\nname = \"b\"\nengine = \"openai\"\nurl = \"http://user:" + in_url +
                        "@127.0.0.1:" + port + "/v1\"\n";
  const Ran ran = run(campaign, {}, {{"NIGHTWATT_OUTER_PASSWORD", "hunter2-outer-secret"}});
  ASSERT_TRUE(fs::exists(dir + "/run.sqlite")) << ran.err;
  std::string everything = ran.out + ran.err;
  for (const auto& args : std::vector<std::vector<std::string>>{{"report", dir},
                                                                {"report", dir, "--format", "json"},
                                                                {"verdict", dir},
                                                                {"verdict", dir, "--format", "json"}}) {
    const Ran shown = nightwatt(args);
    everything += shown.out + shown.err;
  }
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    std::stringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    everything += text.str();
    ++files;
  }
  EXPECT_GE(files, 2) << "a store and a log";
  EXPECT_THAT(everything, Not(HasSubstr("hunter2")));
  EXPECT_THAT(everything, HasSubstr("[masked]"));
  EXPECT_THAT(everything, HasSubstr("OMP_NUM_THREADS")) << "what is on the allow-list is kept";
  EXPECT_THAT(everything, Not(HasSubstr("NIGHTWATT_OUTER_PASSWORD"))) << "what is not on it is not";
}

// No shell reads a command: what a shell would do with this argument must not happen.
TEST_F(Run, NoShell) {
  const auto trap = folder.file("trap");
  const Ran ran = run(short_campaign(model) + backend("a", {"--alias", "$(touch " + trap + "); touch " + trap}));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_FALSE(fs::exists(trap));
  EXPECT_THAT(ran.err, HasSubstr("$(touch ")) << "commands are shown before they are started";
}

TEST_F(Run, DryRunStartsNothing) {
  const Ran ran =
      run(short_campaign(model, 3) + backend("a", {"--alias", "e2e-dry"}) + backend("b", {}), {"--dry-run"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("2 backends, up to 3 restarts each, 9 steps, about "));
  EXPECT_FALSE(fs::exists(dir));
  const Ran quick =
      run(short_campaign(model, 12, "idle_states = [\"loaded_idle\"]") + backend("a", {}), {"--dry-run", "--quick"});
  EXPECT_THAT(quick.err, HasSubstr("3 restarts instead of 12"));
}

TEST_F(Run, OwnCostIsStated) {
  ASSERT_EQ(run(short_campaign(model) + backend("a", {})).code, 0);
  const auto report = report_of(dir);
  EXPECT_GT(report.at("self").at("cpu_s").to_number<double>(), 0);
  EXPECT_GT(report.at("self").at("wall_s").to_number<double>(), report.at("self").at("cpu_s").to_number<double>());
}

TEST_F(Run, InitFindsARunningServer) {
  fake::Program engine({fake_engine(), "--port", "0", "-m", model, "--max-life", "120"});
  ASSERT_TRUE(engine.line_after("listening on http://127.0.0.1:"));
  const auto out = folder.file("made.toml");
  const Ran init = nightwatt({"init", "--pid", std::to_string(engine.pid()), "-o", out});
  ASSERT_EQ(init.code, 0) << init.err;
  EXPECT_EQ(nightwatt({"init", "--pid", std::to_string(engine.pid()), "-o", out}).code, 2) << "an existing file";
  const Ran plan = nightwatt({"run", out, "--dry-run"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_EQ(nightwatt({"init", "--pid", std::to_string(::getpid())}).code, 3);
  const Ran none = nightwatt({"init", "--pid", "2147483646"});
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, HasSubstr("there is no process 2147483646"));
}

// A campaign written by init is a valid one, whatever was found.
TEST_F(Run, InitWithoutEngines) {
  const Ran init = nightwatt({"init", "--model", model}, {{"PATH", folder.path().string()}});
  ASSERT_EQ(init.code, 0) << init.err;
  EXPECT_THAT(init.out, HasSubstr("[rounds]"));
}

}  // namespace
}  // namespace nw::e2e
