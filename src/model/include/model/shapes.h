// The shapes of published language models: what a GGUF file of such a model holds, tensor by tensor, without its
// weights. Speed and memory depend mostly on this. Pure data and arithmetic; any thread may call anything here.
//
// Adding a model is adding a row to the table in shapes.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nw::model {

// The computation graph, by llama.cpp's name for it.
enum class Architecture { llama, qwen3, qwen3moe };
[[nodiscard]] std::string_view to_string(Architecture architecture);

// Counts are of elements. For a dense model experts is 0, and so are its companions.
struct Shape {
  std::string_view name;  // what the user types
  Architecture architecture = Architecture::llama;
  std::uint32_t layers = 0;
  std::uint32_t width = 0;  // of the residual stream
  std::uint32_t ffn = 0;    // of the dense feed-forward block; a mixture of experts states it too, unused
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;
  std::uint32_t head_dim = 0;
  std::uint32_t experts = 0;
  std::uint32_t experts_used = 0;
  std::uint32_t expert_ffn = 0;
  std::uint32_t vocab = 0;
  std::uint32_t first_special = 0;  // id of the first special token; from it on, no id is ordinary text
  std::uint32_t context = 0;        // tokens the model was trained for
  double rope_base = 0;
  double rope_factor = 0;  // the long-context stretch of Llama 3.1 and later; 0: none
  float rms_epsilon = 0;
  bool tied = false;  // the output matrix is the token embedding, stored once
};

// All rows, smallest file first. The table lives as long as the program.
[[nodiscard]] std::span<const Shape> shapes();
// nullptr for an unknown name. Case does not matter.
[[nodiscard]] const Shape* find_shape(std::string_view name);

// How a whole file is quantised: llama-quantize's name for a mix of tensor types.
enum class Quant { f16, q8_0, q4_k_m };
[[nodiscard]] std::string_view to_string(Quant quant);  // "Q4_K_M"
// nullopt for a quantisation that we do not write. Case does not matter.
[[nodiscard]] std::optional<Quant> parse_quant(std::string_view name);
// The value of general.file_type in a GGUF (llama.cpp's enum llama_ftype).
[[nodiscard]] std::uint32_t file_type(Quant quant);

// The tensor types that the mixes above consist of, with their numbers in a GGUF (enum ggml_type).
enum class TensorType : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
};

// One type of stored number: `block_elements` neighbours of a row share `block_bytes` bytes.
struct TensorTraits {
  std::uint32_t id = 0;
  std::string_view name;
  std::uint32_t block_elements = 1;
  std::uint32_t block_bytes = 0;
};
// Every type of GGUF that is known here, also those that we only read; nullptr for another id.
[[nodiscard]] const TensorTraits* tensor_traits(std::uint32_t id);
[[nodiscard]] const TensorTraits& traits(TensorType type);

struct TensorSpec {
  std::string name;
  std::vector<std::uint64_t> dims;  // the first is the length of a row (GGUF's order)
  TensorType type = TensorType::f32;

  [[nodiscard]] std::uint64_t elements() const;
  [[nodiscard]] std::uint64_t bytes() const;  // without padding
};

// The tensors of a file of this shape and quantisation, in the order in which llama-quantize writes them. The mix is
// that of llama.cpp's quantiser (src/llama-quant.cpp), without importance matrix.
[[nodiscard]] std::vector<TensorSpec> tensors_of(const Shape& shape, Quant quant);
// Stored elements, as llama-bench counts parameters: a tied matrix counts once.
[[nodiscard]] std::uint64_t parameters(const Shape& shape);

}  // namespace nw::model
