// Server-sent events arrive in whatever pieces the network makes. The splitter keeps at most one unfinished line and
// one unfinished event; a line that lies whole in the incoming bytes is read in place.
//
// CR, LF and CRLF all end a line, and a CRLF may be split between two calls: after a CR an LF at the very front of what
// follows is swallowed.
#include "wire/sse.h"

#include <fmt/core.h>

namespace nw::wire {

Status SseSplitter::feed(std::string_view bytes, std::vector<SseEvent>& out) {
  while (!bytes.empty()) {
    if (skip_lf_) {
      skip_lf_ = false;
      if (bytes.front() == '\n') bytes.remove_prefix(1);
      if (bytes.empty()) break;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + event_.data.size() + part.size() > max_event_bytes_) {
      return failed_error(fmt::format("an event of the stream is longer than {} bytes", max_event_bytes_));
    }
    line_ += part;
    if (end == std::string_view::npos) break;
    skip_lf_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    end_line(out);
  }
  return {};
}

void SseSplitter::finish(std::vector<SseEvent>& out) {
  if (!line_.empty()) end_line(out);
  dispatch(out);
}

void SseSplitter::end_line(std::vector<SseEvent>& out) {
  std::string_view line = line_;
  if (first_line_ && line.substr(0, 3) == "\xEF\xBB\xBF") line.remove_prefix(3);
  first_line_ = false;
  if (line.empty()) {
    dispatch(out);
  } else {
    take_field(line);
  }
  line_.clear();
}

void SseSplitter::take_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (name == "event") {
    event_.type = value;
  } else if (name == "data" || name == "error") {
    if (name == "error") event_.type = name;
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  }
}

void SseSplitter::dispatch(std::vector<SseEvent>& out) {
  if (has_data_) out.push_back(std::move(event_));
  event_ = {};
  has_data_ = false;
}

}  // namespace nw::wire
