// The main job on the real llama-server: same model, same machine, two backends that differ by two variables of the
// environment, and by a core that burns for nothing. Skipped where there is neither a llama-server nor the lab.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/model_commands.h"
#include "e2e/support/nightwatt.h"
#include "os/file.h"
#include "os/machine_facts.h"

namespace nw::e2e {
namespace {

TEST(Lab, PollingIsSeenOnRealEngines) {
  const auto path = os::environment_value("PATH").value_or("") + ":" + NW_SOURCE_DIR "/build/lab/bin";
  if (!os::find_program("llama-server", path))
    GTEST_SKIP() << "no llama-server on PATH and no lab: tools/lab makes one";
  const TempFolder folder;
  app::SynthOptions synth;
  synth.shape = "tiny-llama";
  synth.output = folder.file("tiny.gguf");
  ASSERT_TRUE(app::synth(synth));
  const std::string command =
      "command = [\"llama-server\", \"-m\", \"{model}\", \"--port\", \"{port}\", \"-t\", \"2\", \"-np\", \"1\", "
      "\"-c\", \"512\"]\n";
  const auto campaign = short_campaign(synth.output.string()) +
                        "[[backend]]\nname = \"quiet\"\nengine = \"llama-server\"\n" + command +
                        "[[backend]]\nname = \"polling\"\nengine = \"llama-server\"\n" + command +
                        "env = { OMP_WAIT_POLICY = \"active\", GOMP_SPINCOUNT = \"infinity\" }\n";
  boost::json::object report;
  for (int attempt = 0; attempt < 3; ++attempt) {  // more than once only when other programs spoilt it
    const auto dir = folder.file(fmt::format("run{}", attempt));
    const Ran ran = nightwatt({"run", folder.write("campaign.toml", campaign), "--out", dir}, {{"PATH", path}});
    ASSERT_EQ(ran.code, 0) << ran.err;
    report = report_of(dir);
    if (boost::json::serialize(report).find("competing_load") == std::string::npos) break;
    if (attempt == 2) GTEST_SKIP() << "other programs used too much of the CPUs, three times";
  }
  const auto cores = [&](const char* name, const char* state) {
    return backend_of(report, name).at("idle").at(state).at("cores").at("mean").to_number<double>();
  };
  EXPECT_LT(cores("quiet", "loaded_unused"), 0.05);
  EXPECT_LT(cores("quiet", "loaded_idle"), 0.05);
  EXPECT_GT(cores("polling", "loaded_idle"), 0.9);
  EXPECT_LT(cores("polling", "loaded_idle"), 1.1);
  const auto quiet = backend_of(report, "quiet");
  EXPECT_EQ(quiet.at("labels").at("compute").as_string(), "cpu");
  EXPECT_THAT(std::string(quiet.at("labels").at("libraries").as_string()), ::testing::HasSubstr("libggml"));
  for (const auto& row : quiet.at("throughput").as_array()) {
    EXPECT_TRUE(row.at("synthetic").as_bool());
    EXPECT_GT(row.at("tokens_per_s").at("mean").to_number<double>(), 0);
  }
}

}  // namespace
}  // namespace nw::e2e
