// GGUF, the file format of llama.cpp and its relatives: a header (metadata, then a directory of tensors) and the
// tensors' bytes. This codec knows the header only and does no I/O. Versions 2 and 3, little-endian.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace nw::wire {

// An array of metadata. Vocabularies are large and nobody here reads them back: the elements are kept only if they
// are integers or booleans and few (kGgufKeptElements).
struct GgufArray {
  std::uint32_t element_type = 0;  // gguf_metadata_value_type
  std::uint64_t count = 0;
  std::vector<std::int64_t> integers;
};
constexpr std::size_t kGgufAlignment = 32;  // of tensor data, unless general.alignment says otherwise
constexpr std::size_t kGgufKeptElements = 4096;
constexpr std::size_t kGgufKeptString = 65'536;  // bytes; a longer string is cut

using GgufValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string, GgufArray>;

struct GgufTensor {
  std::string name;
  std::vector<std::uint64_t> dims;  // one to four; the first is the length of a row
  std::uint32_t type = 0;           // see model::tensor_traits
  std::uint64_t offset = 0;         // bytes from the start of the data section
  std::uint64_t elements = 0;
  std::optional<std::uint64_t> bytes;  // nullopt: a type that is not known here
};

struct GgufHeader {
  std::uint32_t version = 0;
  std::uint64_t alignment = 32;
  std::uint64_t data_offset = 0;  // bytes from the start of the file
  // Where the last tensor ends, from the start of the file: a smaller file is cut short.
  std::uint64_t data_end = 0;
  std::vector<std::pair<std::string, GgufValue>> metadata;  // in the order of the file
  std::vector<GgufTensor> tensors;

  // nullptr: no such key. The pointer lives as long as the header is unchanged.
  [[nodiscard]] const GgufValue* find(std::string_view key) const;
  // nullopt: no such key, or of another type (a negative number, for the first).
  [[nodiscard]] std::optional<std::uint64_t> unsigned_at(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> string_at(std::string_view key) const;
  [[nodiscard]] std::optional<bool> bool_at(std::string_view key) const;
};

// Either a header, or how long the prefix must be before it is worth asking again.
struct GgufParse {
  std::optional<GgufHeader> header;
  std::uint64_t need_bytes = 0;
};

// Reads a header from the first bytes of a file, which may be fewer than the header has. Fails (ErrorKind::failed, a
// sentence about the bytes; the caller adds the file's name) for what can become no GGUF however many bytes follow:
// wrong magic, version 1, big-endian, a type that does not exist, counts or lengths beyond reason, dimensions whose
// product overflows, unaligned offsets. Memory: a small multiple of the prefix, whatever its counts say.
[[nodiscard]] Result<GgufParse> parse_gguf_header(std::span<const std::byte> prefix);

// Builds a header of version 3, alignment 32. Keys and tensors appear in the order of the calls.
class GgufBuilder {
 public:
  void put_u32(std::string_view key, std::uint32_t value);
  void put_u64(std::string_view key, std::uint64_t value);
  void put_f32(std::string_view key, float value);
  void put_bool(std::string_view key, bool value);
  void put_string(std::string_view key, std::string_view value);
  void put_strings(std::string_view key, std::span<const std::string> values);
  void put_i32s(std::string_view key, std::span<const std::int32_t> values);

  // `bytes`: what its data will take. Returns its offset in the data section. `type` as in model::TensorType.
  std::uint64_t add_tensor(std::string_view name, std::span<const std::uint64_t> dims, std::uint32_t type,
                           std::uint64_t bytes);

  // The header with the padding after it: the data section begins where it ends. The builder is empty afterwards.
  [[nodiscard]] std::string finish() &&;
  // Bytes of the data section: all tensors, each padded to the alignment, as ggml writes them.
  [[nodiscard]] std::uint64_t data_bytes() const { return data_bytes_; }

 private:
  void begin(std::string_view key, std::uint32_t type);

  std::string metadata_;
  std::string directory_;
  std::uint64_t metadata_count_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t data_bytes_ = 0;
};

}  // namespace nw::wire
