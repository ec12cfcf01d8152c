#include "wire/json.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <cmath>

namespace nw::wire {
namespace {

namespace json = boost::json;

const json::value* as_value(const void* pointer) { return static_cast<const json::value*>(pointer); }

}  // namespace

JsonRef JsonRef::operator[](std::string_view key) const {
  const json::object* object = is_object() ? as_value(value_)->if_object() : nullptr;
  return JsonRef(object == nullptr ? nullptr : object->if_contains(json::string_view(key.data(), key.size())));
}

JsonRef JsonRef::at(std::size_t index) const {
  return index < size() ? JsonRef(&as_value(value_)->get_array()[index]) : JsonRef();
}

std::size_t JsonRef::size() const { return is_array() ? as_value(value_)->get_array().size() : 0; }
bool JsonRef::is_object() const { return value_ != nullptr && as_value(value_)->is_object(); }
bool JsonRef::is_array() const { return value_ != nullptr && as_value(value_)->is_array(); }
bool JsonRef::is_null() const { return value_ != nullptr && as_value(value_)->is_null(); }

std::optional<std::string_view> JsonRef::text() const {
  if (value_ == nullptr || !as_value(value_)->is_string()) return std::nullopt;
  const json::string& string = as_value(value_)->get_string();
  return std::string_view(string.data(), string.size());
}

std::optional<std::int64_t> JsonRef::integer() const {
  if (value_ == nullptr) return std::nullopt;
  if (const std::int64_t* whole = as_value(value_)->if_int64()) return *whole;
  const double* real = as_value(value_)->if_double();
  if (real == nullptr || std::abs(*real) > 9e15 || std::trunc(*real) != *real) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

std::optional<double> JsonRef::number() const {
  if (value_ == nullptr || !as_value(value_)->is_number()) return std::nullopt;
  json::error_code error;
  const auto value = as_value(value_)->to_number<double>(error);
  return error || !std::isfinite(value) ? std::nullopt : std::optional(value);
}

std::optional<bool> JsonRef::boolean() const {
  if (value_ == nullptr || !as_value(value_)->is_bool()) return std::nullopt;
  return as_value(value_)->get_bool();
}

Result<JsonDocument> JsonDocument::parse(std::string_view text) {
  json::error_code error;
  json::stream_parser parser;
  std::size_t used = 0;
  try {
    used = parser.write_some(text.data(), text.size(), error);
    if (!error && used < text.size()) {
      const std::string_view rest = text.substr(used);
      if (rest.find_first_not_of(" \t\r\n") != std::string_view::npos) error = json::error::extra_data;
    }
    if (!error && !parser.done()) error = json::error::incomplete;
    if (!error) {
      JsonDocument document;
      document.value_ = std::make_shared<const json::value>(parser.release());
      return document;
    }
  } catch (const std::exception& exception) {  // the library's way to say that memory is short
    return failed_error(fmt::format("a JSON text of {} bytes could not be read: {}", text.size(), exception.what()));
  }
  return failed_error(fmt::format("not JSON at byte {} of {}: {}", used, text.size(), error.message()));
}

JsonRef JsonDocument::root() const { return JsonRef(value_.get()); }

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  out.reserve(text.size() + 2);
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
          out += c;
        }
    }
  }
  return out += '"';
}

}  // namespace nw::wire
