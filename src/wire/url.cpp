#include "wire/url.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace nw::wire {
namespace {

// The address without user info, for a sentence. What cannot be taken apart is not repeated at all.
std::string shown(std::string_view text) {
  const std::size_t at = text.rfind('@');
  return printable(at == std::string_view::npos ? text : text.substr(at + 1));
}

Error bad_url(std::string_view text, std::string_view why) {
  return usage_error(fmt::format("'{}' is not the address of a server: {}", shown(text), why),
                     "write it like http://127.0.0.1:8080");
}

Result<std::uint16_t> parse_port(std::string_view whole, std::string_view digits) {
  const auto port = parse_int(digits);
  if (!port || *port < 1 || *port > 65535 || digits.front() == '+') {
    return bad_url(whole, "its port is not a number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(*port);
}

// "host", "host:port", "[v6]", "[v6]:port" into `url`.
Status parse_authority(std::string_view whole, std::string_view authority, Url& url) {
  std::size_t host_end = std::string_view::npos;
  if (!authority.empty() && authority.front() == '[') {
    host_end = authority.find(']');
    if (host_end == std::string_view::npos) return bad_url(whole, "the bracket of its IPv6 address is not closed");
    url.host = authority.substr(1, host_end - 1);
    ++host_end;
    if (host_end < authority.size() && authority[host_end] != ':') return bad_url(whole, "a port starts with ':'");
  } else {
    host_end = authority.find(':');
    if (host_end != authority.rfind(':')) return bad_url(whole, "an IPv6 address stands in brackets");
    url.host = authority.substr(0, host_end);
  }
  const bool odd = std::any_of(url.host.begin(), url.host.end(), [](unsigned char c) {
    return std::isalnum(c) == 0 && c != '.' && c != '-' && c != '_' && c != ':' && c != '%' && c < 0x80;
  });
  if (url.host.empty() || odd) return bad_url(whole, "its host name is not one");
  if (host_end >= authority.size()) return {};
  NW_TRY(url.port, parse_port(whole, authority.substr(host_end + 1)));
  return {};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = trim(text);
  const auto is_control = [](unsigned char c) { return c <= 0x20 || c == 0x7F; };
  if (std::any_of(rest.begin(), rest.end(), is_control)) return bad_url(rest, "it contains a blank");
  const std::size_t scheme_end = rest.find("://");
  url.scheme = scheme_end == std::string_view::npos ? "http" : std::string(rest.substr(0, scheme_end));
  std::transform(url.scheme.begin(), url.scheme.end(), url.scheme.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (url.scheme != "http" && url.scheme != "https")
    return bad_url(text, "it starts with neither http:// nor https://");
  if (scheme_end != std::string_view::npos) rest.remove_prefix(scheme_end + 3);
  if (rest.find_first_of("?#") != std::string_view::npos)
    return bad_url(rest.substr(0, rest.find_first_of("?#")), "a base address has no '?' and no '#'");
  const std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) url.path = rest.substr(slash);
  while (!url.path.empty() && url.path.back() == '/') url.path.pop_back();
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  url.port = url.secure() ? 443 : 80;
  NW_CHECK(parse_authority(text, authority, url));
  return url;
}

std::string host_port(std::string_view host, std::uint16_t port) {
  return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                  : fmt::format("[{}]:{}", host, port);
}

}  // namespace nw::wire
