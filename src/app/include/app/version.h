// Which build this is; stored with every run.
#pragma once

#include <string_view>

namespace nw::app {

struct Version {
  std::string_view version;   // "0.1.0"
  std::string_view commit;    // of the source, "unknown" outside a clone
  std::string_view compiler;  // "GNU 12.2.0"
};
[[nodiscard]] Version version();

}  // namespace nw::app
