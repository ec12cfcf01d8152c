// `nightwatt nullserver`: the null backend by itself, for trying clients and campaigns.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "load/null_backend.h"

namespace nw::app {

struct NullServerOptions {
  std::string host = "127.0.0.1";
  std::int32_t port = 0;  // 0: a free one
  load::NullOptions backend;
};

// Serves until `stop_fd` becomes readable. `listening` is called with the port once it is bound. Raises this process's
// limit of open files as far as it may.
Status serve_null(const NullServerOptions& options, const Clock& clock, int stop_fd,
                  const std::function<void(std::uint16_t)>& listening);

}  // namespace nw::app
