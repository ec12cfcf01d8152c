// The bytes of one HTTP/1.1 answer, taken apart as they arrive. No I/O, no clock; Beast's parser stays in the .cpp.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "net/client.h"

namespace nw::net {

class AnswerParser {
 public:
  struct Sink {
    std::function<Status(Head&)> on_head;
    std::function<Status(std::string_view)> on_body;
  };
  // `no_body`: the answer to a HEAD request. The sink's functions must be set.
  AnswerParser(bool no_body, Sink sink);
  ~AnswerParser();
  AnswerParser(const AnswerParser&) = delete;
  AnswerParser& operator=(const AnswerParser&) = delete;

  // An error of the sink comes back as it is; one of the parser says what is wrong with the answer, to be completed by
  // the address ("{address} " + message).
  Status feed(std::string_view bytes);
  // The connection was closed by the server.
  Status finish();
  [[nodiscard]] bool done() const;
  [[nodiscard]] bool has_head() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nw::net
