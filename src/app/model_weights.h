// Random weights of one tensor, as the bytes of its type. Private to model synth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "model/shapes.h"

namespace nw::app {

// An IEEE half-precision number, rounded to nearest even. |value| at most 65504.
[[nodiscard]] std::uint16_t half_bits(double value);

// Produces the tensor from its first byte to its last. The bytes depend on seed, name, dims and type alone, not on how
// the calls cut them.
class WeightStream {
 public:
  WeightStream(const model::Shape& shape, const model::TensorSpec& spec, std::uint64_t seed);

  [[nodiscard]] std::uint64_t bytes_left() const { return bytes_left_; }
  // fill() may be asked for multiples of this, or for all that is left.
  [[nodiscard]] std::size_t granule() const { return granule_; }
  void fill(std::span<std::byte> out);

 private:
  void make_patches();
  [[nodiscard]] bool quiet_row(std::uint64_t row) const;
  void fill_random(std::span<std::byte> out);
  void fill_floats(std::span<std::byte> out);
  void shape_halves(std::span<std::byte> out);
  void patch_blocks(std::span<std::byte> out);

  const model::Shape& shape_;
  model::TensorType type_;
  Random random_;
  double deviation_ = 0;          // standard deviation of the weights
  bool norm_ = false;             // factors near 1
  bool rope_ = false;             // the table of Llama 3.1's positional encoding
  bool vocabulary_rows_ = false;  // a row of this tensor decides how likely a token is
  std::uint64_t row_elements_ = 0;
  std::uint64_t position_ = 0;  // bytes done
  std::uint64_t bytes_left_ = 0;
  std::size_t granule_ = 0;
  // The fields of a block that give its numbers their size, prepared; the rest of a block is random bits.
  std::size_t patch_offset_ = 0;
  std::size_t patch_size_ = 0;
  std::vector<std::byte> normal_;
  std::vector<std::byte> quiet_;
};

}  // namespace nw::app
