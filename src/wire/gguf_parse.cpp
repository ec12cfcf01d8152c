// Reading a GGUF header that may be cut short, damaged or hostile.
//
// Nothing in the file is believed before the bytes are there: a count only says how many times to go round, never how
// much to reserve, and what it promises must fit into kMaxHeader, many times a real header (one with 152 000
// tokens and their merges, the qwen3 shapes of ours, takes about 6 MB). The caller reads a prefix and doubles it while
// the answer is "more": whenever the cursor would leave the prefix, everything stops and the position that it wanted is
// the answer. Parsing again from the start costs as much as reading again, and needs no state between calls.
#include <algorithm>
#include <bit>
#include <concepts>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "gguf_types.h"
#include "model/shapes.h"
#include "wire/gguf.h"

namespace nw::wire {
namespace {

using namespace gguf;

constexpr std::uint64_t kMaxHeader = 128ULL << 20;
constexpr std::uint64_t kMaxMetadata = 65'536;
constexpr std::uint64_t kMaxTensors = 262'144;
constexpr std::uint64_t kMaxKey = 65'535;  // as in ggml
constexpr int kMaxNesting = 4;

// Zero for strings, arrays and numbers that are no type.
std::uint64_t fixed_size(std::uint32_t type) {
  switch (type) {
    case kUint8:
    case kInt8:
    case kBool:
      return 1;
    case kUint16:
    case kInt16:
      return 2;
    case kUint32:
    case kInt32:
    case kFloat32:
      return 4;
    case kUint64:
    case kInt64:
    case kFloat64:
      return 8;
    default:
      return 0;
  }
}

// Every read returns false if it could not be done; then either need() or error() says why, and all later ones fail.
class Parser {
 public:
  explicit Parser(std::span<const std::byte> prefix) : prefix_(prefix) {}

  Result<GgufParse> parse() {
    GgufHeader header;
    if (header_of(header)) return GgufParse{std::move(header), 0};
    if (!error_.message.empty()) return std::move(error_);
    return GgufParse{std::nullopt, need_};
  }

 private:
  bool header_of(GgufHeader& header);
  bool opening(GgufHeader& header);
  bool metadata(GgufHeader& header);
  bool alignment(GgufHeader& header);
  bool directory(GgufHeader& header);
  bool tensor(GgufTensor& tensor);
  bool measure(GgufTensor& tensor);
  bool place(GgufHeader& header);

  bool value(std::uint32_t type, GgufValue& out);
  bool array(GgufArray& out, int depth);
  bool elements(GgufArray& out, int depth);
  bool integer(std::uint32_t type, std::int64_t& out);
  bool string(std::string* out, std::uint64_t limit, std::string_view what);

  bool fail(std::string sentence) {
    error_ = failed_error(std::move(sentence), "the file is damaged or not a model: download or make it again");
    return false;
  }
  // That `count` more bytes are in the prefix. The counts that reach here may be anything.
  bool available(std::uint64_t count) {
    if (count > kMaxHeader || position_ + count > kMaxHeader) {
      return fail(fmt::format("its header claims more than {}", human_bytes(kMaxHeader)));
    }
    if (position_ + count <= prefix_.size()) return true;
    need_ = position_ + count;
    return false;
  }
  bool skip(std::uint64_t count) {
    if (!available(count)) return false;
    position_ += count;
    return true;
  }
  template <std::unsigned_integral Number>
  bool number(Number& out) {
    if (!available(sizeof out)) return false;
    out = 0;
    for (std::size_t i = 0; i < sizeof out; ++i) {
      const auto byte = std::to_integer<std::uint64_t>(prefix_[static_cast<std::size_t>(position_) + i]);
      out = static_cast<Number>(out | static_cast<Number>(byte << (8 * i)));
    }
    position_ += sizeof out;
    return true;
  }

