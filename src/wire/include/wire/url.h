// Addresses of servers, as a person writes them: "http://127.0.0.1:8080", "localhost:11434", "http://[::1]:8000/api".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace nw::wire {

struct Url {
  std::string scheme;      // "http" or "https", lower case
  std::string host;        // without the brackets of an IPv6 address
  std::uint16_t port = 0;  // 80 or 443 when the text has none
  std::string path;        // "/api/v1" or "", never with a slash at its end
  std::string user_info;   // "user:password" as written, usually empty: a secret, never to be shown
  [[nodiscard]] bool secure() const { return scheme == "https"; }
};

// Pure. A text without a scheme is taken as http. Query and fragment are refused: an API's base address has none. The
// error (usage) never repeats user info.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

// "127.0.0.1:8080", "[::1]:8080": for sentences and for the Host header.
[[nodiscard]] std::string host_port(std::string_view host, std::uint16_t port);

}  // namespace nw::wire
