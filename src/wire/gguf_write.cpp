// Writing a GGUF header. Every number is little-endian whatever the machine is; a string is its length as 64 bits and
// its bytes; the tensor directory gives offsets into a data section that begins at the next multiple of the alignment.
// Offsets are known when a tensor is added, because its size is, so the header can be written before any weight exists.
#include <bit>
#include <cstddef>

#include "gguf_types.h"
#include "wire/gguf.h"

namespace nw::wire {
namespace {

using namespace gguf;

template <class Unsigned>
void append(std::string& out, Unsigned value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i))));
  }
}

void append_string(std::string& out, std::string_view text) {
  append(out, std::uint64_t{text.size()});
  out += text;
}

}  // namespace

void GgufBuilder::begin(std::string_view key, std::uint32_t type) {
  append_string(metadata_, key);
  append(metadata_, type);
  ++metadata_count_;
}

void GgufBuilder::put_u32(std::string_view key, std::uint32_t value) {
  begin(key, kUint32);
  append(metadata_, value);
}

void GgufBuilder::put_u64(std::string_view key, std::uint64_t value) {
  begin(key, kUint64);
  append(metadata_, value);
}

void GgufBuilder::put_f32(std::string_view key, float value) {
  begin(key, kFloat32);
  append(metadata_, std::bit_cast<std::uint32_t>(value));
}

void GgufBuilder::put_bool(std::string_view key, bool value) {
  begin(key, kBool);
  append(metadata_, static_cast<std::uint8_t>(value ? 1 : 0));
}

void GgufBuilder::put_string(std::string_view key, std::string_view value) {
  begin(key, kString);
  append_string(metadata_, value);
}

void GgufBuilder::put_strings(std::string_view key, std::span<const std::string> values) {
  begin(key, kArray);
  append(metadata_, std::uint32_t{kString});
  append(metadata_, std::uint64_t{values.size()});
  for (const std::string& value : values) append_string(metadata_, value);
}

void GgufBuilder::put_i32s(std::string_view key, std::span<const std::int32_t> values) {
  begin(key, kArray);
  append(metadata_, std::uint32_t{kInt32});
  append(metadata_, std::uint64_t{values.size()});
  for (const std::int32_t value : values) append(metadata_, static_cast<std::uint32_t>(value));
}

std::uint64_t GgufBuilder::add_tensor(std::string_view name, std::span<const std::uint64_t> dims, std::uint32_t type,
                                      std::uint64_t bytes) {
  const std::uint64_t offset = data_bytes_;
  append_string(directory_, name);
  append(directory_, static_cast<std::uint32_t>(dims.size()));
  for (const std::uint64_t dim : dims) append(directory_, dim);
  append(directory_, type);
  append(directory_, offset);
  ++tensor_count_;
  data_bytes_ = align_up(offset + bytes, kGgufAlignment);
  return offset;
}

std::string GgufBuilder::finish() && {
  std::string out;
  out.reserve(metadata_.size() + directory_.size() + 64);
  append(out, kMagic);
  append(out, std::uint32_t{3});
  append(out, tensor_count_);
  append(out, metadata_count_);
  out += metadata_;
  out += directory_;
  out.resize(align_up(out.size(), kGgufAlignment), '\0');
  *this = GgufBuilder{};
  return out;
}

}  // namespace nw::wire
