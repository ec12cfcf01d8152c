// What one message of a streamed answer says, the same for every API: the records that the codecs below fill.
#pragma once

#include <optional>
#include <string>

#include "model/dialect.h"

namespace nw::wire {

struct AnswerChunk {
  // The message carried generated text; it may be empty where the API says so (a token without a visible form).
  bool has_content = false;
  std::string content;
  bool has_reasoning = false;
  std::string reasoning;
  bool finished = false;             // the engine says that it is done
  std::optional<std::string> error;  // the engine refused or failed, inside a 200
  model::AnswerCounters counters;    // only what this message states
};

// Takes over what `from` states and keeps the rest.
void merge(model::AnswerCounters& into, const model::AnswerCounters& from);

// The sentence in an error body: {"error":{"message":…}}, {"error":"…"}, {"message":…}, {"detail":…} or the text
// itself, made printable and cut to 300 bytes. Empty when there is nothing to say.
[[nodiscard]] std::string error_text(std::string_view body);

}  // namespace nw::wire
