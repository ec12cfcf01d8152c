#include "moments_blob.h"

#include <cstdint>

namespace nw::store {
namespace {

constexpr unsigned kGroupBits = 7;
constexpr std::uint64_t kGroupMask = 0x7F;
constexpr std::uint64_t kMore = 0x80;

std::uint64_t zigzag(std::uint64_t difference) {
  const std::uint64_t sign = difference >> 63;
  return (difference << 1) ^ (std::uint64_t{0} - sign);
}

std::uint64_t unzigzag(std::uint64_t mapped) { return (mapped >> 1) ^ (std::uint64_t{0} - (mapped & 1)); }

}  // namespace

std::string pack_moments(const std::vector<Moment>& moments) {
  std::string bytes;
  bytes.reserve(moments.size() * 5);
  std::uint64_t previous = 0;
  for (const Moment moment : moments) {
    const auto now = static_cast<std::uint64_t>(moment.ns);
    std::uint64_t rest = zigzag(now - previous);
    previous = now;
    for (; rest > kGroupMask; rest >>= kGroupBits) bytes.push_back(static_cast<char>((rest & kGroupMask) | kMore));
    bytes.push_back(static_cast<char>(rest));
  }
  return bytes;
}

std::optional<std::vector<Moment>> unpack_moments(std::string_view bytes) {
  std::vector<Moment> moments;
  std::uint64_t previous = 0;
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    // The tenth byte holds the 64th bit alone.
    if (shift == 63 && byte > 1) return std::nullopt;
    value |= (byte & kGroupMask) << shift;
    shift += kGroupBits;
    if ((byte & kMore) != 0) continue;
    previous += unzigzag(value);
    moments.push_back({static_cast<std::int64_t>(previous)});
    value = 0;
    shift = 0;
  }
  if (shift != 0) return std::nullopt;
  return moments;
}

}  // namespace nw::store
