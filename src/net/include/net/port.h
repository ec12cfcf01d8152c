// TCP ports of this machine, on 127.0.0.1.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace nw::net {

// A port that nothing listens on now. Nothing reserves it: another program may take it before the caller uses it.
[[nodiscard]] Result<std::uint16_t> free_port();

// Whether a program listens on this port, on 127.0.0.1 or on all addresses. Must be asked before a server is started:
// llama-server sets SO_REUSEPORT, so a second one starts without an error and the two share the requests.
[[nodiscard]] Result<bool> port_in_use(std::uint16_t port);

}  // namespace nw::net
