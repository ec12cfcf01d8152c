// Random weights at the speed of a disk, with which a model still computes finite numbers.
//
// A quantised block is a scale or two and many small integers (layouts: ggml/src/ggml-common.h). Any integers will do,
// so the block is filled with raw random words, and only its scales are then overwritten from a table of 256 prepared
// ones, chosen by a random byte of the block itself: some gigabytes per second on one core, with no float drawn and
// nothing quantised.
//
// Sizes follow the usual initialisation: a standard deviation of 1/sqrt(row length) makes a matrix pass on vectors at
// the length it got them, norms near 1 keep that so, and hence nothing grows with depth beyond what the residual sum
// does. The integers of each type are centred: k-quants by their minimum, the others by scales of either sign.
//
// In the matrix that makes logits, two kinds of rows are quiet (a sixteenth of the size): those of single bytes, so
// that answers are words and each token is visible in a stream at once, whereas half a UTF-8 sequence is held back by
// servers; and those of special tokens, so that an answer ends when its length is reached and not by chance.
#include "model_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <string_view>

namespace nw::app {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF data and the fills below are little-endian");

constexpr std::size_t kPatches = 256;
constexpr std::size_t kPieceBytes = 16'384;
constexpr std::uint64_t kByteTokens = 256;
constexpr double kQuiet = 1.0 / 16;
constexpr double kLogitDeviation = 2;  // real models have logits of about this spread

// Of integers uniform in 0..n-1: sqrt((n * n - 1) / 12).
constexpr double kDeviation16 = 4.60977;
constexpr double kDeviation32 = 9.23309;
constexpr double kDeviation64 = 18.47296;
constexpr double kDeviation256 = 73.89970;

std::uint64_t tensor_seed(std::uint64_t seed, std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a, 64 bits
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return Random(seed).next() ^ hash;
}

void put_half(std::byte* at, double value) {
  const std::uint16_t bits = half_bits(value);
  std::memcpy(at, &bits, sizeof bits);
}

// The twelve bytes of a k-quant's eight scales and minima, six bits each, both the same here. Layout as in
// get_scale_min_k4 of ggml-quants.c: the first four of each in the low six bits of bytes 0 to 7; of the last four, the
// low halves share bytes 8 to 11 and the two high bits sit on top of the earlier bytes.
void pack_scales(std::byte* out, const std::uint8_t (&scales)[8]) {
  for (std::size_t i = 0; i < 4; ++i) {
    const unsigned low = scales[i];
    const unsigned high = scales[i + 4];
    const auto with_high_bits = static_cast<std::byte>(low | ((high >> 4) << 6));
    out[i] = with_high_bits;
    out[i + 4] = with_high_bits;
    out[i + 8] = static_cast<std::byte>((high & 15) | ((high & 15) << 4));
  }
}

// Q4_K and Q5_K: d, dmin, scales. A weight is d * scale * q - dmin * min with q in 0..levels-1.
void make_k_head(std::byte* out, Random& random, double deviation, double levels, double spread, double quiet) {
  const double d = deviation / (spread * 47.5);  // scales below are 32 to 63
  put_half(out, d);
  put_half(out + 2, d * (levels - 1) / 2);
  std::uint8_t scales[8];
  for (std::uint8_t& scale : scales) {
    scale = static_cast<std::uint8_t>(static_cast<double>(32 + random.below(32)) * quiet);
  }
  pack_scales(out + 4, scales);
}

// Q6_K: sixteen signed scales, d. A weight is d * scale * (q - 32) with q in 0..63.
void make_q6_tail(std::byte* out, Random& random, double deviation, double quiet) {
  for (std::size_t i = 0; i < 16; ++i) {
    const double size = static_cast<double>(16 + random.below(16)) * quiet;
    const int scale = static_cast<int>(size) * (random.below(2) == 0 ? 1 : -1);
    out[i] = static_cast<std::byte>(static_cast<std::int8_t>(scale));
  }
  put_half(out + 16, deviation / (kDeviation64 * 23.5));
}

// A scale within a quarter of `size`, of either sign.
double some_scale(Random& random, double size) {
  return size * (0.75 + 0.5 * random.unit()) * (random.below(2) == 0 ? 1 : -1);
}

void make_one_patch(model::TensorType type, std::byte* out, Random& random, double deviation, double quiet) {
  using model::TensorType;
  switch (type) {
    case TensorType::q4_k:
      make_k_head(out, random, deviation, 16, kDeviation16, quiet);
      break;
    case TensorType::q5_k:
      make_k_head(out, random, deviation, 32, kDeviation32, quiet);
      break;
    case TensorType::q6_k:
      make_q6_tail(out, random, deviation, quiet);
      break;
    case TensorType::q8_0:
      put_half(out, some_scale(random, deviation / kDeviation256) * quiet);
      break;
    case TensorType::q5_0:
      put_half(out, some_scale(random, deviation / kDeviation32) * quiet);
      break;
    case TensorType::q5_1: {
      const double d = some_scale(random, deviation / kDeviation32) * quiet;
      put_half(out, d);
      put_half(out + 2, -15.5 * d);
      break;
    }
    case TensorType::f16:
    case TensorType::f32:
      break;
  }
}

struct PatchPlace {
  std::size_t offset = 0;
  std::size_t size = 0;
};

PatchPlace patch_place(model::TensorType type) {
  using model::TensorType;
  switch (type) {
    case TensorType::q4_k:
    case TensorType::q5_k:
      return {0, 16};
    case TensorType::q6_k:
      return {192, 18};
    case TensorType::q8_0:
    case TensorType::q5_0:
      return {0, 2};
    case TensorType::q5_1:
      return {0, 4};
    case TensorType::f16:
    case TensorType::f32:
      break;
  }
  return {};
}

// How Llama 3.1 and later stretch their positional encoding: the frequency of each pair of a head is divided by the
// value stored here; low frequencies by `factor`, high ones by 1, a ramp between. Constants: the models' config.json
// (rope_scaling: low_freq_factor 1, high_freq_factor 4, original_max_position_embeddings 8192).
float rope_divisor(const model::Shape& shape, std::uint64_t pair) {
  const double exponent = 2.0 * static_cast<double>(pair) / static_cast<double>(shape.head_dim);
  const double wavelength = 2 * std::numbers::pi * std::pow(shape.rope_base, exponent);
  constexpr double kOriginalContext = 8192;
  constexpr double kLow = 1;
  constexpr double kHigh = 4;
  if (wavelength < kOriginalContext / kHigh) return 1;
  if (wavelength > kOriginalContext / kLow) return static_cast<float>(shape.rope_factor);
  const double smooth = (kOriginalContext / wavelength - kLow) / (kHigh - kLow);
  return static_cast<float>(1 / ((1 - smooth) / shape.rope_factor + smooth));
}

// Of halves that are random bits, four at a time where there are four.
void set_exponents(std::span<std::byte> halves, unsigned exponent) {
  constexpr std::uint64_t kKept = 0x83FF83FF83FF83FFULL;
  const std::uint64_t set = std::uint64_t{exponent} * 0x0400040004000400ULL;
  std::uint64_t word = 0;
  std::size_t at = 0;
  for (; at + sizeof word <= halves.size(); at += sizeof word) {
    std::memcpy(&word, &halves[at], sizeof word);
    word = (word & kKept) | set;
    std::memcpy(&halves[at], &word, sizeof word);
  }
  if (at == halves.size()) return;
  std::memcpy(&word, &halves[at], halves.size() - at);
  word = (word & kKept) | set;
  std::memcpy(&halves[at], &word, halves.size() - at);
}

}  // namespace

