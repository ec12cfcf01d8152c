// Helpers of the codecs of this room.
#pragma once

#include <optional>

#include "wire/answer.h"
#include "wire/json.h"

namespace nw::wire {

// A counter above zero: where an engine has nothing to report, several write 0.
inline std::optional<std::int64_t> positive(JsonRef value) {
  const auto number = value.integer();
  return number && *number > 0 ? number : std::nullopt;
}
inline std::optional<std::int64_t> not_negative(JsonRef value) {
  const auto number = value.integer();
  return number && *number >= 0 ? number : std::nullopt;
}
// A duration above zero, in units of `unit` seconds.
inline std::optional<double> duration_s(JsonRef value, double unit) {
  const auto number = value.number();
  return number && *number > 0 ? std::optional(*number * unit) : std::nullopt;
}

// Parses one message of a stream; an error says that it was one.
Result<JsonDocument> parse_message(std::string_view json);

// {"error": …} in any of its forms.
std::optional<std::string> error_of(JsonRef message);

// llama-server's "timings", which its OpenAI API carries too.
void take_timings(JsonRef timings, model::AnswerCounters& counters);

}  // namespace nw::wire
