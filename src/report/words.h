// Private to the room: figures and answers as words. Nothing here is wrapped or made printable yet.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace nw::report {

// "0.0123", "1.23", "12.3", "1234": three significant digits and no fewer than the whole part.
[[nodiscard]] std::string short_number(double value);
// "10,000".
[[nodiscard]] std::string grouped(double value);
// "12.3 [12.1, 12.5]"; "12.3 (one repeat)"; with a "~" behind the interval when it is approximate.
[[nodiscard]] std::string with_interval(const stats::Mean& mean, int decimals);
// With so many decimals, and no minus before a zero.
[[nodiscard]] std::string fixed(double value, int decimals);
[[nodiscard]] std::string interval_text(const stats::Interval& interval, int decimals);
// Decimals of a rate in tokens/s, as llama-bench prints it where there is room: 2 below 100, 1 below 1000, else 0.
[[nodiscard]] int rate_decimals(double tokens_per_s);
// Decimals that show three significant digits of `value`, at most `most`.
[[nodiscard]] int decimals_for(double value, int most = 3);

// The answer in one to three sentences.
[[nodiscard]] std::string answer_sentence(const Report& report);
// The whole verdict, one paragraph or list item a string; an item begins with "- ".
[[nodiscard]] std::vector<std::string> verdict_paragraphs(const Report& report);

}  // namespace nw::report
