// Server-sent events: however the bytes are cut, the events are the same, and memory stays within the bound.
#include "wire/sse.h"

#include "fuzz/splits.h"

namespace {

using namespace nw;

struct Outcome {
  std::vector<wire::SseEvent> events;
  bool failed = false;
};

constexpr std::size_t kMost = 256;

Outcome whole(std::string_view bytes) {
  wire::SseSplitter splitter(kMost);
  Outcome outcome;
  outcome.failed = !splitter.feed(bytes, outcome.events);
  if (!outcome.failed) splitter.finish(outcome.events);
  return outcome;
}

Outcome cut(std::string_view bytes, std::uint8_t seed) {
  wire::SseSplitter splitter(kMost);
  Outcome outcome;
  fuzz::in_pieces(bytes, seed, [&](std::string_view piece) {
    outcome.failed = !splitter.feed(piece, outcome.events);
    return !outcome.failed;
  });
  if (!outcome.failed) splitter.finish(outcome.events);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome one = whole(bytes), many = cut(bytes, data[0]);
  fuzz::require(one.failed == many.failed, "both fail or neither");
  fuzz::require(one.events.size() == many.events.size(), "as many events");
  for (std::size_t i = 0; i < one.events.size(); ++i) {
    fuzz::require(one.events[i].type == many.events[i].type && one.events[i].data == many.events[i].data,
                  "equal events");
    fuzz::require(one.events[i].data.size() <= kMost, "an event within the bound");
  }
  return 0;
}
