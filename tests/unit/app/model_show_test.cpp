#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "app/model_commands.h"
#include "wire/gguf.h"

namespace nw::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class ModelShowTest : public ::testing::Test {
 protected:
  ModelShowTest() {
    std::string pattern = (fs::temp_directory_path() / "nw-show-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ModelShowTest() override { fs::remove_all(directory_); }

  [[nodiscard]] fs::path make(const std::string& shape) const {
    SynthOptions options;
    options.shape = shape;
    options.output = directory_ / (shape + ".gguf");
    const Status status = synth(options);
    EXPECT_TRUE(status);
    return options.output;
  }
  [[nodiscard]] fs::path write(const std::string& name, const std::string& content) const {
    std::ofstream(directory_ / name, std::ios::binary) << content;
    return directory_ / name;
  }
  fs::path directory_;
};

TEST_F(ModelShowTest, DescribesASyntheticModel) {
  const auto info = show(make("tiny-qwen3moe"));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->architecture, "qwen3moe");
  EXPECT_EQ(info->quantisation, "Q4_K_M");
  EXPECT_EQ(info->layers, 4U);
  EXPECT_EQ(info->width, 512U);
  EXPECT_EQ(info->heads, 8U);
  EXPECT_EQ(info->kv_heads, 2U);
  EXPECT_EQ(info->experts, 16U);
  EXPECT_EQ(info->experts_used, 4U);
  EXPECT_EQ(info->vocab, 8192U);
  EXPECT_EQ(info->context, 8192U);
  EXPECT_EQ(info->seed, 1U);
  EXPECT_TRUE(info->synthetic);
  EXPECT_EQ(info->bytes, fs::file_size(info->path));
  EXPECT_EQ(info->types.front().type, "Q4_K");
  EXPECT_EQ(info->sha256, std::nullopt);
  EXPECT_THAT(info->name.value_or(""), HasSubstr("synthetic"));
}

TEST_F(ModelShowTest, SaysSyntheticInBothForms) {
  const auto info = show(make("tiny-llama"));
  ASSERT_TRUE(info);
  EXPECT_THAT(to_text(*info), HasSubstr("synthetic (random weights, seed 1)"));
  EXPECT_THAT(to_text(*info), HasSubstr("Q4_K_M"));
  EXPECT_THAT(to_text(*info), Not(HasSubstr("experts")));
  const std::string json = to_json(*info);
  EXPECT_THAT(json, HasSubstr(R"("arch":"llama")"));
  EXPECT_THAT(json, HasSubstr(R"("quant":"Q4_K_M")"));
  EXPECT_THAT(json, HasSubstr(R"("synthetic":true)"));
  EXPECT_THAT(json, HasSubstr(R"("experts":null)"));
  EXPECT_THAT(json, HasSubstr(R"("sha256":null)"));
}

TEST_F(ModelShowTest, HashesOnRequestAndRemembers) {
  const fs::path file = make("tiny-llama");
  ShowOptions options;
  options.hash = true;
  options.hash_cache = directory_ / "hashes";
  const auto first = show(file, options);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->sha256);
  EXPECT_EQ(first->sha256->size(), 64U);
  EXPECT_FALSE(fs::is_empty(*options.hash_cache));
  EXPECT_EQ(show(file, options)->sha256, first->sha256);
}

TEST_F(ModelShowTest, RefusesWhatIsNoModelInOneSentence) {
  EXPECT_EQ(show(directory_ / "missing.gguf").error().kind, ErrorKind::lacking);
  EXPECT_THAT(show(directory_ / "missing.gguf").error().message, HasSubstr("there is no file"));
  EXPECT_THAT(show(directory_).error().message, HasSubstr("is a directory"));
  EXPECT_THAT(show(write("empty", "")).error().message, HasSubstr("is empty"));
  EXPECT_THAT(show("/dev/null").error().message, HasSubstr("not a regular file"));
  const auto text = show(write("readme", "Hello, I am no model at all.\n"));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::usage);
  EXPECT_THAT(text.error().message, HasSubstr("not a GGUF file"));
  EXPECT_THAT(text.error().message, HasSubstr("readme"));
}

TEST_F(ModelShowTest, NamesOfFilesCannotFoolTheTerminal) {
  const auto info = show(directory_ / "\x1b[2Jevil");
  ASSERT_FALSE(info);
  EXPECT_THAT(info.error().message, Not(HasSubstr("\x1b")));
}

TEST_F(ModelShowTest, SaysThatAFileIsCutShort) {
  const fs::path file = make("tiny-llama");
  const std::uint64_t whole = fs::file_size(file);
  for (const std::uint64_t size :
       {whole - 100, whole / 2, std::uint64_t{100'000}, std::uint64_t{30}, std::uint64_t{5}, std::uint64_t{2}}) {
    fs::resize_file(file, size);
    const auto info = show(file);
    ASSERT_FALSE(info) << size;
    EXPECT_EQ(info.error().kind, ErrorKind::failed);
    EXPECT_THAT(info.error().message, HasSubstr("cut short")) << size;
  }
}

TEST_F(ModelShowTest, SaysThatAFileMayNotBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const fs::path file = write("secret", "GGUF");
  fs::permissions(file, fs::perms::none);
  EXPECT_THAT(show(file).error().message, HasSubstr("Permission denied"));
}

TEST_F(ModelShowTest, LeavesUnknownWhatAFileDoesNotState) {
  wire::GgufBuilder builder;
  builder.put_string("general.architecture", "novel");
  builder.add_tensor("a.weight", std::array<std::uint64_t, 1>{32}, 8, 34);
  const auto info = show(write("bare", std::move(builder).finish() + std::string(64, 'x')));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->architecture, "novel");
  EXPECT_EQ(info->quantisation, "Q8_0");  // what it consists of
  EXPECT_EQ(info->layers, std::nullopt);
  EXPECT_EQ(info->name, std::nullopt);
  EXPECT_FALSE(info->synthetic);
  EXPECT_EQ(info->parameters, 32U);
}

TEST_F(ModelShowTest, ReadsCountsPerLayerAndParts) {
  wire::GgufBuilder builder;
  builder.put_string("general.architecture", "mixed");
  builder.put_string("general.name", "evil \x1b[31mred");
  builder.put_u32("general.file_type", 17);
  builder.put_i32s("mixed.attention.head_count", std::array<std::int32_t, 3>{8, 16, 8});
  builder.put_u32("split.count", 3);
  const auto info = show(write("mixed", std::move(builder).finish()));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->heads, 16U);
  EXPECT_EQ(info->parts, 3U);
  EXPECT_EQ(info->quantisation, "Q5_K_M");
  EXPECT_THAT(to_text(*info), HasSubstr("one of them"));
  EXPECT_THAT(to_text(*info), Not(HasSubstr("\x1b")));
  EXPECT_THAT(to_json(*info), Not(HasSubstr("\x1b")));
}

// A header that is larger than the first prefix read.
TEST_F(ModelShowTest, ReadsOnUntilTheHeaderIsWhole) {
  wire::GgufBuilder builder;
  builder.put_string("general.architecture", "wordy");
  builder.put_strings("tokenizer.ggml.tokens", std::vector<std::string>(400'000, "token"));
  builder.put_u32("wordy.block_count", 7);
  const auto info = show(write("wordy", std::move(builder).finish()));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->vocab, 400'000U);
  EXPECT_EQ(info->layers, 7U);
}

}  // namespace
}  // namespace nw::app
