// Which tensors does a published model consist of, and how is each stored in a Q4_K_M, Q8_0 or F16 file?
//
// Shapes come from the config.json that the makers publish with each model. Names and dimensions follow llama.cpp's
// converter. The type of a tensor is not a property of the file but of the tensor: llama-quantize gives more bits to
// what it holds to be sensitive (the output matrix, and attn_v and ffn_down in an eighth of the layers at each end and
// in every third between). These rules (function llama_tensor_get_type in src/llama-quant.cpp, versions of 2023 to
// 2026 agree for the quantisations here) are restated below as one function from role, layer and shape to type, so
// that sizes can be computed without writing anything. tests/e2e/model_lab_test.cpp holds them against llama-quantize
// itself, name by name.
#include "model/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace nw::model {
namespace {

// Smallest first. tiny-* and small-* are ours, made in the image of their families: tiny-* stay below 100 MB in every
// quantisation and keep rows at multiples of 256, so that the same kernels run as in the big ones. tiny-* and small-*
// have small vocabularies, because otherwise the output matrix would be most of their work.
constexpr std::array kShapes{
    Shape{.name = "tiny-llama",
          .architecture = Architecture::llama,
          .layers = 6,
          .width = 512,
          .ffn = 1536,
          .heads = 8,
          .kv_heads = 4,
          .head_dim = 64,
          .vocab = 8192,
          .first_special = 8160,
          .context = 8192,
          .rope_base = 500000,
          .rms_epsilon = 1e-5F},
    Shape{.name = "tiny-qwen3moe",
          .architecture = Architecture::qwen3moe,
          .layers = 4,
          .width = 512,
          .ffn = 1536,
          .heads = 8,
          .kv_heads = 2,
          .head_dim = 64,
          .experts = 16,
          .experts_used = 4,
          .expert_ffn = 256,
          .vocab = 8192,
          .first_special = 8160,
          .context = 8192,
          .rope_base = 1e6,
          .rms_epsilon = 1e-6F},
    Shape{.name = "qwen3-0.6b",
          .architecture = Architecture::qwen3,
          .layers = 28,
          .width = 1024,
          .ffn = 3072,
          .heads = 16,
          .kv_heads = 8,
          .head_dim = 128,
          .vocab = 151936,
          .first_special = 151643,
          .context = 40960,
          .rope_base = 1e6,
          .rms_epsilon = 1e-6F,
          .tied = true},
    Shape{.name = "llama-3.2-1b",
          .architecture = Architecture::llama,
          .layers = 16,
          .width = 2048,
          .ffn = 8192,
          .heads = 32,
          .kv_heads = 8,
          .head_dim = 64,
          .vocab = 128256,
          .first_special = 128000,
          .context = 131072,
          .rope_base = 500000,
          .rope_factor = 32,
          .rms_epsilon = 1e-5F,
          .tied = true},
    Shape{.name = "small-qwen3moe",
          .architecture = Architecture::qwen3moe,
          .layers = 18,
          .width = 1024,
          .ffn = 3072,
          .heads = 16,
          .kv_heads = 4,
          .head_dim = 128,
          .experts = 64,
          .experts_used = 8,
          .expert_ffn = 512,
          .vocab = 32768,
          .first_special = 32736,
          .context = 40960,
          .rope_base = 1e6,
          .rms_epsilon = 1e-6F},
    Shape{.name = "llama-3.1-8b",
          .architecture = Architecture::llama,
          .layers = 32,
          .width = 4096,
          .ffn = 14336,
          .heads = 32,
          .kv_heads = 8,
          .head_dim = 128,
          .vocab = 128256,
          .first_special = 128000,
          .context = 131072,
          .rope_base = 500000,
          .rope_factor = 8,
          .rms_epsilon = 1e-5F},
    Shape{.name = "qwen3-8b",
          .architecture = Architecture::qwen3,
          .layers = 36,
          .width = 4096,
          .ffn = 12288,
          .heads = 32,
          .kv_heads = 8,
          .head_dim = 128,
          .vocab = 151936,
          .first_special = 151643,
          .context = 40960,
          .rope_base = 1e6,
          .rms_epsilon = 1e-6F},
    Shape{.name = "qwen3-30b-a3b",
          .architecture = Architecture::qwen3moe,
          .layers = 48,
          .width = 2048,
          .ffn = 6144,
          .heads = 32,
          .kv_heads = 4,
          .head_dim = 128,
          .experts = 128,
          .experts_used = 8,
          .expert_ffn = 768,
          .vocab = 151936,
          .first_special = 151643,
          .context = 40960,
          .rope_base = 1e6,
          .rms_epsilon = 1e-6F},
};

// Numbers and block sizes of ggml.h and ggml-common.h. Types that were removed from ggml are left out.
constexpr std::array kTraits{
    TensorTraits{0, "F32", 1, 4},         TensorTraits{1, "F16", 1, 2},         TensorTraits{2, "Q4_0", 32, 18},
    TensorTraits{3, "Q4_1", 32, 20},      TensorTraits{6, "Q5_0", 32, 22},      TensorTraits{7, "Q5_1", 32, 24},
    TensorTraits{8, "Q8_0", 32, 34},      TensorTraits{9, "Q8_1", 32, 36},      TensorTraits{10, "Q2_K", 256, 84},
    TensorTraits{11, "Q3_K", 256, 110},   TensorTraits{12, "Q4_K", 256, 144},   TensorTraits{13, "Q5_K", 256, 176},
    TensorTraits{14, "Q6_K", 256, 210},   TensorTraits{15, "Q8_K", 256, 292},   TensorTraits{16, "IQ2_XXS", 256, 66},
    TensorTraits{17, "IQ2_XS", 256, 74},  TensorTraits{18, "IQ3_XXS", 256, 98}, TensorTraits{19, "IQ1_S", 256, 50},
    TensorTraits{20, "IQ4_NL", 32, 18},   TensorTraits{21, "IQ3_S", 256, 110},  TensorTraits{22, "IQ2_S", 256, 82},
    TensorTraits{23, "IQ4_XS", 256, 136}, TensorTraits{24, "I8", 1, 1},         TensorTraits{25, "I16", 1, 2},
    TensorTraits{26, "I32", 1, 4},        TensorTraits{27, "I64", 1, 8},        TensorTraits{28, "F64", 1, 8},
    TensorTraits{29, "IQ1_M", 256, 56},   TensorTraits{30, "BF16", 1, 2},       TensorTraits{34, "TQ1_0", 256, 54},
    TensorTraits{35, "TQ2_0", 256, 66},   TensorTraits{39, "MXFP4", 32, 17},
};

// What the quantiser asks about a tensor. `plain` is a matrix without a rule of its own; `fixed` is never quantised.
enum class Role { token_embd, output, attn_k, attn_v, attn_output, ffn_down, plain, fixed };

bool same_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

// The layers in which a Q4_K_M file spends Q6_K on attn_v and ffn_down. The order of the integer divisions matters.
constexpr bool deserves_more_bits(std::uint32_t layer, std::uint32_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

// Rows that are no multiple of a type's block take a type of smaller blocks and about as many bits.
TensorType fit_row(TensorType type, std::uint64_t row) {
  if (row % traits(type).block_elements == 0) return type;
  TensorType smaller = TensorType::f16;
  if (type == TensorType::q4_k) smaller = TensorType::q5_0;
  if (type == TensorType::q5_k) smaller = TensorType::q5_1;
  if (type == TensorType::q6_k) smaller = TensorType::q8_0;
  return row % traits(smaller).block_elements == 0 ? smaller : TensorType::f16;
}

TensorType q4_k_m_type(const Shape& shape, Role role, std::uint32_t layer) {
  const bool eight_experts = shape.experts == 8;  // Mixtral: its attention is small beside its experts
  switch (role) {
    case Role::output:
      return TensorType::q6_k;
    case Role::token_embd:
      return shape.tied ? TensorType::q6_k : TensorType::q4_k;
    case Role::attn_k:
      return eight_experts ? TensorType::q8_0 : TensorType::q4_k;
    case Role::attn_output:
      return eight_experts ? TensorType::q5_k : TensorType::q4_k;
    case Role::ffn_down:
      return deserves_more_bits(layer, shape.layers) ? TensorType::q6_k : TensorType::q4_k;
    case Role::attn_v:
      if (eight_experts) return TensorType::q8_0;
      if (deserves_more_bits(layer, shape.layers)) return TensorType::q6_k;
      // llama.cpp's class "70B": 80 layers whose attn_v is an eighth of attn_q.
      return shape.architecture == Architecture::llama && shape.layers == 80 ? TensorType::q5_k : TensorType::q4_k;
    case Role::plain:
      return TensorType::q4_k;
    case Role::fixed:
      break;
  }
  return TensorType::f32;
}

TensorType choose_type(const Shape& shape, Quant quant, Role role, std::uint32_t layer, std::uint64_t row) {
  if (role == Role::fixed) return TensorType::f32;
  if (quant == Quant::f16) return TensorType::f16;
  if (quant == Quant::q8_0) return fit_row(TensorType::q8_0, row);
  return fit_row(q4_k_m_type(shape, role, layer), row);
}

class Lister {
 public:
  Lister(const Shape& shape, Quant quant) : shape_(shape), quant_(quant) {}

  std::vector<TensorSpec> list() && {
    const std::uint64_t width = shape_.width;
    if (!shape_.tied) add("output.weight", {width, shape_.vocab}, Role::output);
    add("output_norm.weight", {width}, Role::fixed);
    if (shape_.rope_factor > 0) add("rope_freqs.weight", {shape_.head_dim / 2}, Role::fixed);
    add("token_embd.weight", {width, shape_.vocab}, Role::token_embd);
    for (layer_ = 0; layer_ < shape_.layers; ++layer_) add_layer();
    return std::move(specs_);
  }

 private:
  void add(std::string name, std::vector<std::uint64_t> dims, Role role) {
    const TensorType type = choose_type(shape_, quant_, role, layer_, dims.front());
    specs_.push_back({std::move(name), std::move(dims), type});
  }
  void add_in_layer(std::string_view name, std::vector<std::uint64_t> dims, Role role) {
    add(fmt::format("blk.{}.{}.weight", layer_, name), std::move(dims), role);
  }

  // In the order of the names, which is that of the files.
  void add_layer() {
    const std::uint64_t width = shape_.width;
    const std::uint64_t q = std::uint64_t{shape_.heads} * shape_.head_dim;
    const std::uint64_t kv = std::uint64_t{shape_.kv_heads} * shape_.head_dim;
    const bool qk_norm = shape_.architecture != Architecture::llama;
    add_in_layer("attn_k", {width, kv}, Role::attn_k);
    if (qk_norm) add_in_layer("attn_k_norm", {shape_.head_dim}, Role::fixed);
    add_in_layer("attn_norm", {width}, Role::fixed);
    add_in_layer("attn_output", {q, width}, Role::attn_output);
    add_in_layer("attn_q", {width, q}, Role::plain);
    if (qk_norm) add_in_layer("attn_q_norm", {shape_.head_dim}, Role::fixed);
    add_in_layer("attn_v", {width, kv}, Role::attn_v);
    if (shape_.experts > 0) {
      add_experts();
    } else {
      add_in_layer("ffn_down", {shape_.ffn, width}, Role::ffn_down);
      add_in_layer("ffn_gate", {width, shape_.ffn}, Role::plain);
    }
    add_in_layer("ffn_norm", {width}, Role::fixed);
    if (shape_.experts == 0) add_in_layer("ffn_up", {width, shape_.ffn}, Role::plain);
    if (shape_.experts > 0) add_in_layer("ffn_up_exps", {width, shape_.expert_ffn, shape_.experts}, Role::plain);
  }
  void add_experts() {
    const std::uint64_t width = shape_.width;
    add_in_layer("ffn_down_exps", {shape_.expert_ffn, width, shape_.experts}, Role::ffn_down);
    add_in_layer("ffn_gate_exps", {width, shape_.expert_ffn, shape_.experts}, Role::plain);
    add_in_layer("ffn_gate_inp", {width, shape_.experts}, Role::fixed);
  }

  const Shape& shape_;
  Quant quant_;
  std::uint32_t layer_ = 0;
  std::vector<TensorSpec> specs_;
};

}  // namespace

std::string_view to_string(Architecture architecture) {
  switch (architecture) {
    case Architecture::llama:
      return "llama";
    case Architecture::qwen3:
      return "qwen3";
    case Architecture::qwen3moe:
      return "qwen3moe";
  }
  return "unknown";
}

std::span<const Shape> shapes() { return kShapes; }

const Shape* find_shape(std::string_view name) {
  const auto it = std::ranges::find_if(kShapes, [&](const Shape& s) { return same_ignoring_case(s.name, name); });
  return it == kShapes.end() ? nullptr : &*it;
}

std::string_view to_string(Quant quant) {
  switch (quant) {
    case Quant::f16:
      return "F16";
    case Quant::q8_0:
      return "Q8_0";
    case Quant::q4_k_m:
      return "Q4_K_M";
  }
  return "unknown";
}

std::optional<Quant> parse_quant(std::string_view name) {
  for (const Quant quant : {Quant::f16, Quant::q8_0, Quant::q4_k_m}) {
    if (same_ignoring_case(to_string(quant), name)) return quant;
  }
  return std::nullopt;
}

std::uint32_t file_type(Quant quant) {
  switch (quant) {
    case Quant::f16:
      return 1;
    case Quant::q8_0:
      return 7;
    case Quant::q4_k_m:
      return 15;
  }
  return 0;
}

const TensorTraits* tensor_traits(std::uint32_t id) {
  const auto it = std::ranges::find(kTraits, id, &TensorTraits::id);
  return it == kTraits.end() ? nullptr : &*it;
}

const TensorTraits& traits(TensorType type) { return *tensor_traits(static_cast<std::uint32_t>(type)); }

std::uint64_t TensorSpec::elements() const {
  std::uint64_t product = 1;
  for (const std::uint64_t dim : dims) product *= dim;
  return product;
}

std::uint64_t TensorSpec::bytes() const { return elements() / traits(type).block_elements * traits(type).block_bytes; }

std::vector<TensorSpec> tensors_of(const Shape& shape, Quant quant) { return Lister(shape, quant).list(); }

std::uint64_t parameters(const Shape& shape) {
  std::uint64_t sum = 0;
  for (const TensorSpec& spec : tensors_of(shape, Quant::f16)) sum += spec.elements();
  return sum;
}

}  // namespace nw::model
