// Every bad campaign gets one sentence with the next step, and the exit status that scripts rely on: 2 for the file, 3
// for what the machine lacks (port, command, model), 1 for a server that fails.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "e2e/support/nightwatt.h"
#include "os/command.h"
#include "os/machine_facts.h"

namespace nw::e2e {
namespace {

using ::testing::HasSubstr;

class Refusal : public ::testing::Test {
 protected:
  Ran run(const std::string& campaign, const std::map<std::string, std::string>& env = {}) const {
    return nightwatt({"run", folder.write("campaign.toml", campaign), "--out", folder.file("run")}, env);
  }
  // One line of error, one line of hint, nothing on standard output, and no folder made.
  void expect_refused(const Ran& ran, int code, const std::string& says, const std::string& hints) const {
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr(says));
    const auto at = ran.err.find("nightwatt: ");
    ASSERT_NE(at, std::string::npos) << ran.err;
    const auto sentence = ran.err.substr(at);
    EXPECT_EQ(std::count(sentence.begin(), sentence.end(), '\n'), 2) << sentence;
    EXPECT_THAT(sentence, HasSubstr("\nhint: "));
    EXPECT_THAT(sentence, HasSubstr(hints));
    EXPECT_NE(::access(folder.file("run/run.sqlite").c_str(), F_OK), 0) << "a refused campaign made a run";
  }
  TempFolder folder;
  std::string model = folder.write("model.gguf", "not read by the fake engine");
};

TEST_F(Refusal, NoFile) {
  expect_refused(nightwatt({"run", folder.file("none.toml")}), 2, "No such file", "nightwatt init");
}

TEST_F(Refusal, NotToml) {
  expect_refused(run("model = \n"), 2, "campaign.toml:1: this is not TOML", "docs/campaign.md");
}

TEST_F(Refusal, WrongType) {
  expect_refused(run("[rounds]\nrestarts = \"three\"\n"), 2,
                 "campaign.toml:2: restarts in [rounds] must be a whole number", "docs/campaign.md");
  expect_refused(run("backend = 3\n"), 2, "backend in the campaign must be a list of tables", "docs/campaign.md");
  expect_refused(run("[workload]\nprompt = [512, \"many\"]\n"), 2, "prompt in [workload] must be", "docs/campaign.md");
  expect_refused(run("[rounds]\nidle_states = [\"asleep\"]\n"), 2, "must be a list of absent, loaded_unused", "docs");
}

TEST_F(Refusal, ANegativeSeed) {
  expect_refused(nightwatt({"model", "synth", "--shape", "tiny-llama", "--seed", "-1", "-o", folder.file("x.gguf")}), 2,
                 "-1 is not a whole number", "--help");
}

TEST_F(Refusal, APlanThatCannotBePrinted) {
  const auto file = folder.write("campaign.toml", short_campaign(model) + backend("a", {}));
  const auto ran = os::run_command("/bin/sh", {"sh", "-c", NW_PROGRAM " run " + file + " --dry-run >/dev/full"},
                                   os::environment(), Seconds(60), -1);
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->exit_code, 1);
  EXPECT_THAT(ran->text, ::testing::HasSubstr("cannot write to standard output"));
}

TEST_F(Refusal, UnknownKey) {
  expect_refused(run("[rounds]\nrestart = 3\n"), 2, "campaign.toml:2: unknown key \"restart\" in [rounds]",
                 "the keys of [rounds] are");
}

TEST_F(Refusal, UnknownEngine) {
  expect_refused(run("[[backend]]\nname = \"a\"\nengine = \"llama\"\nurl = \"http://127.0.0.1:1\"\n"), 2,
                 "unknown engine \"llama\"", "the engines are llama-server, ollama");
}

TEST_F(Refusal, NoBackendAndTwoOfOneName) {
  expect_refused(run("model = \"m\"\n"), 2, "no [[backend]]", "nightwatt init");
  expect_refused(run(short_campaign(model) + backend("a", {}) + backend("a", {})), 2, "two backends are called \"a\"",
                 "rename");
}

TEST_F(Refusal, NeitherCommandNorUrlAndNoPort) {
  expect_refused(run("[[backend]]\nname = \"a\"\nengine = \"openai\"\n"), 2, "needs either `command` or `url`",
                 "attaches");
  expect_refused(run("[[backend]]\nname = \"a\"\nengine = \"llama-server\"\ncommand = [\"sh\"]\n"), 2,
                 "cannot know the port of backend \"a\"", "{port}");
}

TEST_F(Refusal, OthersCanWriteIt) {
  const auto path = folder.write("open.toml", short_campaign(model) + backend("a", {}));
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  expect_refused(nightwatt({"run", path, "--out", folder.file("run")}), 2, "is writable by everybody", "chmod go-w");
}

TEST_F(Refusal, CommandNotFound) {
  expect_refused(run(short_campaign(model) + "[[backend]]\nname = \"a\"\nengine = \"llama-server\"\n"
                                             "command = [\"no-such-llama\", \"{port}\"]\n"),
                 3, "backend \"a\": the program no-such-llama is not found", "PATH");
}

