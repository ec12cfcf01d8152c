// What the reader and the writer of GGUF headers share.
#pragma once

#include <cstdint>

namespace nw::wire::gguf {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF", read as a little-endian number

enum ValueType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace nw::wire::gguf
