// The verdict for a tired person: the answer first, then what it rests on, then what it assumes. Every figure comes
// with its interval or with the reason for having none.
#include "words.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace nw::report {
namespace {

using model::State;

std::string quoted(const Report& report, std::size_t backend) {
  return fmt::format("\"{}\"", report.backends[backend].name);
}

std::string list_of(const Report& report, const std::vector<std::size_t>& backends) {
  std::string text;
  for (std::size_t i = 0; i < backends.size(); ++i) {
    text += i == 0 ? "" : i + 1 == backends.size() ? " and " : ", ";
    text += quoted(report, backends[i]);
  }
  return text;
}

// A capacity is an estimate: 1,684,599 would promise too much.
double three_digits(double value) {
  const double unit = std::pow(10, std::floor(std::log10(std::max(value, 1.0))) - 2);
  return unit < 1 ? value : std::round(value / unit) * unit;
}

std::string hours(const stats::Mean& mean) { return with_interval(mean, decimals_for(mean.mean)); }

// What every backend costs at a load: "A" 0.35 [0.33, 0.37], "B" 24.1 [24.0, 24.2].
std::string costs(const Report& report, const LoadVerdict& load) {
  std::string text;
  for (const AmortisedRow& row : load.amortised) {
    text += text.empty() ? "" : "; ";
    text += quoted(report, row.backend) + ": ";
    text += row.core_h_per_day ? hours(*row.core_h_per_day) : row.core_h_per_day.reason;
    if (row.core_h_per_day && report.backends[row.backend].compute != "cpu") text += " (its CPU part only)";
  }
  return text;
}

// Whether all tests of the two were within noise of each other; nullopt when a test has no interval.
std::optional<bool> speeds_alike(const Report& report, std::size_t a, std::size_t b) {
  bool any = false;
  for (const RatioRow& row : report.verdict.ratios) {
    if (row.a != std::min(a, b) || row.b != std::max(a, b)) continue;
    const auto beyond = row.beyond_noise;
    if (!beyond) return std::nullopt;
    if (*beyond) return false;
    any = true;
  }
  return any ? std::optional(true) : std::nullopt;
}

const IdleDifferenceRow* idle_difference(const Report& report, std::size_t a, std::size_t b) {
  for (const IdleDifferenceRow& row : report.verdict.idle_differences) {
    if (row.a == std::min(a, b) && row.b == std::max(a, b)) return &row;
  }
  return nullptr;
}

// "pp512 1.52 times, tg128 1.10 times": the tests in which `other` is faster than `chosen` beyond noise.
std::string faster_in(const Report& report, std::size_t other, std::size_t chosen) {
  std::string text;
  for (const RatioRow& row : report.verdict.ratios) {
    if (row.a != std::min(other, chosen) || row.b != std::max(other, chosen) || !row.ratio) continue;
    const double ratio = row.a == other ? row.ratio->ratio : 1 / row.ratio->ratio;
    if (ratio <= 1 || !row.beyond_noise.value_or(false)) continue;
    text += fmt::format("{}{} {:.2f} times", text.empty() ? "" : ", ", to_string(row.test), ratio);
  }
  return text;
}

// Beside the chosen one: who is as fast but burns more while idle, and who is faster but costs more.
std::string what_decides(const Report& report, const LoadVerdict& load) {
  std::string text;
  for (const std::size_t other : load.compared) {
    if (other == *load.backend || !load.amortised[other].core_h_per_day) continue;
    if (const auto tests = faster_in(report, other, *load.backend); !tests.empty()) {
      text += fmt::format(" {} is faster ({}) but costs more.", quoted(report, other), tests);
    }
    const auto* row = idle_difference(report, *load.backend, other);
    if (!row || !row->cores || !row->beyond_noise.value_or(false)) continue;
    const double more = row->a == other ? row->cores->difference : -row->cores->difference;
    if (more <= 0 || !speeds_alike(report, *load.backend, other).value_or(false)) continue;
    text += fmt::format(
        " Its speed cannot be told apart from that of {}: the {} cores more that the latter burns while "
        "idle are what decides.",
        quoted(report, other), short_number(more));
  }
  return text;
}

std::size_t repeats_of_bills(const Report& report, const std::vector<std::size_t>& backends) {
  std::size_t least = 0;
  for (const std::size_t i : backends) {
    const std::size_t n = report.backends[i].bill.lines().size();
    least = least == 0 ? n : std::min(least, n);
  }
  return least;
}

std::string answer_at(const Report& report, const LoadVerdict& load) {
  const std::string at = fmt::format("at {} output tokens a day", grouped(load.tokens_per_day));
  switch (load.answer) {
    case Answer::run: {
      const std::string why = load.reason.empty() ? "it costs less than the others, beyond noise" : load.reason;
      return fmt::format("Run {} {}: {}.", quoted(report, *load.backend), at, why) + what_decides(report, load);
    }
    case Answer::tie:
      return fmt::format(
          "A tie {}: what {} cost cannot be told apart by {} repeats; more of them narrow the intervals.", at,
          list_of(report, load.candidates), repeats_of_bills(report, load.candidates));
    default:
      return fmt::format("The answer {} is not known: {}.", at, load.reason);
  }
}

void add_status(const Report& report, std::vector<std::string>& out) {
  if (!report.complete) {
    out.push_back(fmt::format("INCOMPLETE RUN: {} of {} restarts are done ({}). What follows rests on these alone.",
                              report.restarts_done, report.restarts_planned,
                              report.stop_reason.empty() ? "it has not ended" : report.stop_reason));
  } else if (report.stop_reason == "target") {
    out.push_back(fmt::format("The run reached its target after {} restarts and stopped.", report.restarts_done));
  }
  if (report.model.synthetic) {
    out.push_back(
        "SYNTHETIC MODEL: its weights are random. All figures below are synthetic: speed and memory follow "
        "the real shape, energy less surely.");
  }
}

void add_answer(const Report& report, std::vector<std::string>& out) {
  out.push_back(answer_sentence(report));
  const LoadVerdict& headline = report.verdict.headline;
  const bool any = std::any_of(headline.amortised.begin(), headline.amortised.end(),
                               [](const auto& row) { return row.core_h_per_day.value.has_value(); });
  if (any) {
    out.push_back(fmt::format("Core-hours a day with 95 % intervals: {}.", costs(report, headline)));
  }
  for (const AmortisedRow& row : headline.amortised) {
    if (!row.assumed_kwh_per_day || !row.assumed_j_per_token) continue;
    const auto& kwh = *row.assumed_kwh_per_day;
    const auto& joules = *row.assumed_j_per_token;
    out.push_back(fmt::format("- assumed, grade D, decides nothing: {} {} kWh a day, {} J per output token",
                              quoted(report, row.backend), with_interval(kwh, 4),
                              with_interval(joules, decimals_for(joules.mean))));
  }
}

void add_busy(const Report& report, std::vector<std::string>& out) {
  out.push_back("Busy, tokens per second:");
  for (std::size_t i = 0; i < report.backends.size(); ++i) {
    std::string text;
    for (const ThroughputRow& row : report.backends[i].throughput) {
      const auto& rate = row.tokens_per_s;
      text += fmt::format("{}{} {}", text.empty() ? "" : "; ", to_string(row.test),
                          rate ? with_interval(*rate, rate_decimals(rate->mean)) : rate.reason);
    }
    const double capacity = report.verdict.headline.amortised[i].capacity;
    if (capacity > 0) text += fmt::format("; at most about {} output tokens a day", grouped(three_digits(capacity)));
    out.push_back(fmt::format("- {}: {}", quoted(report, i), text.empty() ? "no throughput round" : text));
  }
  for (const RatioRow& row : report.verdict.ratios) {
    if (!row.ratio) continue;
    const auto beyond = row.beyond_noise;
    const std::string interval = row.ratio->ci95 ? interval_text(*row.ratio->ci95, 3) : "(one repeat)";
    out.push_back(fmt::format("- {}: {} is {:.3f} {} times as fast as {}, {}", to_string(row.test),
                              quoted(report, row.a), row.ratio->ratio, interval, quoted(report, row.b),
                              !beyond   ? "no interval"
                              : *beyond ? "beyond noise"
                              : row.ratio->beyond_noise().value_or(false)
                                  ? "within noise when all pairs are judged together"
                                  : "within noise"));
  }
}

void add_idle(const Report& report, std::vector<std::string>& out) {
  out.push_back("Loaded and idle (at least one request served), cores burnt:");
  for (std::size_t i = 0; i < report.backends.size(); ++i) {
    const IdleRow& row = report.backends[i].idle_row(State::loaded_idle);
    std::string text = row.cores ? with_interval(*row.cores, 3) : row.cores.reason;
    if (row.wakeups_per_s) text += fmt::format(", {} wake-ups/s", short_number(row.wakeups_per_s->mean));
    out.push_back(fmt::format("- {}: {}", quoted(report, i), text));
  }
  if (report.baseline_cores) {
    out.push_back(fmt::format("- the machine without any of them: {}", with_interval(*report.baseline_cores, 3)));
  }
  for (const IdleDifferenceRow& row : report.verdict.idle_differences) {
    if (!row.cores) continue;
    const auto beyond = row.beyond_noise;
    if (beyond && !*beyond) {
      out.push_back(fmt::format("- {} and {} cannot be told apart (difference {:.3f} {} cores)", quoted(report, row.a),
                                quoted(report, row.b), std::abs(row.cores->difference),
                                interval_text(*row.cores->ci95, 3)));
      continue;
    }
    const bool more = row.cores->difference >= 0;
    const std::string verb = more ? "burns more than" : "burns less than";
    std::string interval = "(one repeat)";
    if (row.cores->ci95) {
      const auto& ci = *row.cores->ci95;
      interval = interval_text(more ? ci : stats::Interval{-ci.hi, -ci.lo}, 3);
    }
    out.push_back(fmt::format("- {} {} {} by {:.3f} {} cores, {}", quoted(report, row.a), verb, quoted(report, row.b),
                              std::abs(row.cores->difference), interval, beyond ? "beyond noise" : "no interval"));
  }
}

void add_loads(const Report& report, std::vector<std::string>& out) {
  const Verdict& verdict = report.verdict;
  if (!verdict.options.tokens_per_day && !verdict.options.duty && !verdict.loads.empty()) {
    out.push_back("At other loads (output tokens a day; core-hours a day):");
    for (const LoadVerdict& load : verdict.loads) {
      const std::string answer = load.answer == Answer::run   ? "run " + quoted(report, *load.backend)
                                 : load.answer == Answer::tie ? "tie of " + list_of(report, load.candidates)
                                                              : "not known";
      out.push_back(fmt::format("- {}: {} ({})", grouped(load.tokens_per_day), answer, costs(report, load)));
    }
  }
}

void add_crossovers(const Report& report, std::vector<std::string>& out) {
  if (report.verdict.crossovers.empty()) return;
  out.push_back("Where two cost the same:");
  for (const CrossoverRow& row : report.verdict.crossovers) {
    const auto& at = row.crossover.tokens_per_day;
    const std::string pair = fmt::format("{} and {}", quoted(report, row.a), quoted(report, row.b));
    if (!at) {
      out.push_back(fmt::format("- {}: {}", pair, row.reason));
      continue;
    }
    const auto rounded = [](double tokens) { return grouped(three_digits(tokens)); };
    const auto& ci = row.crossover.ci95;
    const std::string interval = ci ? fmt::format(" [{}, {}]", rounded(ci->lo), rounded(ci->hi)) : "";
    out.push_back(fmt::format("- {}: at {} output tokens a day{}", pair, rounded(*at), interval));
  }
}

}  // namespace