std::uint16_t half_bits(double value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double size = std::abs(value);
  if (size == 0) return sign;
  int exponent = std::max(std::ilogb(size), -14);  // below, numbers are subnormal: fewer bits, same steps
  double steps = std::nearbyint(std::ldexp(size, 10 - exponent));
  if (steps >= 2048) steps /= 2, ++exponent;
  const auto mantissa = static_cast<std::uint32_t>(steps);
  if (mantissa < 1024) return static_cast<std::uint16_t>(sign | mantissa);
  return static_cast<std::uint16_t>(sign | (static_cast<std::uint32_t>(exponent + 15) << 10) | (mantissa - 1024));
}

WeightStream::WeightStream(const model::Shape& shape, const model::TensorSpec& spec, std::uint64_t seed)
    : shape_(shape),
      type_(spec.type),
      random_(tensor_seed(seed, spec.name)),
      row_elements_(spec.dims.front()),
      bytes_left_(spec.bytes()) {
  const bool embedding = spec.name == "token_embd.weight";
  vocabulary_rows_ = spec.name == "output.weight" || (embedding && shape.tied);
  norm_ = spec.name.ends_with("_norm.weight");
  rope_ = spec.name == "rope_freqs.weight";
  deviation_ = 1 / std::sqrt(static_cast<double>(row_elements_));
  if (vocabulary_rows_) deviation_ *= kLogitDeviation;
  if (embedding && !shape.tied) deviation_ = 1;
  const model::TensorTraits& traits = model::traits(type_);
  // A whole number of 64-bit words and of GGUF's alignment, whatever the size of a block.
  granule_ = std::size_t{traits.block_bytes} * 64;
  if (traits.block_elements > 1) make_patches();
}

