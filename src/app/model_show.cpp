// What a model file is, from its header: for a person who wonders what he downloaded, and for the labels of a report.
//
// The header's length is stated nowhere, so a prefix is read and doubled until the codec is content; a megabyte serves
// a file without a vocabulary, those of the qwen3 shapes need about six. Weights are never touched, except for a hash.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "app/model_commands.h"
#include "base/text.h"
#include "model/shapes.h"
#include "os/hash.h"
#include "wire/gguf.h"

namespace nw::app {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kFirstPrefix = 1ULL << 20;

// general.file_type, by enum llama_ftype of llama.cpp's llama.h.
constexpr std::array<std::pair<std::uint64_t, std::string_view>, 36> kFileTypes{{
    {0, "F32"},     {1, "F16"},     {2, "Q4_0"},       {3, "Q4_1"},    {7, "Q8_0"},     {8, "Q5_0"},
    {9, "Q5_1"},    {10, "Q2_K"},   {11, "Q3_K_S"},    {12, "Q3_K_M"}, {13, "Q3_K_L"},  {14, "Q4_K_S"},
    {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"},    {18, "Q6_K"},   {19, "IQ2_XXS"}, {20, "IQ2_XS"},
    {21, "Q2_K_S"}, {22, "IQ3_XS"}, {23, "IQ3_XXS"},   {24, "IQ1_S"},  {25, "IQ4_NL"},  {26, "IQ3_S"},
    {27, "IQ3_M"},  {28, "IQ2_S"},  {29, "IQ2_M"},     {30, "IQ4_XS"}, {31, "IQ1_M"},   {32, "BF16"},
    {36, "TQ1_0"},  {37, "TQ2_0"},  {38, "MXFP4_MOE"}, {39, "NVFP4"},  {40, "Q1_0"},    {41, "Q2_0"},
}};
constexpr std::uint64_t kGuessed = 1024;  // a bit on top: the engine guessed the type

Error not_a_model(const fs::path& path, std::string_view what) {
  return usage_error(fmt::format("{} {}", printable(path.string()), what), "name a GGUF file");
}

// The file's size, if it is one that can be read.
Result<std::uint64_t> size_of_model(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return lacking_error(fmt::format("there is no file {}", printable(path.string())),
                         "check the name, or make one with nightwatt model synth");
  }
  if (error) return lacking_error(fmt::format("cannot examine {}: {}", printable(path.string()), error.message()));
  if (fs::is_directory(status)) return not_a_model(path, "is a directory");
  if (!fs::is_regular_file(status)) return not_a_model(path, "is not a regular file");
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) return lacking_error(fmt::format("cannot examine {}: {}", printable(path.string()), error.message()));
  if (size == 0) return not_a_model(path, "is empty");
  return std::uint64_t{size};
}

Status read_on(std::ifstream& in, const fs::path& path, std::vector<std::byte>& prefix, std::uint64_t length) {
  const std::size_t done = prefix.size();
  prefix.resize(static_cast<std::size_t>(length));
  in.read(reinterpret_cast<char*>(prefix.data() + done), static_cast<std::streamsize>(prefix.size() - done));
  if (in) return {};
  return failed_error(fmt::format("cannot read {}: it ended early", printable(path.string())),
                      "wait until whatever writes it is done");
}

Error cut_short(const fs::path& path, std::uint64_t has, std::uint64_t needs) {
  return failed_error(
      fmt::format("{} is cut short: it has {} bytes of at least {}", printable(path.string()), has, needs),
      "download it again, or make it again");
}

Result<wire::GgufHeader> read_header(const fs::path& path, std::uint64_t size) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return lacking_error(
        fmt::format("cannot read {}: {}", printable(path.string()), std::generic_category().message(errno)),
        "check its permissions");
  }
  std::vector<std::byte> prefix;
  std::uint64_t wanted = kFirstPrefix;
  while (true) {
    NW_CHECK(read_on(in, path, prefix, std::min(wanted, size)));
    auto parsed = wire::parse_gguf_header(prefix);
    if (!parsed) {
      Error error = std::move(parsed).error().within(printable(path.string()));
      error.kind = ErrorKind::usage;  // the user named something that is no model
      return error;
    }
    if (parsed->header) {
      if (parsed->header->data_end > size) return cut_short(path, size, parsed->header->data_end);
      return std::move(*parsed->header);
    }
    if (prefix.size() == size) return cut_short(path, size, parsed->need_bytes);
    wanted = std::max(parsed->need_bytes, std::uint64_t{prefix.size()} * 2);
  }
}

