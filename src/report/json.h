// Private to the room: JSON values of the pieces that more than one file writes.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "report/report.h"

namespace nw::report {

// Text from outside as valid UTF-8; control characters stay (JSON escapes them), invalid bytes become U+FFFD.
[[nodiscard]] boost::json::string json_text(std::string_view text);
// null for what is not finite, which no figure of a report is.
[[nodiscard]] boost::json::value json_number(double value);
[[nodiscard]] boost::json::value json_interval(const stats::Interval& interval);
[[nodiscard]] boost::json::object json_mean(const stats::Mean& mean);

// key: null and key_reason: why.
void put_null(boost::json::object& object, std::string_view key, std::string_view reason);
void put(boost::json::object& object, std::string_view key, const Figure& figure);
// ci95, and n below two as the reason for having none.
void put_interval(boost::json::object& object, const std::optional<stats::Interval>& interval,
                  std::string_view reason = "one repeat");

[[nodiscard]] boost::json::object json_verdict(const Report& report);

// Indented by two spaces, doubles with nine significant digits: what is further behind is rounding of the compiler.
[[nodiscard]] std::string pretty(const boost::json::value& value);

}  // namespace nw::report