TEST_F(Refusal, ModelMissing) {
  expect_refused(run(short_campaign(folder.file("none.gguf")) + backend("a", {})), 3, "there is no model file",
                 "nightwatt model synth");
}

TEST_F(Refusal, PortTaken) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const int port = ntohs(address.sin_port);
  expect_refused(run(short_campaign(model) + backend("a", {}, fmt::format("port = {}", port))), 3,
                 fmt::format("port {} is taken", port), "leave `port` out");
  ::close(listener);
}

TEST_F(Refusal, NothingToAttachTo) {
  const Ran ran =
      run("[workload]\n[[backend]]\nname = \"a\"\nengine = \"llama-server\"\nurl = \"http://127.0.0.1:1\"\n");
  EXPECT_EQ(ran.code, 3) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("no ready server at 127.0.0.1:1"));
  EXPECT_THAT(ran.err, HasSubstr("hint: start it first"));
}

// A server that fails: exit 1, its last words are shown, and nothing of it survives.
TEST_F(Refusal, ServerThatNeverGetsReady) {
  const Ran ran =
      run(short_campaign(model) + backend("slow", {"--never-ready", "--alias", "e2e-never"}, "ready_timeout_s = 1"));
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err,
              HasSubstr("backend \"slow\": the server was not ready within 1 s (its health endpoint answers 503)"));
  EXPECT_THAT(ran.err, HasSubstr("raise ready_timeout_s"));
  EXPECT_THAT(processes_with("e2e-never"), ::testing::IsEmpty());
}

TEST_F(Refusal, ServerThatDiesAtStart) {
  const Ran ran = run(short_campaign(model) + backend("dead", {"--die-at-start", "7"}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("backend \"dead\": the server exited with status 7; its last lines:"));
  EXPECT_THAT(ran.err, HasSubstr("error:")) << "the last lines of its log are missing";
  EXPECT_THAT(ran.err, HasSubstr("the whole log is "));
  EXPECT_THAT(ran.err, HasSubstr("nothing valid was measured"));
}

TEST_F(Refusal, ServerThatDiesInTheMiddle) {
  const Ran ran = run(short_campaign(model, 2) + backend("weak", {"--die-after-requests", "3"}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("backend \"weak\": the server "));
  const auto weak = backend_of(report_of(folder.file("run")), "weak");
  for (const auto& row : weak.at("throughput").as_array()) EXPECT_TRUE(row.at("tokens_per_s").is_null());
  EXPECT_THAT(boost::json::serialize(weak), HasSubstr("backend_died"));
}

// One bad server costs its own figures, not those of the others; the exit status still says that something failed.
TEST_F(Refusal, TheOthersGoOn) {
  const Ran ran = run(short_campaign(model, 2) + backend("good", {}) + backend("dead", {"--die-at-start", "7"}));
  EXPECT_EQ(ran.code, 1);
  const auto report = report_of(folder.file("run"));
  EXPECT_TRUE(backend_of(report, "good").at("valid").as_bool());
  EXPECT_FALSE(backend_of(report, "dead").at("valid").as_bool());
}

// What ends a parser's stack, and what no campaign is.
TEST_F(Refusal, HostileFiles) {
  std::string dotted = "a";
  for (int i = 0; i < 200'000; ++i) dotted += ".a";
  expect_refused(run(dotted + " = 1\n"), 2, "nested too deeply", "docs/campaign.md");
  expect_refused(run(std::string(2'000'000, '#')), 2, "is too large for a campaign", "TOML");
}

TEST_F(Refusal, WrongFlags) {
  for (const auto& args :
       std::vector<std::vector<std::string>>{{},
                                             {"rum"},
                                             {"run"},
                                             {"run", "a", "--no-such-flag"},
                                             {"verdict", folder.file("x"), "--tokens-per-day", "-3"}}) {
    const Ran ran = nightwatt(args);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("hint: "));
  }
  const Ran format = nightwatt({"report", folder.file("x"), "-o", "json"});
  EXPECT_EQ(format.code, 2);
  EXPECT_THAT(format.err, HasSubstr("--format json"));
  EXPECT_EQ(nightwatt({"report", folder.file("x")}).code, 3) << "no run there";
  EXPECT_EQ(nightwatt({"verdict", folder.file("x"), "--tokens-per-day", "nan"}).code, 2);
  const Ran zero = nightwatt({"verdict", folder.file("x"), "--tokens-per-day", "0"});
  EXPECT_EQ(zero.code, 2);
  EXPECT_THAT(zero.err, HasSubstr("0 is not a number from 1 to 1e+15"));
  EXPECT_EQ(nightwatt({"verdict", folder.file("x"), "--tokens-per-day", "5", "--duty", "0.1"}).code, 2);
  const Ran text = nightwatt({"report", folder.file("x"), "--tokens-per-day", "5"});
  EXPECT_EQ(text.code, 2);
  EXPECT_THAT(text.err, HasSubstr("--format json"));
}

}  // namespace
}  // namespace nw::e2e
