// The object `verdict` of the report.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "json.h"
#include "words.h"

namespace nw::report {
namespace {

namespace json = boost::json;

json::string name_of(const Report& report, std::size_t backend) { return json_text(report.backends[backend].name); }

void put_optional(json::object& object, std::string_view key, const std::optional<double>& value,
                  std::string_view reason) {
  if (value) {
    object[key] = json_number(*value);
  } else {
    put_null(object, key, reason);
  }
}

json::object json_workload(const Verdict& verdict) {
  json::object object;
  object["tokens_per_day"] = json_number(verdict.headline.tokens_per_day);
  const bool by_tokens = verdict.options.tokens_per_day.has_value();
  object["source"] = by_tokens || verdict.options.duty ? "given" : "default";
  put_optional(object, "duty", by_tokens ? std::nullopt : verdict.options.duty,
               by_tokens ? "tokens a day were used" : "not given");
  put_null(object, "trace", "none was given");
  object["prompt_tokens"] = json_number(verdict.request.prompt_tokens);
  object["output_tokens"] = json_number(verdict.request.output_tokens);
  return object;
}

json::object json_amortised(const Report& report, const AmortisedRow& row) {
  json::object object;
  object["backend"] = name_of(report, row.backend);
  object["serves"] = row.serves;
  put_optional(object, "capacity_tokens_per_day", row.capacity > 0 ? std::optional(row.capacity) : std::nullopt,
               row.core_h_per_day.reason);
  put(object, "core_h_per_day", row.core_h_per_day);
  if (row.assumed_kwh_per_day && row.assumed_j_per_token) {
    object["kwh_per_day"] = json_mean(*row.assumed_kwh_per_day);
    object["j_per_token"] = json_mean(*row.assumed_j_per_token);
    object["grade"] = "D";
    return object;
  }
  const bool assumed = report.verdict.options.assume_watts_per_core.has_value();
  const bool elsewhere = report.backends[row.backend].compute != "cpu";
  const auto* reason = assumed && elsewhere ? "watts per core say nothing about where it computes" : "no power meter";
  for (const auto* key : {"kwh_per_day", "j_per_token", "grade"}) put_null(object, key, reason);
  return object;
}

json::array json_amortised(const Report& report, const LoadVerdict& load) {
  json::array array;
  for (const AmortisedRow& row : load.amortised) array.emplace_back(json_amortised(report, row));
  return array;
}

// answer, backend, candidates.
void put_answer(json::object& object, const Report& report, const LoadVerdict& load) {
  object["answer"] = to_string(load.answer);
  if (load.backend) {
    object["backend"] = name_of(report, *load.backend);
  } else {
    put_null(object, "backend", load.answer == Answer::tie ? "cannot be told apart" : load.reason);
  }
  json::array candidates;
  for (const std::size_t i : load.candidates) candidates.emplace_back(name_of(report, i));
  object["candidates"] = candidates;
}

json::object json_load(const Report& report, const LoadVerdict& load) {
  json::object object;
  object["tokens_per_day"] = json_number(load.tokens_per_day);
  put_answer(object, report, load);
  object["amortised"] = json_amortised(report, load);
  return object;
}

json::object json_crossover(const Report& report, const CrossoverRow& row) {
  json::object object;
  object["a"] = name_of(report, row.a);
  object["b"] = name_of(report, row.b);
  put_optional(object, "tokens_per_day", row.crossover.tokens_per_day, row.reason);
  put_interval(object, row.crossover.ci95, row.reason);
  return object;
}

void put_beyond(json::object& object, const std::optional<bool>& beyond) {
  if (beyond) {
    object["beyond_noise"] = *beyond;
  } else {
    put_null(object, "beyond_noise", "no interval");
  }
}

json::object json_ratio(const Report& report, const RatioRow& row) {
  json::object object;
  object["a"] = name_of(report, row.a);
  object["b"] = name_of(report, row.b);
  object["test"] = to_string(row.test);
  object["concurrency"] = row.test.concurrency;
  if (!row.ratio) {
    put_null(object, "ratio", row.ratio.reason);
    put_beyond(object, std::nullopt);
    return object;
  }
  json::object ratio;
  ratio["mean"] = json_number(row.ratio->ratio);
  put_interval(ratio, row.ratio->ci95);
  ratio["n"] = row.ratio->n;
  ratio["paired"] = row.ratio->paired;
  object["ratio"] = ratio;
  put_beyond(object, row.beyond_noise);
  return object;
}

json::object json_idle_difference(const Report& report, const IdleDifferenceRow& row) {
  json::object object;
  object["a"] = name_of(report, row.a);
  object["b"] = name_of(report, row.b);
  if (!row.cores) {
    put_null(object, "cores", row.cores.reason);
    put_beyond(object, std::nullopt);
    return object;
  }
  json::object cores;
  cores["mean"] = json_number(row.cores->difference);
  put_interval(cores, row.cores->ci95);
  cores["n"] = row.cores->n;
  cores["paired"] = row.cores->paired;
  object["cores"] = cores;
  put_beyond(object, row.beyond_noise);
  return object;
}

template <class Rows, class Make>
json::array array_of(const Rows& rows, Make make) {
  json::array array;
  for (const auto& row : rows) array.emplace_back(make(row));
  return array;
}

}  // namespace

boost::json::object json_verdict(const Report& report) {
  const Verdict& verdict = report.verdict;
  json::object object;
  object["synthetic"] = report.model.synthetic;
  object["workload"] = json_workload(verdict);
  object["amortised"] = json_amortised(report, verdict.headline);
  put_answer(object, report, verdict.headline);
  object["text"] = json_text(answer_sentence(report));
  object["crossovers"] = array_of(verdict.crossovers, [&](const auto& row) { return json_crossover(report, row); });
  object["loads"] = array_of(verdict.loads, [&](const auto& row) { return json_load(report, row); });
  object["ratios"] = array_of(verdict.ratios, [&](const auto& row) { return json_ratio(report, row); });
  object["idle_differences"] =
      array_of(verdict.idle_differences, [&](const auto& row) { return json_idle_difference(report, row); });
  object["assumptions"] = array_of(verdict.assumptions, [](const Assumption& assumption) {
    return json::object{{"text", json_text(assumption.text)}, {"grade", assumption.grade}};
  });
  return object;
}

}  // namespace nw::report
