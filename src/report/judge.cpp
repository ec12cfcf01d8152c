// The verdict: at a number of output tokens a day, which backend costs least beyond noise.
//
// Without a power meter the bill is in core-hours. They are comparable between backends that compute on the CPU and
// mean little for one that computes elsewhere, so one such backend makes the answer `unknown`, and what holds among
// the others is given beside it. An assumed number of watts per core (grade D) is multiplied in at the end and decides
// nothing: it is the same factor for all.
//
// `run` needs every difference to the cheapest beyond noise; `tie` says that at least one is not. Differences are
// judged together (Holm), so that more backends do not make a false `run` likelier.
#include "judge.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "base/units.h"
#include "figures.h"
#include "stats/multiple.h"
#include "words.h"

namespace nw::report {
namespace {

using model::State;
using Indices = std::vector<std::size_t>;

constexpr double kLoads[] = {1e3, 1e4, 1e5, 1e6};

bool on_cpu(const BackendReport& backend) { return backend.compute == "cpu"; }

Indices billed(const Report& report) {
  Indices result;
  for (std::size_t i = 0; i < report.backends.size(); ++i) {
    if (!report.backends[i].bill.empty()) result.push_back(i);
  }
  return result;
}

stats::Mean scaled(stats::Mean mean, double factor) {
  mean.mean *= factor;
  if (mean.ci95) mean.ci95 = stats::Interval{mean.ci95->lo * factor, mean.ci95->hi * factor};
  if (mean.sd) mean.sd = *mean.sd * factor;
  return mean;
}

AmortisedRow amortised_row(const Report& report, std::size_t backend, double tokens, std::optional<double> watts) {
  const BackendReport& record = report.backends[backend];
  AmortisedRow row;
  row.backend = backend;
  row.core_h_per_day.reason = record.bill_reason;
  if (record.bill.empty()) return row;
  row.capacity = record.bill.capacity();
  row.serves = tokens <= row.capacity;
  if (!row.serves) {
    row.core_h_per_day.reason =
        fmt::format("cannot serve that many tokens a day: at most {}, one request at a time", grouped(row.capacity));
    return row;
  }
  row.core_h_per_day.value = record.bill.core_hours(tokens);
  row.core_h_per_day.value->approximate |= record.not_restarted;
  if (watts && on_cpu(record)) {
    row.assumed_kwh_per_day = scaled(*row.core_h_per_day.value, *watts / 1000);
    row.assumed_j_per_token = scaled(*row.core_h_per_day.value, *watts * kSecondsPerHour / tokens);
  }
  return row;
}

// Why nobody can be named among `compared`, or an empty string.
std::string why_unknown(const Report& report, const Indices& compared) {
  if (compared.empty()) return "no backend has a repeat in which everything was valid";
  if (compared.size() == 1) {
    return fmt::format("only \"{}\" has a bill, there is nothing to compare it with",
                       report.backends[compared[0]].name);
  }
  std::string others;
  for (const std::size_t i : compared) {
    const BackendReport& backend = report.backends[i];
    if (on_cpu(backend)) continue;
    const std::string where = backend.compute == "gpu" ? "on the GPU" : "nobody knows where";
    others += fmt::format("{}\"{}\" computes {}", others.empty() ? "" : ", ", backend.name, where);
  }
  if (others.empty()) return {};
  return fmt::format("{}: core-hours do not say what that costs, and there is no power meter", others);
}

// Fills answer, backend, candidates and reason from those that serve.
void decide(const Report& report, const Indices& serving, LoadVerdict& verdict) {
  const auto hours = [&](std::size_t i) { return report.backends[i].bill.core_hours(verdict.tokens_per_day)->mean; };
  const std::size_t best =
      *std::min_element(serving.begin(), serving.end(), [&](auto a, auto b) { return hours(a) < hours(b); });
  Indices others;
  std::vector<double> p;
  for (const std::size_t other : serving) {
    if (other == best) continue;
    const auto difference =
        cost::core_hours_difference(report.backends[best].bill, report.backends[other].bill, verdict.tokens_per_day);
    if (!difference || !difference->p) {
      verdict.reason = "one repeat only: without a second there is no interval";
      return;
    }
    others.push_back(other);
    p.push_back(*difference->p);
  }
  const auto beyond = stats::rejected_together(p);
  Indices alike = {best};
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (!beyond[i]) alike.push_back(others[i]);
  }
  if (alike.size() == 1) {
    verdict.answer = Answer::run;
    verdict.backend = best;
    return;
  }
  verdict.answer = Answer::tie;
  std::sort(alike.begin(), alike.end());
  verdict.candidates = alike;
}

LoadVerdict load_verdict(const Report& report, const Indices& compared, double tokens, std::optional<double> watts) {
  LoadVerdict verdict;
  verdict.tokens_per_day = tokens;
  verdict.compared = compared;
  for (std::size_t i = 0; i < report.backends.size(); ++i) {
    verdict.amortised.push_back(amortised_row(report, i, tokens, watts));
  }
  verdict.reason = why_unknown(report, compared);
  if (!verdict.reason.empty()) return verdict;
  Indices serving;
  for (const std::size_t i : compared) {
    if (verdict.amortised[i].serves) serving.push_back(i);
  }
  if (serving.empty()) {
    verdict.reason = "no backend serves that many tokens a day, one request at a time";
    return verdict;
  }
  decide(report, serving, verdict);
  if (serving.size() == 1) verdict.reason = "it is the only one that serves that many tokens a day";
  return verdict;
}

double slowest_capacity(const Report& report, const Indices& compared) {
  double least = 0;
  for (const std::size_t i : compared) {
    const double capacity = report.backends[i].bill.capacity();
    least = least == 0 ? capacity : std::min(least, capacity);
  }
  return least;
}

double headline_tokens(const Report& report, const Indices& compared, const VerdictOptions& options) {
  if (options.tokens_per_day) return *options.tokens_per_day;
  const double capacity = slowest_capacity(report, compared);
  return options.duty && capacity > 0 ? *options.duty * capacity : kDefaultTokensPerDay;
}

std::string no_crossover_reason(const Report& report, std::size_t a, std::size_t b, const cost::Crossover& crossover) {
  using Kind = cost::Crossover::Kind;
  const auto name = [&](std::size_t i) { return report.backends[i].name; };
  const auto always = [&](std::size_t i) {
    return fmt::format("\"{}\" costs less at every load that both can serve", name(i));
  };
  switch (crossover.kind) {
    case Kind::unknown:
      return "not known: it takes two repeats of both in which everything was valid";
    case Kind::crosses:
      return {};
    case Kind::unbounded:
      return "not known: the cost of a token does not differ beyond noise, so the interval has no end";
    case Kind::a_at_every_load:
      return always(a);
    case Kind::b_at_every_load:
      return always(b);
    case Kind::not_distinguishable:
      return "the two cannot be told apart at any load";
    case Kind::not_seen: {
      const bool low = crossover.at_zero != 0;
      const std::size_t cheaper = (low ? crossover.at_zero : crossover.at_most) < 0 ? a : b;
      return fmt::format("\"{}\" costs less at {} load, at {} load the two cannot be told apart", name(cheaper),
                         low ? "low" : "full", low ? "full" : "low");
    }
  }
  return {};
}

// Sets beyond_noise of the rows whose p-value is known, as one family.
template <class Row, class P>
void judge_together(const std::vector<Row*>& rows, P p_of) {
  std::vector<Row*> known;
  std::vector<double> p;
  for (Row* row : rows) {
    if (const auto value = p_of(*row)) known.push_back(row), p.push_back(*value);
  }
  const auto beyond = stats::rejected_together(p);
  for (std::size_t i = 0; i < known.size(); ++i) known[i]->beyond_noise = beyond[i];
}

std::vector<CrossoverRow> crossover_rows(const Report& report) {
  std::vector<CrossoverRow> rows;
  for (std::size_t a = 0; a < report.backends.size(); ++a) {
    for (std::size_t b = a + 1; b < report.backends.size(); ++b) {
      CrossoverRow row = {a, b, {}, {}};
      const bool measured = !report.backends[a].bill.empty() && !report.backends[b].bill.empty();
      if (measured && (!on_cpu(report.backends[a]) || !on_cpu(report.backends[b]))) {
        row.reason = "not known: core-hours compare only backends that compute on the CPU, and there is no power meter";
      } else {
        row.crossover = cost::crossover_of(report.backends[a].bill, report.backends[b].bill);
        if (!row.crossover.ci95) row.reason = no_crossover_reason(report, a, b, row.crossover);
      }
      rows.push_back(row);
    }
  }
  return rows;
}

std::vector<IdleDifferenceRow> idle_rows(const Report& report) {
  std::vector<IdleDifferenceRow> rows;
  for (std::size_t a = 0; a < report.backends.size(); ++a) {
    for (std::size_t b = a + 1; b < report.backends.size(); ++b) {
      const auto& left = report.backends[a].idle_row(State::loaded_idle);
      const auto& right = report.backends[b].idle_row(State::loaded_idle);
      IdleDifferenceRow row = {a, b, {stats::difference_of(left.repeats, right.repeats), {}}, {}};
      if (!row.cores) row.cores.reason = "no valid loaded_idle window of both";
      // The counters' resolution can hide as much on either side.
      const double hidden = left.resolution_cores + right.resolution_cores;
      if (row.cores && row.cores->ci95) row.cores.value->ci95->lo -= hidden, row.cores.value->ci95->hi += hidden;
      rows.push_back(row);
    }
  }
  std::vector<IdleDifferenceRow*> family;
  for (IdleDifferenceRow& row : rows) family.push_back(&row);
  judge_together(family, [](const IdleDifferenceRow& row) { return row.cores ? row.cores->p : std::nullopt; });
  for (IdleDifferenceRow& row : rows) {
    // What the counters may hide belongs to no test.
    if (row.beyond_noise) row.beyond_noise = *row.beyond_noise && row.cores->beyond_noise().value_or(false);
  }
  return rows;
}

void add_workload_assumption(const Verdict& verdict, std::vector<Assumption>& list) {
  const double tokens = verdict.headline.tokens_per_day;
  if (verdict.options.tokens_per_day) {
    list.push_back({fmt::format("{} output tokens a day", grouped(tokens)), "given"});
  } else if (verdict.options.duty) {
    list.push_back({fmt::format("the slowest backend is busy {:.3g} % of the day, which makes {} output tokens",
                                *verdict.options.duty * 100, grouped(tokens)),
                    "given"});
  } else {
    list.push_back(
        {fmt::format("{} output tokens a day, because nobody said how many (--tokens-per-day)", grouped(tokens)),
         "default"});
  }
}

std::vector<Assumption> assumptions(const Report& report, const Verdict& verdict) {
  std::vector<Assumption> list;
  add_workload_assumption(verdict, list);
  list.push_back({fmt::format("a request is {:.0f} prompt tokens and {:.0f} output tokens",
                              verdict.request.prompt_tokens, verdict.request.output_tokens),
                  "campaign"});
  list.push_back({"requests come one after the other and cost what they cost in the throughput round", "model"});
  list.push_back(
      {"the backend stays loaded all day and burns its loaded_idle cores whenever no request is in flight", "model"});
  list.push_back({"core-hours are CPU time only: what GPU, memory and power supply draw is not in them", "model"});
  for (const BackendReport& backend : report.backends) {
    if (!backend.not_restarted) continue;
    list.push_back(
        {fmt::format("the repeats of \"{}\" had no restart between them: its intervals are too narrow", backend.name),
         "model"});
  }
  if (report.model.synthetic) {
    list.push_back(
        {"synthetic model (random weights): speed and memory follow the real shape, energy less surely", "model"});
  }
  if (verdict.options.assume_watts_per_core) {
    list.push_back({fmt::format("{:.4g} W per busy core, assumed, not measured: it illustrates and decides nothing",
                                *verdict.options.assume_watts_per_core),
                    "D"});
  }
  return list;
}

}  // namespace

