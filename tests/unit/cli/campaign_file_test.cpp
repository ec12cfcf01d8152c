#include "cli/campaign_file.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace nw::cli {
namespace {

constexpr const char* kWhole = R"(
model = "m.gguf"
[rounds]
order = ["throughput", "idle"]
restarts = 7
target = "5%"
idle_states = ["loaded_idle", "frozen"]
idle_window_s = 12.5
seed = 42
[workload]
prompt = [512, 1024]
generate = 128
depth = [0, 4096]
[[backend]]
name = "started"
engine = "llama-server"
command = ["llama-server", "-m", "{model}", "--port", "{port}"]
env = { GGML_VK_VISIBLE_DEVICES = "0" }
ready_timeout_s = 30
[[backend]]
name = "attached"
engine = "ollama"
url = "http://127.0.0.1:11434"
model = "qwen3:30b-a3b"
process = "ollama"
api_key_env = "KEY"
)";

TEST(CampaignFile, EveryKey) {
  const auto campaign = parse_campaign(kWhole, "c.toml");
  ASSERT_TRUE(campaign) << campaign.error().message;
  EXPECT_EQ(campaign->rounds.restarts, 7);
  EXPECT_DOUBLE_EQ(campaign->rounds.target, 0.05);
  EXPECT_DOUBLE_EQ(campaign->rounds.idle_window_s, 12.5);
  EXPECT_EQ(campaign->rounds.seed, 42U);
  EXPECT_EQ(campaign->rounds.idle_states, (std::vector{model::State::loaded_idle, model::State::frozen}));
  EXPECT_EQ(campaign->workload.prompt, (std::vector<std::int64_t>{512, 1024}));
  EXPECT_EQ(campaign->workload.generate, std::vector<std::int64_t>{128}) << "one value stands for a list of one";
  ASSERT_EQ(campaign->backends.size(), 2U);
  EXPECT_EQ(campaign->backends[0].command.size(), 5U);
  EXPECT_EQ(campaign->backends[0].env.at("GGML_VK_VISIBLE_DEVICES"), "0");
  EXPECT_DOUBLE_EQ(campaign->backends[0].ready_timeout_s, 30);
  EXPECT_FALSE(campaign->backends[0].attached());
  EXPECT_TRUE(campaign->backends[1].attached());
  EXPECT_EQ(campaign->backends[1].process, "ollama");
  EXPECT_EQ(campaign->text, kWhole);
}

TEST(CampaignFile, ErrorsNameTheLine) {
  const auto campaign = parse_campaign("model = \"m\"\n\n[rounds]\nrestarts = 0\n", "c.toml");
  ASSERT_FALSE(campaign);
  EXPECT_EQ(campaign.error().kind, ErrorKind::usage);
  EXPECT_EQ(campaign.error().message, "c.toml:4: restarts in [rounds] must be a whole number from 1 to 1000");
}

// Whatever a file holds, there is an answer: a campaign or one sentence.
TEST(CampaignFile, AnythingGetsASentence) {
  Random random(11);
  const std::string whole = kWhole;
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (std::uint64_t n = random.below(4) + 1; n > 0; --n) {
      const auto at = static_cast<std::size_t>(random.below(text.size()));
      switch (random.below(3)) {
        case 0:
          text[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          text.erase(at, random.below(20));
          break;
        default:
          text.insert(at, whole.substr(random.below(whole.size()), random.below(30)));
      }
      if (text.empty()) text = " ";
    }
    const auto campaign = parse_campaign(text, "c.toml");
    if (campaign) continue;
    EXPECT_EQ(campaign.error().kind, ErrorKind::usage);
    EXPECT_FALSE(campaign.error().message.empty());
    EXPECT_EQ(campaign.error().message.find('\n'), std::string::npos) << campaign.error().message;
    EXPECT_FALSE(campaign.error().hint.empty()) << campaign.error().message;
  }
}

}  // namespace
}  // namespace nw::cli
