#include "wire/ndjson.h"

#include <fmt/core.h>

namespace nw::wire {

Status LineSplitter::feed(std::string_view bytes, std::vector<std::string>& out) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + part.size() > max_line_bytes_) {
      return failed_error(fmt::format("a line of the stream is longer than {} bytes", max_line_bytes_));
    }
    line_ += part;
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    finish(out);
  }
  return {};
}

void LineSplitter::finish(std::vector<std::string>& out) {
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  if (!line_.empty()) out.push_back(std::move(line_));
  line_.clear();
}

}  // namespace nw::wire
