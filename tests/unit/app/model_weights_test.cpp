#include "../../../src/app/model_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nw::app {
namespace {

using model::TensorType;

// An independent reading of ggml's block layouts, element by element.
double half(const std::byte* at) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  const int exponent = (bits >> 10) & 31;
  const double mantissa = bits & 1023;
  EXPECT_NE(exponent, 31) << "infinite or not a number";
  const double size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}
unsigned byte(const std::byte* at) { return std::to_integer<unsigned>(*at); }
int signed_byte(const std::byte* at) { return static_cast<std::int8_t>(byte(at)); }

double k_quant(const std::byte* block, std::size_t i, bool five) {
  const std::byte* const scales = block + 4;
  const std::size_t group = i / 32;
  unsigned scale = 0;
  unsigned min = 0;
  if (group < 4) {
    scale = byte(scales + group) & 63;
    min = byte(scales + group + 4) & 63;
  } else {
    scale = (byte(scales + group + 4) & 15) | (byte(scales + group - 4) >> 6 << 4);
    min = (byte(scales + group + 4) >> 4) | (byte(scales + group) >> 6 << 4);
  }
  const std::byte* const low = block + (five ? 48 : 16);
  unsigned q = byte(low + group / 2 * 32 + i % 32) >> (group % 2 * 4) & 15;
  if (five) q |= (byte(block + 16 + i % 32) >> group & 1) << 4;
  return half(block) * scale * q - half(block + 2) * min;
}

double q6_k(const std::byte* block, std::size_t i) {
  const std::size_t part = i / 128;
  const std::size_t quarter = i % 128 / 32;
  const std::size_t column = i % 32;
  const unsigned low = byte(block + part * 64 + (quarter % 2) * 32 + column) >> (quarter / 2 * 4) & 15;
  const unsigned high = byte(block + 128 + part * 32 + column) >> (quarter * 2) & 3;
  const int q = static_cast<int>(low | high << 4) - 32;
  return half(block + 208) * signed_byte(block + 192 + part * 8 + quarter * 2 + column / 16) * q;
}

double q5(const std::byte* block, std::size_t i, bool with_min) {
  const std::byte* const bits = block + (with_min ? 4 : 2);
  const unsigned high = byte(bits + i / 8) >> (i % 8) & 1;
  const unsigned low = byte(bits + 4 + i % 16) >> (i / 16 * 4) & 15;
  const unsigned q = low | high << 4;
  return with_min ? half(block) * q + half(block + 2) : half(block) * (static_cast<int>(q) - 16);
}

double element(TensorType type, const std::vector<std::byte>& bytes, std::size_t index) {
  const model::TensorTraits& traits = model::traits(type);
  const std::byte* const block = &bytes[index / traits.block_elements * traits.block_bytes];
  const std::size_t i = index % traits.block_elements;
  switch (type) {
    case TensorType::f32: {
      float value = 0;
      std::memcpy(&value, block, sizeof value);
      return value;
    }
    case TensorType::f16:
      return half(block);
    case TensorType::q5_0:
      return q5(block, i, false);
    case TensorType::q5_1:
      return q5(block, i, true);
    case TensorType::q8_0:
      return half(block) * signed_byte(block + 2 + i);
    case TensorType::q4_k:
      return k_quant(block, i, false);
    case TensorType::q5_k:
      return k_quant(block, i, true);
    case TensorType::q6_k:
      return q6_k(block, i);
  }
  return 0;
}

model::Shape small_shape() {
  model::Shape shape = *model::find_shape("tiny-llama");
  shape.vocab = 1024;
  shape.first_special = 1000;
  return shape;
}

std::vector<std::byte> all_of(WeightStream stream) {
  std::vector<std::byte> bytes(stream.bytes_left());
  stream.fill(bytes);
  EXPECT_EQ(stream.bytes_left(), 0U);
  return bytes;
}

struct Moments {
  double mean = 0;
  double deviation = 0;
  double largest = 0;
};

Moments moments(TensorType type, const std::vector<std::byte>& bytes, std::size_t from, std::size_t to) {
  double sum = 0;
  double squares = 0;
  Moments m;
  for (std::size_t i = from; i < to; ++i) {
    const double value = element(type, bytes, i);
    sum += value;
    squares += value * value;
    m.largest = std::max(m.largest, std::abs(value));
  }
  const auto count = static_cast<double>(to - from);
  m.mean = sum / count;
  m.deviation = std::sqrt(squares / count - m.mean * m.mean);
  return m;
}

constexpr TensorType kQuantised[] = {TensorType::q5_0, TensorType::q5_1, TensorType::q8_0,
                                     TensorType::q4_k, TensorType::q5_k, TensorType::q6_k};

TEST(Weights, AreCentredAndOfTheRightSize) {
  const model::Shape shape = small_shape();
  for (const TensorType type : kQuantised) {
    SCOPED_TRACE(model::traits(type).name);
    const model::TensorSpec spec{"blk.0.attn_q.weight", {512, 512}, type};
    const Moments m = moments(type, all_of({shape, spec, 1}), 0, spec.elements());
    const double expected = 1 / std::sqrt(512.0);
    EXPECT_NEAR(m.deviation, expected, 0.06 * expected);
    EXPECT_NEAR(m.mean, 0, 0.02 * expected);
    EXPECT_LT(m.largest, 4 * expected);
  }
}

