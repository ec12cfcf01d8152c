// Writing a synthetic model: metadata as llama.cpp's converter and quantiser write them, then the weights in a stream.
//
// All sizes are known before the first byte, so the header comes first and nothing is ever held but two buffers: one
// thread fills one with weights while the caller's thread hands the other to the disk, so that the slower of the two
// alone sets the pace.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <semaphore>
#include <thread>

#include "app/model_commands.h"
#include "base/text.h"
#include "model/shapes.h"
#include "model_vocab.h"
#include "model_weights.h"
#include "os/output_file.h"
#include "wire/gguf.h"

namespace nw::app {
namespace {

constexpr std::size_t kBufferBytes = 4U << 20;

// Fills buffers in a thread of its own; the caller takes them in order.
class WeightPump {
 public:
  WeightPump(const model::Shape& shape, const std::vector<model::TensorSpec>& specs, std::uint64_t seed)
      : shape_(shape), specs_(specs), seed_(seed), thread_([this](const std::stop_token& stop) { run(stop); }) {}
  ~WeightPump() {
    thread_.request_stop();
    free_.release();  // it may be waiting for a buffer
  }
  WeightPump(const WeightPump&) = delete;
  WeightPump& operator=(const WeightPump&) = delete;

  // The next bytes, valid until the next call; empty at the end.
  std::span<const std::byte> take() {
    if (holding_) free_.release();
    holding_ = true;
    full_.acquire();
    const std::vector<std::byte>& buffer = buffers_[taken_++ % buffers_.size()];
    return buffer;
  }

 private:
  void run(const std::stop_token& stop) {
    std::size_t index = 0;
    if (!begin(index, stop)) return;
    for (const model::TensorSpec& spec : specs_) {
      WeightStream stream(shape_, spec, seed_);
      while (stream.bytes_left() > 0) {
        std::vector<std::byte>& buffer = buffers_[index % buffers_.size()];
        const std::size_t done = buffer.size();
        const std::size_t bytes = fitting(stream, kBufferBytes - done);
        if (bytes > 0) {
          buffer.resize(done + bytes);  // within its capacity
          stream.fill(std::span(buffer).subspan(done));
        } else if (full_.release(), !begin(++index, stop)) {
          return;
        }
      }
      // Buffers begin and, being cut at granules, end at multiples of the alignment: so does the padded tensor.
      std::vector<std::byte>& buffer = buffers_[index % buffers_.size()];
      buffer.resize((buffer.size() + wire::kGgufAlignment - 1) / wire::kGgufAlignment * wire::kGgufAlignment);
    }
    full_.release();
    if (begin(++index, stop)) full_.release();  // an empty one says that this was all
  }
  bool begin(std::size_t index, const std::stop_token& stop) {
    free_.acquire();
    std::vector<std::byte>& buffer = buffers_[index % buffers_.size()];
    buffer.clear();
    buffer.reserve(kBufferBytes + wire::kGgufAlignment);
    return !stop.stop_requested();
  }
  static std::size_t fitting(const WeightStream& stream, std::size_t space) {
    if (stream.bytes_left() <= space) return static_cast<std::size_t>(stream.bytes_left());
    return space / stream.granule() * stream.granule();
  }

