// Lines: however the bytes are cut, the lines are the same.
#include "wire/ndjson.h"

#include "fuzz/splits.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nw;
  if (size == 0) return 0;
  constexpr std::size_t kMost = 256;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<std::string> one, many;
  wire::LineSplitter at_once(kMost), in_parts(kMost);
  const bool failed = !at_once.feed(bytes, one);
  if (!failed) at_once.finish(one);
  bool failed_too = false;
  fuzz::in_pieces(bytes, data[0], [&](std::string_view piece) {
    failed_too = !in_parts.feed(piece, many);
    return !failed_too;
  });
  if (!failed_too) in_parts.finish(many);
  fuzz::require(failed == failed_too, "both fail or neither");
  if (!failed) fuzz::require(one == many, "equal lines");
  return 0;
}