int decimals_for(double value, int most) {
  const double size = std::abs(value);
  const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
  return std::min(decimals, most);
}

int rate_decimals(double tokens_per_s) { return tokens_per_s >= 999.95 ? 0 : tokens_per_s >= 99.995 ? 1 : 2; }

std::string short_number(double value) { return fmt::format("{:.{}f}", value, decimals_for(value)); }

std::string grouped(double value) {
  std::string digits = fmt::format("{:.0f}", std::abs(value));
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return value <= -0.5 ? "-" + digits : digits;
}

std::string fixed(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", value, decimals);
  const bool zero = text.find_first_of("123456789") == std::string::npos;
  return zero && text[0] == '-' ? text.substr(1) : text;
}

std::string interval_text(const stats::Interval& interval, int decimals) {
  return fmt::format("[{}, {}]", fixed(interval.lo, decimals), fixed(interval.hi, decimals));
}

std::string with_interval(const stats::Mean& mean, int decimals) {
  std::string text = fixed(mean.mean, decimals) + " ";
  text += mean.ci95 ? interval_text(*mean.ci95, decimals) : "(one repeat)";
  return mean.approximate ? text + "~" : text;
}

std::string answer_sentence(const Report& report) {
  const Verdict& verdict = report.verdict;
  std::string text = answer_at(report, verdict.headline);
  if (!verdict.options.tokens_per_day && !verdict.options.duty) {
    text += fmt::format(" ({} a day is an assumption: say --tokens-per-day.)", grouped(kDefaultTokensPerDay));
  }
  if (verdict.among_cpu && verdict.among_cpu->answer != Answer::unknown) {
    text += " Among those that compute on the CPU: " + answer_at(report, *verdict.among_cpu);
  }
  return text;
}

std::vector<std::string> verdict_paragraphs(const Report& report) {
  std::vector<std::string> out;
  add_status(report, out);
  add_answer(report, out);
  add_busy(report, out);
  add_idle(report, out);
  add_loads(report, out);
  add_crossovers(report, out);
  out.push_back("It assumes:");
  for (const Assumption& assumption : report.verdict.assumptions) {
    out.push_back(fmt::format("- {} ({})", assumption.text, assumption.grade == "D" ? "grade D" : assumption.grade));
  }
  const bool approximate = std::any_of(report.backends.begin(), report.backends.end(),
                                       [](const BackendReport& b) { return b.not_restarted; });
  if (approximate) out.push_back("~ marks an interval that is approximate.");
  out.push_back(
      "No power meter was used: watts are not known. A meter would say what an idle core, a GPU and memory "
      "draw, and would decide between backends that compute in different places.");
  return out;
}

}  // namespace nw::report