  const model::Shape& shape_;
  const std::vector<model::TensorSpec>& specs_;
  std::uint64_t seed_;
  std::array<std::vector<std::byte>, 3> buffers_;  // one at the disk, one being filled, one between
  std::counting_semaphore<4> free_{3};
  std::counting_semaphore<4> full_{0};
  std::size_t taken_ = 0;
  bool holding_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

struct Plan {
  const model::Shape* shape = nullptr;
  model::Quant quant = model::Quant::q4_k_m;
};

Result<Plan> resolve(const std::string& shape_name, const std::string& quant_name) {
  Plan plan;
  plan.shape = model::find_shape(shape_name);
  if (plan.shape == nullptr) {
    std::string known;
    for (const model::Shape& shape : model::shapes())
      known += fmt::format("{}{}", known.empty() ? "" : ", ", shape.name);
    return usage_error(fmt::format("no shape is called {}", printable(shape_name)), "shapes: " + known);
  }
  const std::optional<model::Quant> quant = model::parse_quant(quant_name);
  if (!quant) {
    return usage_error(fmt::format("no quantisation is called {}", printable(quant_name)),
                       "quantisations: F16, Q8_0, Q4_K_M");
  }
  plan.quant = *quant;
  return plan;
}

// "30.5B", "596M": as the makers put it into general.size_label.
std::string size_label(std::uint64_t parameters) {
  const auto count = static_cast<double>(parameters);
  return count < 1e9 ? fmt::format("{:.0f}M", count / 1e6) : fmt::format("{:.1f}B", count / 1e9);
}

void put_general(wire::GgufBuilder& builder, const Plan& plan, std::uint64_t seed) {
  builder.put_string("general.architecture", model::to_string(plan.shape->architecture));
  builder.put_string("general.type", "model");
  builder.put_string("general.name", fmt::format("{} (synthetic, random weights)", plan.shape->name));
  builder.put_string("general.size_label", size_label(model::parameters(*plan.shape)));
  builder.put_u32("general.file_type", model::file_type(plan.quant));
  if (plan.quant != model::Quant::f16) builder.put_u32("general.quantization_version", 2);
  builder.put_bool("nightwatt.synthetic", true);
  builder.put_string("nightwatt.shape", plan.shape->name);
  builder.put_u64("nightwatt.seed", seed);
}

void put_hyperparameters(wire::GgufBuilder& builder, const model::Shape& shape) {
  const auto key = [&](std::string_view name) {
    return fmt::format("{}.{}", model::to_string(shape.architecture), name);
  };
  builder.put_u32(key("block_count"), shape.layers);
  builder.put_u32(key("context_length"), shape.context);
  builder.put_u32(key("embedding_length"), shape.width);
  builder.put_u32(key("feed_forward_length"), shape.ffn);
  builder.put_u32(key("attention.head_count"), shape.heads);
  builder.put_u32(key("attention.head_count_kv"), shape.kv_heads);
  builder.put_f32(key("rope.freq_base"), static_cast<float>(shape.rope_base));
  builder.put_f32(key("attention.layer_norm_rms_epsilon"), shape.rms_epsilon);
  builder.put_u32(key("attention.key_length"), shape.head_dim);
  builder.put_u32(key("attention.value_length"), shape.head_dim);
  if (shape.architecture == model::Architecture::llama) {
    builder.put_u32(key("vocab_size"), shape.vocab);
    builder.put_u32(key("rope.dimension_count"), shape.head_dim);
  }
  if (shape.experts == 0) return;
  builder.put_u32(key("expert_count"), shape.experts);
  builder.put_u32(key("expert_used_count"), shape.experts_used);
  builder.put_u32(key("expert_feed_forward_length"), shape.expert_ffn);
}

void put_tokenizer(wire::GgufBuilder& builder, const model::Shape& shape) {
  const Vocabulary vocabulary = make_vocabulary(shape);
  const bool llama = shape.architecture == model::Architecture::llama;
  builder.put_string("tokenizer.ggml.model", "gpt2");
  builder.put_string("tokenizer.ggml.pre", llama ? "llama-bpe" : "qwen2");
  builder.put_strings("tokenizer.ggml.tokens", vocabulary.tokens);
  builder.put_i32s("tokenizer.ggml.token_type", vocabulary.types);
  builder.put_strings("tokenizer.ggml.merges", vocabulary.merges);
  builder.put_u32("tokenizer.ggml.bos_token_id", vocabulary.end_of_text);
  builder.put_u32("tokenizer.ggml.eos_token_id", vocabulary.end_of_turn);
  builder.put_u32("tokenizer.ggml.padding_token_id", vocabulary.end_of_text);
  builder.put_bool("tokenizer.ggml.add_bos_token", false);
  builder.put_string("tokenizer.chat_template", chat_template());
}

struct Head {
  std::string bytes;
  std::vector<model::TensorSpec> specs;
  std::uint64_t file_bytes = 0;
};

Head make_head(const Plan& plan, std::uint64_t seed) {
  wire::GgufBuilder builder;
  put_general(builder, plan, seed);
  put_hyperparameters(builder, *plan.shape);
  put_tokenizer(builder, *plan.shape);
  Head head;
  head.specs = model::tensors_of(*plan.shape, plan.quant);
  for (const model::TensorSpec& spec : head.specs) {
    builder.add_tensor(spec.name, spec.dims, static_cast<std::uint32_t>(spec.type), spec.bytes());
  }
  head.file_bytes = builder.data_bytes();
  head.bytes = std::move(builder).finish();
  head.file_bytes += head.bytes.size();
  return head;
}

}  // namespace

Result<SynthOutline> synth_outline(const SynthOptions& options) {
  NW_TRY(const Plan plan, resolve(options.shape, options.quant));
  Head head = make_head(plan, options.seed);
  return SynthOutline{std::move(head.bytes), head.file_bytes};
}

Status synth(const SynthOptions& options) {
  NW_TRY(const Plan plan, resolve(options.shape, options.quant));
  if (options.output.empty()) return usage_error("no name was given for the file", "name it with -o FILE.gguf");
  const Head head = make_head(plan, options.seed);
  NW_TRY(os::OutputFile file, os::OutputFile::create(options.output, head.file_bytes));
  NW_CHECK(file.write(std::as_bytes(std::span(head.bytes))));
  WeightPump pump(*plan.shape, head.specs, options.seed);
  for (auto piece = pump.take(); !piece.empty(); piece = pump.take()) {
    if (options.stop.stop_requested()) return interrupted_error();
    NW_CHECK(file.write(piece));
    if (options.progress) options.progress(file.bytes_written(), head.file_bytes);
  }
  if (options.stop.stop_requested()) return interrupted_error();
  return file.commit();
}

}  // namespace nw::app