void WeightStream::make_patches() {
  const PatchPlace place = patch_place(type_);
  patch_offset_ = place.offset;
  patch_size_ = place.size;
  normal_.resize(kPatches * place.size);
  quiet_.resize(kPatches * place.size);
  for (std::size_t i = 0; i < kPatches; ++i) {
    make_one_patch(type_, &normal_[i * place.size], random_, deviation_, 1);
    make_one_patch(type_, &quiet_[i * place.size], random_, deviation_, kQuiet);
  }
}

bool WeightStream::quiet_row(std::uint64_t row) const {
  return vocabulary_rows_ && (row < kByteTokens || row >= shape_.first_special);
}

void WeightStream::fill(std::span<std::byte> out) {
  if (type_ == model::TensorType::f32) {
    fill_floats(out);
  } else {
    // Piece by piece, so that the second pass finds the bytes in the first-level cache.
    const std::size_t step = granule_ * std::max<std::size_t>(1, kPieceBytes / granule_);
    for (std::size_t done = 0; done < out.size(); done += step) {
      const std::span<std::byte> piece = out.subspan(done, std::min(step, out.size() - done));
      fill_random(piece);
      type_ == model::TensorType::f16 ? shape_halves(piece) : patch_blocks(piece);
      position_ += piece.size();
    }
  }
  bytes_left_ -= out.size();
}

void WeightStream::fill_random(std::span<std::byte> out) {
  while (out.size() >= sizeof(std::uint64_t)) {
    const std::uint64_t word = random_.next();
    std::memcpy(out.data(), &word, sizeof word);
    out = out.subspan(sizeof word);
  }
  const std::uint64_t word = out.empty() ? 0 : random_.next();
  std::memcpy(out.data(), &word, out.size());
}

void WeightStream::fill_floats(std::span<std::byte> out) {
  for (std::size_t at = 0; at + sizeof(float) <= out.size(); at += sizeof(float), position_ += sizeof(float)) {
    const double uniform = 2 * random_.unit() - 1;
    float value = static_cast<float>(std::numbers::sqrt3 * deviation_ * uniform);
    if (norm_) value = static_cast<float>(1 + 0.1 * uniform);
    if (rope_) value = rope_divisor(shape_, position_ / sizeof(float));
    std::memcpy(out.data() + at, &value, sizeof value);
  }
}

// Random sign and mantissa with one fixed exponent: sizes between 2^k and 2^(k+1), whose root mean square is
// sqrt(7/3) * 2^k; k is the one that comes nearest to the deviation.
void WeightStream::shape_halves(std::span<std::byte> out) {
  unsigned exponent = 1;
  const double root_mean_square = std::sqrt(7.0 / 3.0);
  while (std::ldexp(root_mean_square * std::numbers::sqrt2, static_cast<int>(exponent) - 15) < deviation_) ++exponent;
  const unsigned quiet_exponent = exponent > 5 ? exponent - 4 : 1;
  constexpr std::size_t kHalf = sizeof(std::uint16_t);
  const std::uint64_t first = position_ / kHalf;
  const std::uint64_t last = first + (out.size() / kHalf) - 1;
  if (!quiet_row(first / row_elements_) && !quiet_row(last / row_elements_)) return set_exponents(out, exponent);
  for (std::size_t i = 0; i < out.size() / kHalf; ++i) {
    const bool quiet = quiet_row((first + i) / row_elements_);
    set_exponents(out.subspan(i * kHalf, kHalf), quiet ? quiet_exponent : exponent);
  }
}

void WeightStream::patch_blocks(std::span<std::byte> out) {
  const model::TensorTraits& traits = model::traits(type_);
  const std::uint64_t blocks_in_row = row_elements_ / traits.block_elements;
  std::uint64_t block = position_ / traits.block_bytes;
  const std::uint64_t quiet_below = vocabulary_rows_ ? kByteTokens * blocks_in_row : 0;
  const std::uint64_t quiet_from = vocabulary_rows_ ? shape_.first_special * blocks_in_row : ~std::uint64_t{0};
  for (std::size_t at = 0; at < out.size(); at += traits.block_bytes, ++block) {
    std::byte* const fields = &out[at + patch_offset_];
    const std::vector<std::byte>& table = block < quiet_below || block >= quiet_from ? quiet_ : normal_;
    std::memcpy(fields, &table[std::to_integer<std::size_t>(*fields) * patch_size_], patch_size_);
  }
}

}  // namespace nw::app
