// The head of a model file: any bytes are read or refused, and what is kept is bounded by what was given.
#include "wire/gguf.h"

#include "fuzz/splits.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nw;
  const auto parsed = wire::parse_gguf_header({reinterpret_cast<const std::byte*>(data), size});
  if (!parsed) {
    fuzz::require(!parsed.error().message.empty(), "a refusal says why");
  } else if (parsed->header) {
    fuzz::require(parsed->header->tensors.size() <= size && parsed->header->metadata.size() <= size,
                  "no more entries than bytes");
  }
  return 0;
}
