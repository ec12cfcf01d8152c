#include "model/shapes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

namespace nw::model {
namespace {

const Shape& shape(std::string_view name) {
  const Shape* const found = find_shape(name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

std::map<std::string, TensorSpec> by_name(const Shape& shape, Quant quant) {
  std::map<std::string, TensorSpec> map;
  for (TensorSpec& spec : tensors_of(shape, quant)) map.emplace(spec.name, spec);
  return map;
}

std::uint64_t weight_bytes(const Shape& shape, Quant quant) {
  std::uint64_t sum = 0;
  for (const TensorSpec& spec : tensors_of(shape, quant)) sum += spec.bytes();
  return sum;
}

TEST(Shapes, FindsByNameWhateverTheCase) {
  EXPECT_EQ(find_shape("Qwen3-30B-A3B"), find_shape("qwen3-30b-a3b"));
  EXPECT_NE(find_shape("tiny-llama"), nullptr);
  EXPECT_EQ(find_shape("no-such-model"), nullptr);
  EXPECT_EQ(find_shape(""), nullptr);
}

TEST(Shapes, RowsAreConsistent) {
  std::set<std::string_view> names;
  std::uint64_t previous = 0;
  for (const Shape& s : shapes()) {
    SCOPED_TRACE(s.name);
    EXPECT_TRUE(names.insert(s.name).second);
    EXPECT_EQ(s.heads % s.kv_heads, 0U);
    EXPECT_EQ(s.head_dim % 2, 0U);
    EXPECT_EQ(s.width % 32, 0U);
    EXPECT_LT(s.experts_used, std::max(s.experts, 1U));
    EXPECT_EQ(s.experts > 0, s.expert_ffn > 0);
    EXPECT_EQ(s.experts > 0, s.architecture == Architecture::qwen3moe);
    EXPECT_GT(s.first_special, 257U);                      // bytes, and something besides
    EXPECT_LE(s.first_special - 256, 26 * 26 * 26 * 10U);  // as many different fillers as there are
    EXPECT_LE(s.first_special + 3, s.vocab);
    EXPECT_GE(parameters(s), previous);
    previous = parameters(s);
  }
}

TEST(Shapes, EveryTensorIsWholeInEveryQuantisation) {
  for (const Shape& s : shapes()) {
    for (const Quant quant : {Quant::f16, Quant::q8_0, Quant::q4_k_m}) {
      std::set<std::string> names;
      for (const TensorSpec& spec : tensors_of(s, quant)) {
        EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
        EXPECT_EQ(spec.dims.front() % traits(spec.type).block_elements, 0U) << s.name << " " << spec.name;
        EXPECT_GT(spec.bytes(), 0U);
      }
    }
  }
}

// Parameters and gibibytes as llama-bench and the model cards state them for the real files.
TEST(Shapes, SizesAreThoseOfThePublishedModels) {
  struct Published {
    std::string_view name;
    double billions;
    double q4_k_m_gib;  // tensors alone, as llama-bench prints it
  };
  for (const Published& p : {Published{"qwen3-30b-a3b", 30.53, 17.28}, Published{"llama-3.1-8b", 8.03, 4.58},
                             Published{"qwen3-8b", 8.19, 4.68}, Published{"llama-3.2-1b", 1.24, 0.75}}) {
    SCOPED_TRACE(p.name);
    EXPECT_NEAR(static_cast<double>(parameters(shape(p.name))) / 1e9, p.billions, 0.006);
    EXPECT_NEAR(static_cast<double>(weight_bytes(shape(p.name), Quant::q4_k_m)) / 0x1p30, p.q4_k_m_gib, 0.006);
  }
}

TEST(Shapes, TinyOnesStaySmallAndTheSmallOneIsAboutAGigabyte) {
  for (const std::string_view name : {"tiny-llama", "tiny-qwen3moe"}) {
    for (const Quant quant : {Quant::f16, Quant::q8_0, Quant::q4_k_m}) {
      EXPECT_LT(weight_bytes(shape(name), quant), 99'000'000U) << name;
    }
  }
  EXPECT_NEAR(static_cast<double>(weight_bytes(shape("small-qwen3moe"), Quant::q4_k_m)), 1.2e9, 0.02e9);
}

TEST(Shapes, MixOfTheBigMixtureOfExperts) {
  const auto tensors = by_name(shape("qwen3-30b-a3b"), Quant::q4_k_m);
  EXPECT_EQ(tensors.size(), 579U);  // as llama-server prints for the published file
  EXPECT_EQ(tensors.at("output.weight").type, TensorType::q6_k);
  EXPECT_EQ(tensors.at("token_embd.weight").type, TensorType::q4_k);
  EXPECT_EQ(tensors.at("blk.0.ffn_gate_inp.weight").type, TensorType::f32);
  EXPECT_EQ(tensors.at("blk.0.attn_q_norm.weight").type, TensorType::f32);
  EXPECT_EQ(tensors.at("blk.0.ffn_gate_exps.weight").dims, (std::vector<std::uint64_t>{2048, 768, 128}));
  EXPECT_EQ(tensors.at("blk.0.ffn_down_exps.weight").dims, (std::vector<std::uint64_t>{768, 2048, 128}));
  // Of 48 layers: 0 to 5, 42 to 47, and every third between.
  for (const auto& [layer, more] : {std::pair{0, true},
                                    {5, true},
                                    {6, false},
                                    {7, false},
                                    {8, true},
                                    {9, false},
                                    {41, true},
                                    {40, false},
                                    {42, true},
                                    {47, true}}) {
    const auto expected = more ? TensorType::q6_k : TensorType::q4_k;
    EXPECT_EQ(tensors.at("blk." + std::to_string(layer) + ".attn_v.weight").type, expected) << layer;
    EXPECT_EQ(tensors.at("blk." + std::to_string(layer) + ".ffn_down_exps.weight").type, expected) << layer;
    EXPECT_EQ(tensors.at("blk." + std::to_string(layer) + ".ffn_up_exps.weight").type, TensorType::q4_k) << layer;
  }
}

TEST(Shapes, ATiedMatrixIsStoredOnceWithTheBitsOfAnOutput) {
  const auto tensors = by_name(shape("llama-3.2-1b"), Quant::q4_k_m);
  EXPECT_FALSE(tensors.contains("output.weight"));
  EXPECT_EQ(tensors.at("token_embd.weight").type, TensorType::q6_k);
  EXPECT_EQ(tensors.at("rope_freqs.weight").dims, std::vector<std::uint64_t>{32});
}

TEST(Shapes, RowsThatDoNotFitTakeSmallerBlocks) {
  Shape odd = shape("tiny-llama");
  odd.width = 480;  // 15 * 32
  odd.ffn = 1000;   // no multiple of 32
  const auto tensors = by_name(odd, Quant::q4_k_m);
  EXPECT_EQ(tensors.at("blk.1.attn_q.weight").type, TensorType::q5_0);
  EXPECT_EQ(tensors.at("output.weight").type, TensorType::q8_0);
  EXPECT_EQ(tensors.at("blk.1.ffn_down.weight").type, TensorType::f16);
  EXPECT_EQ(by_name(odd, Quant::q8_0).at("blk.1.ffn_down.weight").type, TensorType::f16);
}

TEST(Shapes, EightExpertsSpendMoreOnAttention) {
  Shape eight = shape("tiny-qwen3moe");
  eight.experts = 8;
  const auto tensors = by_name(eight, Quant::q4_k_m);
  EXPECT_EQ(tensors.at("blk.1.attn_v.weight").type, TensorType::q8_0);
  EXPECT_EQ(tensors.at("blk.1.attn_k.weight").type, TensorType::q8_0);
  EXPECT_EQ(tensors.at("blk.1.attn_output.weight").type, TensorType::q5_k);
  EXPECT_EQ(tensors.at("blk.1.attn_q.weight").type, TensorType::q4_k);
}

TEST(Shapes, QuantisationsHaveTheNamesAndNumbersOfLlamaQuantize) {
  EXPECT_EQ(parse_quant("q4_k_m"), Quant::q4_k_m);
  EXPECT_EQ(parse_quant("F16"), Quant::f16);
  EXPECT_EQ(parse_quant("Q5_K_M"), std::nullopt);
  EXPECT_EQ(file_type(Quant::q4_k_m), 15U);
  EXPECT_EQ(file_type(Quant::q8_0), 7U);
  EXPECT_EQ(file_type(Quant::f16), 1U);
}

TEST(Shapes, TensorTypesHaveTheBlocksOfGgml) {
  EXPECT_EQ(traits(TensorType::q6_k).block_bytes, 210U);
  EXPECT_EQ(traits(TensorType::q4_k).block_elements, 256U);
  EXPECT_EQ(tensor_traits(30)->name, "BF16");
  EXPECT_EQ(tensor_traits(4), nullptr);  // Q4_2, removed from ggml
  EXPECT_EQ(tensor_traits(4'000'000'000U), nullptr);
}

}  // namespace
}  // namespace nw::model
