// Errors as values. A function that can fail returns Result<T>; discarding one is a compiler warning, which neither
// std::expected nor tl::expected gives. Exceptions of third-party libraries end inside the room that uses the library.
#pragma once

#include <fmt/core.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace nw {

// What a caller can do about it. The command line maps the kind to its exit status (see cli/exit_status.h).
enum class ErrorKind {
  usage,        // the user asked for something wrong: a flag, a campaign; exit 2
  lacking,      // this machine lacks something that was named: a port, a command, a model, a permission; exit 3
  failed,       // it was tried and did not work: a server died, the disk is full; exit 1
  timeout,      // it did not happen in time; exit 1
  interrupted,  // the user stopped it; exit 130
};

// One sentence for a person, without a full stop at the end, and the next step as a second one. Both are shown as
// "nightwatt: MESSAGE\nhint: HINT". The message must not be empty.
struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::failed;
  std::string message;
  std::string hint;

  // The same error seen from further up: "cannot read the campaign: no such file".
  Error within(std::string_view context) && {
    message = fmt::format("{}: {}", context, message);
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  // NOLINTNEXTLINE(google-explicit-constructor): so that `return Error{...}` reads as what it is.
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
};

using Status = Result<void>;

inline Error usage_error(std::string message, std::string hint = {}) {
  return {ErrorKind::usage, std::move(message), std::move(hint)};
}
inline Error lacking_error(std::string message, std::string hint = {}) {
  return {ErrorKind::lacking, std::move(message), std::move(hint)};
}
inline Error failed_error(std::string message, std::string hint = {}) {
  return {ErrorKind::failed, std::move(message), std::move(hint)};
}
inline Error timeout_error(std::string message, std::string hint = {}) {
  return {ErrorKind::timeout, std::move(message), std::move(hint)};
}
inline Error interrupted_error() { return {ErrorKind::interrupted, "interrupted", {}}; }

}  // namespace nw

// NW_TRY(auto x, f()): x is f's value, or the enclosing function returns f's error. NW_CHECK(f()) for a Status.
#define NW_CONCAT_(a, b) a##b
#define NW_CONCAT(a, b) NW_CONCAT_(a, b)
#define NW_TRY_(tmp, decl, expr)           \
  auto tmp = (expr);                       \
  if (!tmp) return std::move(tmp).error(); \
  decl = std::move(*tmp)
#define NW_TRY(decl, expr) NW_TRY_(NW_CONCAT(nw_try_, __LINE__), decl, expr)
#define NW_CHECK_(tmp, expr)                                    \
  do {                                                          \
    if (auto tmp = (expr); !tmp) return std::move(tmp).error(); \
  } while (false)
#define NW_CHECK(expr) NW_CHECK_(NW_CONCAT(nw_status_, __COUNTER__), expr)
