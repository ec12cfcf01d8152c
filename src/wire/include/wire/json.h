// JSON text, read without exceptions and without showing which library parses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace nw::wire {

// A value inside a JsonDocument, or nothing: reading what is not there gives nothing again, so a path is read in one
// expression and checked once at its end. Valid as long as the document.
class JsonRef {
 public:
  JsonRef() = default;
  explicit JsonRef(const void* value) : value_(value) {}

  [[nodiscard]] JsonRef operator[](std::string_view key) const;    // of an object
  [[nodiscard]] JsonRef at(std::size_t index) const;               // of an array
  [[nodiscard]] std::size_t size() const;                          // of an array; 0 for everything else
  [[nodiscard]] bool exists() const { return value_ != nullptr; }  // null exists
  [[nodiscard]] bool is_object() const;
  [[nodiscard]] bool is_array() const;
  [[nodiscard]] bool is_null() const;
  [[nodiscard]] std::optional<std::string_view> text() const;
  [[nodiscard]] std::optional<std::int64_t> integer() const;  // 5 and 5.0, not 5.5
  [[nodiscard]] std::optional<double> number() const;
  [[nodiscard]] std::optional<bool> boolean() const;

 private:
  const void* value_ = nullptr;
};

class JsonDocument {
 public:
  // An error (failed) says at which byte the text stops being JSON. Nesting of more than 32 levels is an error.
  static Result<JsonDocument> parse(std::string_view text);
  [[nodiscard]] JsonRef root() const;

 private:
  std::shared_ptr<const void> value_;
};

// `text` in quotes, with everything escaped that JSON wants escaped. Bytes above 0x7F pass as they are.
[[nodiscard]] std::string json_quote(std::string_view text);

}  // namespace nw::wire