  std::span<const std::byte> prefix_;
  std::uint64_t position_ = 0;
  std::uint64_t need_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t metadata_count_ = 0;
  Error error_;
};

bool Parser::header_of(GgufHeader& header) {
  return opening(header) && metadata(header) && alignment(header) && directory(header) && place(header);
}

bool Parser::opening(GgufHeader& header) {
  constexpr std::string_view kLetters = "GGUF";
  const std::size_t seen = std::min(prefix_.size(), kLetters.size());
  if (std::memcmp(prefix_.data(), kLetters.data(), seen) != 0) return fail("it is not a GGUF file");
  std::uint32_t magic = 0;
  if (!number(magic) || !number(header.version)) return false;
  if (header.version != 0 && (header.version & 0xFFFF) == 0) return fail("it is a big-endian GGUF file");
  if (header.version != 2 && header.version != 3) {
    return fail(fmt::format("its GGUF version is {}; 2 and 3 are known", header.version));
  }
  if (!number(tensor_count_) || !number(metadata_count_)) return false;
  if (tensor_count_ > kMaxTensors) return fail(fmt::format("it claims {} tensors", tensor_count_));
  if (metadata_count_ > kMaxMetadata) return fail(fmt::format("it claims {} metadata entries", metadata_count_));
  return true;
}

bool Parser::metadata(GgufHeader& header) {
  for (std::uint64_t i = 0; i < metadata_count_; ++i) {
    std::string key;
    std::uint32_t type = 0;
    GgufValue entry;
    if (!string(&key, kMaxKey, "a metadata key") || !number(type) || !value(type, entry)) return false;
    header.metadata.emplace_back(std::move(key), std::move(entry));
  }
  return true;
}

bool Parser::alignment(GgufHeader& header) {
  header.alignment = kGgufAlignment;
  if (header.find("general.alignment") == nullptr) return true;
  header.alignment = header.unsigned_at("general.alignment").value_or(0);
  if (std::has_single_bit(header.alignment) && header.alignment <= kMaxHeader) return true;
  return fail("its alignment is not a power of two");
}

bool Parser::value(std::uint32_t type, GgufValue& out) {
  if (type == kString) {
    std::string text;
    if (!string(&text, kMaxHeader, "a metadata value")) return false;
    out = std::move(text);
    return true;
  }
  if (type == kArray) {
    GgufArray list;
    if (!array(list, 1)) return false;
    out = std::move(list);
    return true;
  }
  if (fixed_size(type) == 0) return fail(fmt::format("it has a metadata value of type {}, which does not exist", type));
  if (type == kFloat32) {
    std::uint32_t bits = 0;
    if (!number(bits)) return false;
    out = static_cast<double>(std::bit_cast<float>(bits));
    return true;
  }
  if (type == kFloat64) {
    std::uint64_t bits = 0;
    if (!number(bits)) return false;
    out = std::bit_cast<double>(bits);
    return true;
  }
  std::int64_t whole = 0;
  if (!integer(type, whole)) return false;
  if (type == kBool) {
    out = whole != 0;
  } else if (type == kInt8 || type == kInt16 || type == kInt32 || type == kInt64) {
    out = whole;
  } else {
    out = static_cast<std::uint64_t>(whole);
  }
  return true;
}

// Any integer or boolean, its bits extended by its own signedness.
bool Parser::integer(std::uint32_t type, std::int64_t& out) {
  const auto read = [&]<class Unsigned, class Stored>(Unsigned bits, Stored) {
    if (!number(bits)) return false;
    out = static_cast<std::int64_t>(static_cast<Stored>(bits));
    return true;
  };
  switch (type) {
    case kBool:
    case kUint8:
      return read(std::uint8_t{}, std::uint8_t{});
    case kInt8:
      return read(std::uint8_t{}, std::int8_t{});
    case kUint16:
      return read(std::uint16_t{}, std::uint16_t{});
    case kInt16:
      return read(std::uint16_t{}, std::int16_t{});
    case kUint32:
      return read(std::uint32_t{}, std::uint32_t{});
    case kInt32:
      return read(std::uint32_t{}, std::int32_t{});
    default:
      return read(std::uint64_t{}, std::int64_t{});
  }
}

bool Parser::array(GgufArray& out, int depth) {
  if (!number(out.element_type) || !number(out.count)) return false;
  if (out.element_type > kFloat64) {
    return fail(fmt::format("it has an array of type {}, which does not exist", out.element_type));
  }
  // The smallest element is a byte, so more of them than the header may have bytes is nonsense.
  if (out.count > kMaxHeader) return fail(fmt::format("it claims an array of {} elements", out.count));
  return elements(out, depth);
}

bool Parser::elements(GgufArray& out, int depth) {
  if (out.element_type == kString) {
    for (std::uint64_t i = 0; i < out.count; ++i) {
      if (!string(nullptr, kMaxHeader, "a text of an array")) return false;
    }
    return true;
  }
  if (out.element_type == kArray) {
    if (depth >= kMaxNesting) return fail("its metadata nests arrays too deeply");
    for (std::uint64_t i = 0; i < out.count; ++i) {
      GgufArray inner;
      if (!array(inner, depth + 1)) return false;
    }
    return true;
  }
  const bool keep = out.count <= kGgufKeptElements && out.element_type != kFloat32 && out.element_type != kFloat64;
  if (!keep) return skip(out.count * fixed_size(out.element_type));
  for (std::uint64_t i = 0; i < out.count; ++i) {
    std::int64_t whole = 0;
    if (!integer(out.element_type, whole)) return false;
    out.integers.push_back(whole);
  }
  return true;
}

bool Parser::string(std::string* out, std::uint64_t limit, std::string_view what) {
  std::uint64_t length = 0;
  if (!number(length)) return false;
  if (length > limit) return fail(fmt::format("{} claims {} bytes", what, length));
  if (!available(length)) return false;
  if (out != nullptr) {
    const auto* const text = reinterpret_cast<const char*>(prefix_.data()) + position_;
    out->assign(text, static_cast<std::size_t>(std::min<std::uint64_t>(length, kGgufKeptString)));
  }
  return skip(length);
}

bool Parser::directory(GgufHeader& header) {
  for (std::uint64_t i = 0; i < tensor_count_; ++i) {
    GgufTensor entry;
    if (!tensor(entry) || !measure(entry)) return false;
    if (entry.offset % header.alignment != 0) {
      return fail(fmt::format("tensor {} begins at an unaligned place", printable(entry.name)));
    }
    header.tensors.push_back(std::move(entry));
  }
  return true;
}

bool Parser::tensor(GgufTensor& entry) {
  std::uint32_t count = 0;
  if (!string(&entry.name, kMaxKey, "a tensor name") || !number(count)) return false;
  if (count < 1 || count > 4) return fail(fmt::format("tensor {} has {} dimensions", printable(entry.name), count));
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint64_t dim = 0;
    if (!number(dim)) return false;
    entry.dims.push_back(dim);
  }
  return number(entry.type) && number(entry.offset);
}

bool Parser::measure(GgufTensor& entry) {
  constexpr std::uint64_t kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  entry.elements = 1;
  for (const std::uint64_t dim : entry.dims) {
    if (dim != 0 && entry.elements > kMost / dim) {
      return fail(fmt::format("the size of tensor {} overflows", printable(entry.name)));
    }
    entry.elements *= dim;
  }
  const model::TensorTraits* const traits = model::tensor_traits(entry.type);
  if (traits == nullptr) return true;
  if (entry.dims.front() % traits->block_elements != 0) {
    return fail(fmt::format("tensor {} has rows of {}, which {} cannot store", printable(entry.name),
                            entry.dims.front(), traits->name));
  }
  const std::uint64_t blocks = entry.elements / traits->block_elements;
  if (blocks > kMost / traits->block_bytes || entry.offset > kMost - blocks * traits->block_bytes) {
    return fail(fmt::format("the size of tensor {} overflows", printable(entry.name)));
  }
  entry.bytes = blocks * traits->block_bytes;
  return true;
}

// The data section begins at the next aligned place, or never if there is no tensor.
bool Parser::place(GgufHeader& header) {
  header.data_offset = align_up(position_, header.alignment);
  header.data_end = position_;
  for (const GgufTensor& entry : header.tensors) {
    // A type that is not known here has at least its beginning.
    const std::uint64_t end = entry.offset + entry.bytes.value_or(0);
    header.data_end = std::max(header.data_end, header.data_offset + end);
  }
  return true;
}

}  // namespace

const GgufValue* GgufHeader::find(std::string_view key) const {
  const auto it = std::ranges::find(metadata, key, [](const auto& entry) -> std::string_view { return entry.first; });
  return it == metadata.end() ? nullptr : &it->second;
}

std::optional<std::uint64_t> GgufHeader::unsigned_at(std::string_view key) const {
  const GgufValue* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* const number = std::get_if<std::uint64_t>(value)) return *number;
  const auto* const number = std::get_if<std::int64_t>(value);
  if (number == nullptr || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::optional<std::string> GgufHeader::string_at(std::string_view key) const {
  const GgufValue* const value = find(key);
  const auto* const text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? std::nullopt : std::optional(*text);
}

std::optional<bool> GgufHeader::bool_at(std::string_view key) const {
  const GgufValue* const value = find(key);
  const bool* const truth = value == nullptr ? nullptr : std::get_if<bool>(value);
  return truth == nullptr ? std::nullopt : std::optional(*truth);
}

Result<GgufParse> parse_gguf_header(std::span<const std::byte> prefix) { return Parser(prefix).parse(); }

}  // namespace nw::wire