TEST(Weights, HalvesComeWithinARootOfTwo) {
  for (const std::uint64_t row : {std::uint64_t{256}, std::uint64_t{768}, std::uint64_t{14336}}) {
    const model::Shape shape = small_shape();
    const model::TensorSpec spec{"blk.0.ffn_down.weight", {row, 64}, TensorType::f16};
    const Moments m = moments(TensorType::f16, all_of({shape, spec, 1}), 0, spec.elements());
    const double expected = 1 / std::sqrt(static_cast<double>(row));
    EXPECT_GT(m.deviation, 0.7 * expected);
    EXPECT_LT(m.deviation, 1.42 * expected);
    EXPECT_NEAR(m.mean, 0, 0.02 * expected);
  }
}

TEST(Weights, NormsAreNearOne) {
  const model::Shape shape = small_shape();
  const model::TensorSpec spec{"blk.0.attn_norm.weight", {512}, TensorType::f32};
  const std::vector<std::byte> bytes = all_of({shape, spec, 1});
  for (std::size_t i = 0; i < 512; ++i) EXPECT_NEAR(element(TensorType::f32, bytes, i), 1, 0.1001);
}

TEST(Weights, RowsOfBytesAndSpecialTokensAreQuiet) {
  const model::Shape shape = small_shape();
  for (const TensorType type :
       {TensorType::f16, TensorType::q5_0, TensorType::q8_0, TensorType::q4_k, TensorType::q6_k}) {
    SCOPED_TRACE(model::traits(type).name);
    const model::TensorSpec spec{"output.weight", {512, shape.vocab}, type};
    const std::vector<std::byte> bytes = all_of({shape, spec, 1});
    const double loud = moments(type, bytes, 256 * 512, 1000 * 512).deviation;
    EXPECT_LT(moments(type, bytes, 0, 256 * 512).largest, loud / 3);
    EXPECT_LT(moments(type, bytes, 1000 * 512, 1024 * 512).largest, loud / 3);
    EXPECT_GT(moments(type, bytes, 256 * 512, 257 * 512).deviation, loud / 2);
    EXPECT_GT(moments(type, bytes, 999 * 512, 1000 * 512).deviation, loud / 2);
  }
}

TEST(Weights, DoNotDependOnHowTheyAreCut) {
  const model::Shape shape = small_shape();
  for (const TensorType type : {TensorType::f32, TensorType::f16, TensorType::q4_k, TensorType::q6_k}) {
    const model::TensorSpec spec{"output.weight", {512, 70}, type};
    const std::vector<std::byte> whole = all_of({shape, spec, 3});
    WeightStream stream(shape, spec, 3);
    std::vector<std::byte> pieces(whole.size());
    std::size_t done = 0;
    for (std::size_t n = 1; done < pieces.size(); ++n) {
      const std::size_t count = std::min(n * stream.granule(), pieces.size() - done);
      stream.fill(std::span(pieces).subspan(done, count));
      done += count;
    }
    EXPECT_EQ(pieces, whole) << model::traits(type).name;
  }
}

TEST(Weights, DifferBySeedAndName) {
  const model::Shape shape = small_shape();
  const model::TensorSpec a{"blk.0.attn_q.weight", {512, 8}, TensorType::q4_k};
  const model::TensorSpec b{"blk.1.attn_q.weight", {512, 8}, TensorType::q4_k};
  EXPECT_EQ(all_of({shape, a, 1}), all_of({shape, a, 1}));
  EXPECT_NE(all_of({shape, a, 1}), all_of({shape, a, 2}));
  EXPECT_NE(all_of({shape, a, 1}), all_of({shape, b, 1}));
}

// Llama 3.2 1B: the first pairs turn as before, the last at a 32nd of the speed, and a ramp lies between.
TEST(Weights, RopeFactorsAreThoseOfLlama3) {
  const model::Shape& shape = *model::find_shape("llama-3.2-1b");
  const model::TensorSpec spec{"rope_freqs.weight", {32}, TensorType::f32};
  const std::vector<std::byte> bytes = all_of({shape, spec, 1});
  EXPECT_EQ(element(TensorType::f32, bytes, 0), 1);
  EXPECT_EQ(element(TensorType::f32, bytes, 14), 1);
  EXPECT_EQ(element(TensorType::f32, bytes, 31), 32);
  for (std::size_t i = 1; i < 32; ++i) {
    EXPECT_GE(element(TensorType::f32, bytes, i), element(TensorType::f32, bytes, i - 1));
  }
}

TEST(HalfBits, RoundLikeIeee) {
  EXPECT_EQ(half_bits(0), 0x0000);
  EXPECT_EQ(half_bits(-0.0), 0x8000);
  EXPECT_EQ(half_bits(1), 0x3C00);
  EXPECT_EQ(half_bits(-2), 0xC000);
  EXPECT_EQ(half_bits(65504), 0x7BFF);
  EXPECT_EQ(half_bits(0x1p-14), 0x0400);            // the smallest normal number
  EXPECT_EQ(half_bits(0x1p-24), 0x0001);            // the smallest of all
  EXPECT_EQ(half_bits(0x1p-26), 0x0000);            // below half of it
  EXPECT_EQ(half_bits(0x1p-14 - 0x1p-26), 0x0400);  // rounds up into the normal ones
  EXPECT_EQ(half_bits(1 + 0x1p-11), 0x3C00);        // a tie goes to even
  EXPECT_EQ(half_bits(1 + 3 * 0x1p-11), 0x3C02);    // and so does this one
  EXPECT_EQ(half_bits(2 - 0x1p-12), 0x4000);        // rounds up into the next exponent
}

}  // namespace
}  // namespace nw::app
