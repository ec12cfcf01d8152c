// Answers of a server: however the bytes are cut, status and body are the same; what is not HTTP is an error.
#include "answer_parser.h"
#include "fuzz/splits.h"

namespace {

using namespace nw;

struct Outcome {
  int status = 0;
  std::string body;
  bool failed = false, done = false;
};

template <class Feed>
Outcome parse(bool no_body, Feed feed) {
  Outcome outcome;
  net::AnswerParser parser(no_body, {[&](net::Head& head) {
                                       outcome.status = head.status;
                                       return Status();
                                     },
                                     [&](std::string_view bytes) {
                                       outcome.body += bytes;
                                       return Status();
                                     }});
  feed([&](std::string_view bytes) {
    if (parser.done()) return false;
    outcome.failed = !parser.feed(bytes);
    return !outcome.failed;
  });
  if (!outcome.failed && !parser.done()) outcome.failed = !parser.finish();
  outcome.done = parser.done();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const bool no_body = data[1] % 8 == 0;
  const Outcome one = parse(no_body, [&](auto take) { take(bytes); });
  const Outcome many = parse(no_body, [&](auto take) { fuzz::in_pieces(bytes, data[0], take); });
  fuzz::require(one.failed == many.failed, "both fail or neither");
  if (one.failed) return 0;
  fuzz::require(one.status == many.status, "equal status");
  fuzz::require(one.body == many.body, "equal body");
  fuzz::require(one.body.size() <= bytes.size(), "no more than was sent");
  return 0;
}
