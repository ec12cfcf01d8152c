// Server-sent events (WHATWG HTML, "Server-sent events", section 9.2.6), decoded without I/O.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nw::wire {

struct SseEvent {
  std::string type;  // of the "event:" line; empty when there was none
  std::string data;  // the "data:" lines, joined by '\n'
};

// Bytes in, events out, split anywhere. Accepts LF, CRLF and CR, a byte order mark, comments (servers send them as
// pings) and events of several lines. Fields "id" and "retry" are ignored: nothing here reconnects. Deviation: a field
// "error" becomes an event of type "error", because llama-server wrote its errors that way until 2025.
// Memory: at most `max_event_bytes` plus the bytes of one call. Cost: one pass over the bytes. One thread.
class SseSplitter {
 public:
  explicit SseSplitter(std::size_t max_event_bytes = 16U << 20) : max_event_bytes_(max_event_bytes) {}

  // Appends the events that these bytes complete. An error when one event is larger than the bound; the splitter
  // cannot be used after it.
  Status feed(std::string_view bytes, std::vector<SseEvent>& out);
  // The stream ended: a last event without the blank line behind it is taken all the same, as long as it had data.
  void finish(std::vector<SseEvent>& out);

 private:
  void end_line(std::vector<SseEvent>& out);
  void take_field(std::string_view line);
  void dispatch(std::vector<SseEvent>& out);

  std::size_t max_event_bytes_;
  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool skip_lf_ = false;    // the last byte was CR: an LF now belongs to it
  bool first_line_ = true;  // only there a byte order mark may stand
};

}  // namespace nw::wire
