#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "../../../src/app/model_vocab.h"
#include "app/model_commands.h"
#include "model/shapes.h"
#include "os/hash.h"
#include "wire/gguf.h"

namespace nw::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ModelSynthTest : public ::testing::Test {
 protected:
  ModelSynthTest() {
    std::string pattern = (fs::temp_directory_path() / "nw-synth-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ModelSynthTest() override { fs::remove_all(directory_); }

  [[nodiscard]] SynthOptions options(const std::string& shape, const std::string& file) const {
    SynthOptions o;
    o.shape = shape;
    o.output = directory_ / file;
    return o;
  }
  [[nodiscard]] std::string hash(const std::string& file) const {
    const auto hash = os::sha256_of_file(directory_ / file, std::nullopt);
    return hash ? hash->hex : hash.error().message;
  }
  fs::path directory_;
};

TEST_F(ModelSynthTest, WritesTheTensorsOfTheShape) {
  ASSERT_TRUE(synth(options("tiny-qwen3moe", "a")));
  std::ifstream in(directory_ / "a", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto parsed = wire::parse_gguf_header(std::as_bytes(std::span(text)));
  ASSERT_TRUE(parsed && parsed->header);
  const wire::GgufHeader& header = *parsed->header;
  const auto specs = model::tensors_of(*model::find_shape("tiny-qwen3moe"), model::Quant::q4_k_m);
  ASSERT_EQ(header.tensors.size(), specs.size());
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    EXPECT_EQ(header.tensors[i].name, specs[i].name);
    EXPECT_EQ(header.tensors[i].dims, specs[i].dims);
    EXPECT_EQ(header.tensors[i].type, static_cast<std::uint32_t>(specs[i].type));
    EXPECT_EQ(header.tensors[i].bytes, specs[i].bytes());
    EXPECT_GE(header.tensors[i].offset, end) << "tensors must not overlap";
    end = header.tensors[i].offset + specs[i].bytes();
  }
  EXPECT_EQ(text.size() % 32, 0U);
  EXPECT_LT(text.size() - header.data_end, 32U);
  EXPECT_EQ(header.bool_at("nightwatt.synthetic"), true);
  EXPECT_EQ(header.unsigned_at("qwen3moe.expert_used_count"), 4U);
}

// The sums were taken once on an x86-64 machine. If one changes, so does every file that users have: say so in the
// changelog.
TEST_F(ModelSynthTest, BytesAreFixedBySeedForEver) {
  ASSERT_TRUE(synth(options("tiny-llama", "q4")));
  EXPECT_EQ(hash("q4"), "e3cef2ed5468b4fe597ef219305060455bc6bb74d165bcb9dc721232ded422e0");
  SynthOptions moe = options("tiny-qwen3moe", "q8");
  moe.quant = "q8_0";
  moe.seed = 42;
  ASSERT_TRUE(synth(moe));
  EXPECT_EQ(hash("q8"), "fa1e84876717aeecd0e30dcda0d3495320cb4088a38dfd7c613b599926d3b3ed");
  SynthOptions f16 = options("tiny-llama", "f16");
  f16.quant = "F16";
  ASSERT_TRUE(synth(f16));
  EXPECT_EQ(hash("f16"), "a8f158d5d76374f1ed269f26ab147b4191e46039dc8b3a5b46b7450d186f6602");
}

TEST_F(ModelSynthTest, SizeIsKnownBeforehand) {
  for (const std::string quant : {"Q4_K_M", "Q8_0", "F16"}) {
    SynthOptions o = options("tiny-llama", quant);
    o.quant = quant;
    ASSERT_TRUE(synth(o));
    EXPECT_EQ(synth_outline(o).value().file_bytes, fs::file_size(o.output));
  }
}

// The published Qwen3-30B-A3B-Q4_K_M.gguf has about 18.56 GB, Qwen3-0.6B-Q8_0.gguf 639.4 MB.
TEST_F(ModelSynthTest, WholeFilesAreAsLargeAsThePublishedOnes) {
  EXPECT_NEAR(static_cast<double>(synth_outline(options("qwen3-30b-a3b", ""))->file_bytes), 18.556e9, 0.003e9);
  SynthOptions small = options("qwen3-0.6b", "");
  small.quant = "Q8_0";
  EXPECT_NEAR(static_cast<double>(synth_outline(small)->file_bytes), 639.4e6, 0.1e6);
}

TEST_F(ModelSynthTest, RefusesUnknownNamesWithTheKnownOnes) {
  const Status shape = synth(options("gpt-17", "x"));
  ASSERT_FALSE(shape);
  EXPECT_EQ(shape.error().kind, ErrorKind::usage);
  EXPECT_THAT(shape.error().hint, HasSubstr("tiny-llama"));
  SynthOptions o = options("tiny-llama", "x");
  o.quant = "Q9";
  const Status quant = synth(o);
  ASSERT_FALSE(quant);
  EXPECT_THAT(quant.error().hint, HasSubstr("Q4_K_M"));
  o = options("tiny-llama", "x");
  o.output.clear();
  EXPECT_EQ(synth(o).error().kind, ErrorKind::usage);
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(ModelSynthTest, NeverReplacesAFile) {
  std::ofstream(directory_ / "a") << "precious";
  const Status status = synth(options("tiny-llama", "a"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::usage);
  EXPECT_EQ(fs::file_size(directory_ / "a"), 8U);
}

TEST_F(ModelSynthTest, AStopInTheMiddleLeavesNothing) {
  std::stop_source stop;
  SynthOptions o = options("tiny-llama", "a");
  o.stop = stop.get_token();
  std::uint64_t last = 0;
  o.progress = [&](std::uint64_t written, std::uint64_t total) {
    EXPECT_GT(written, last);
    EXPECT_LE(written, total);
    last = written;
    if (written > total / 2) stop.request_stop();
  };
  const Status status = synth(o);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::interrupted);
  EXPECT_GT(last, 0U);
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST(Vocabulary, IsWholeForEveryShape) {
  for (const model::Shape& shape : model::shapes()) {
    const Vocabulary v = make_vocabulary(shape);
    SCOPED_TRACE(shape.name);
    EXPECT_EQ(v.tokens.size(), shape.vocab);
    EXPECT_EQ(v.types.size(), shape.vocab);
    EXPECT_EQ(std::set<std::string>(v.tokens.begin(), v.tokens.end()).size(), v.tokens.size());
    EXPECT_EQ(v.tokens[v.end_of_turn], "<|im_end|>");
    EXPECT_EQ(v.types[v.end_of_turn], 3);
    EXPECT_FALSE(v.merges.empty());
  }
}

TEST(Vocabulary, BytesHaveTheCharactersOfGpt2) {
  const Vocabulary v = make_vocabulary(*model::find_shape("tiny-llama"));
  EXPECT_EQ(v.tokens['A'], "A");
  EXPECT_EQ(v.tokens[' '], "\u0120");
  EXPECT_EQ(v.tokens['\n'], "\u010A");
  EXPECT_EQ(v.tokens[0], "\u0100");
  EXPECT_EQ(v.tokens[0x7F], "\u0121");
  EXPECT_EQ(v.tokens[0xAD], "\u0143");
  EXPECT_EQ(v.tokens[0xFF], "\u00FF");
}

// A merge applies only if both halves exist, and the halves of all merges are fillers, which nothing makes.
TEST(Vocabulary, NoMergeCanEverApply) {
  const Vocabulary v = make_vocabulary(*model::find_shape("tiny-llama"));
  const std::set<std::string> bytes(v.tokens.begin(), v.tokens.begin() + 256);
  for (const std::string& merge : v.merges) {
    const std::size_t space = merge.find(' ', 1);
    ASSERT_NE(space, std::string::npos);
    EXPECT_FALSE(bytes.contains(merge.substr(0, space)));
    EXPECT_FALSE(bytes.contains(merge.substr(space + 1)));
  }
}

}  // namespace
}  // namespace nw::app