// A count of the architecture: one number, or one per layer, of which the largest speaks for the model.
std::optional<std::uint64_t> count_at(const wire::GgufHeader& header, const ModelInfo& info, std::string_view name) {
  const std::string key = fmt::format("{}.{}", info.architecture, name);
  const wire::GgufValue* const value = header.find(key);
  const auto* const list = value == nullptr ? nullptr : std::get_if<wire::GgufArray>(value);
  if (list == nullptr) return header.unsigned_at(key);
  if (list->integers.empty()) return std::nullopt;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::ranges::max(list->integers)));
}

std::optional<std::uint64_t> vocabulary_size(const wire::GgufHeader& header, const ModelInfo& info) {
  const wire::GgufValue* const tokens = header.find("tokenizer.ggml.tokens");
  if (tokens != nullptr) {
    if (const auto* const list = std::get_if<wire::GgufArray>(tokens)) return list->count;
  }
  return count_at(header, info, "vocab_size");
}

std::string type_name(std::uint32_t type) {
  const model::TensorTraits* const traits = model::tensor_traits(type);
  return traits == nullptr ? fmt::format("type {}", type) : std::string(traits->name);
}

void count_tensors(const wire::GgufHeader& header, ModelInfo& info) {
  info.tensors = header.tensors.size();
  for (const wire::GgufTensor& tensor : header.tensors) {
    info.parameters += tensor.elements;
    const std::string name = type_name(tensor.type);
    auto use = std::ranges::find(info.types, name, &TensorTypeUse::type);
    if (use == info.types.end()) use = info.types.insert(use, TensorTypeUse{name, 0, 0});
    ++use->tensors;
    use->bytes += tensor.bytes.value_or(0);
  }
  std::ranges::sort(info.types, [](const TensorTypeUse& a, const TensorTypeUse& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.type < b.type;
  });
}

std::optional<std::string> quantisation(const wire::GgufHeader& header, const ModelInfo& info) {
  if (const auto type = header.unsigned_at("general.file_type")) {
    const auto known =
        std::ranges::find(kFileTypes, *type & ~kGuessed, &std::pair<std::uint64_t, std::string_view>::first);
    if (known != kFileTypes.end()) return std::string(known->second);
  }
  if (info.types.empty()) return std::nullopt;
  return info.types.front().type;  // not stated: what most bytes are
}

ModelInfo describe(const fs::path& path, std::uint64_t size, const wire::GgufHeader& header) {
  ModelInfo info;
  info.path = path;
  info.bytes = size;
  info.architecture = header.string_at("general.architecture").value_or("unknown");
  info.name = header.string_at("general.name");
  info.layers = count_at(header, info, "block_count");
  info.width = count_at(header, info, "embedding_length");
  info.heads = count_at(header, info, "attention.head_count");
  info.kv_heads = count_at(header, info, "attention.head_count_kv");
  info.experts = count_at(header, info, "expert_count");
  info.experts_used = count_at(header, info, "expert_used_count");
  info.context = count_at(header, info, "context_length");
  info.vocab = vocabulary_size(header, info);
  count_tensors(header, info);
  info.quantisation = quantisation(header, info);
  info.synthetic = header.bool_at("nightwatt.synthetic").value_or(false);
  if (info.synthetic) info.seed = header.unsigned_at("nightwatt.seed");
  if (const auto parts = header.unsigned_at("split.count"); parts && *parts > 1) info.parts = parts;
  return info;
}

}  // namespace

Result<ModelInfo> show(const fs::path& path, const ShowOptions& options) {
  NW_TRY(const std::uint64_t size, size_of_model(path));
  NW_TRY(const wire::GgufHeader header, read_header(path, size));
  ModelInfo info = describe(path, size, header);
  if (!options.hash) return info;
  NW_TRY(os::FileHash hash, os::sha256_of_file(path, options.hash_cache, options.stop));
  info.sha256 = std::move(hash.hex);
  return info;
}

}  // namespace nw::app