const char* to_string(Answer answer) {
  switch (answer) {
    case Answer::run:
      return "run";
    case Answer::cure:
      return "cure";
    case Answer::unload:
      return "unload";
    case Answer::split:
      return "split";
    case Answer::tie:
      return "tie";
    case Answer::unknown:
      return "unknown";
  }
  return "unknown";
}

std::vector<RatioRow> ratio_rows(const std::vector<std::vector<ThroughputRow>>& backends) {
  std::vector<RatioRow> rows;
  const std::size_t tests = backends.empty() ? 0 : backends.front().size();
  for (std::size_t a = 0; a < backends.size(); ++a) {
    for (std::size_t b = a + 1; b < backends.size(); ++b) {
      for (std::size_t test = 0; test < tests; ++test) {
        RatioRow row = {a, b, backends[a][test].test, {}, {}};
        row.ratio.value = stats::ratio_of(backends[a][test].repeats, backends[b][test].repeats);
        if (!row.ratio) row.ratio.reason = "no valid trial of both";
        rows.push_back(row);
      }
    }
  }
  for (std::size_t test = 0; test < tests; ++test) {
    std::vector<RatioRow*> family;  // all pairs, one test
    for (std::size_t i = test; i < rows.size(); i += tests) family.push_back(&rows[i]);
    judge_together(family, [](const RatioRow& row) { return row.ratio ? row.ratio->p : std::nullopt; });
  }
  return rows;
}

