// Lines of JSON, one object each, as Ollama streams them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nw::wire {

// Bytes in, lines out, split anywhere. Empty lines are dropped, a CR before the LF too. Memory: at most
// `max_line_bytes` plus the bytes of one call. One thread.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t max_line_bytes = 16U << 20) : max_line_bytes_(max_line_bytes) {}

  // Appends the lines that these bytes complete. An error when one line is longer than the bound; the splitter cannot
  // be used after it.
  Status feed(std::string_view bytes, std::vector<std::string>& out);
  // The stream ended: what is left without a line feed is a line as well.
  void finish(std::vector<std::string>& out);

 private:
  std::size_t max_line_bytes_;
  std::string line_;
};

}  // namespace nw::wire