Verdict judge(const Report& report, const model::Campaign& campaign, const VerdictOptions& options) {
  Verdict verdict;
  verdict.options = options;
  verdict.request = request_shape(campaign);
  const Indices compared = billed(report);
  const auto watts = options.assume_watts_per_core;
  verdict.headline = load_verdict(report, compared, headline_tokens(report, compared, options), watts);
  Indices cpu_only;
  std::copy_if(compared.begin(), compared.end(), std::back_inserter(cpu_only),
               [&](std::size_t i) { return on_cpu(report.backends[i]); });
  const bool mixed = cpu_only.size() != compared.size();
  if (mixed && cpu_only.size() >= 2) {
    verdict.among_cpu = load_verdict(report, cpu_only, verdict.headline.tokens_per_day, watts);
  }
  for (const double load : kLoads) {
    const auto row = load_verdict(report, compared, load, watts);
    const bool anybody = std::any_of(row.amortised.begin(), row.amortised.end(),
                                     [](const auto& r) { return r.core_h_per_day && r.serves; });
    if (anybody) verdict.loads.push_back(row);
  }
  verdict.crossovers = crossover_rows(report);
  std::vector<std::vector<ThroughputRow>> throughput;
  for (const BackendReport& backend : report.backends) throughput.push_back(backend.throughput);
  verdict.ratios = ratio_rows(throughput);
  verdict.idle_differences = idle_rows(report);
  verdict.assumptions = assumptions(report, verdict);
  return verdict;
}

}  // namespace nw::report
