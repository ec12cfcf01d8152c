// The report as JSON, in the order of keys of cli.md. Boost.JSON holds the values; the writing is done here, because
// its serializer writes 1.5 as 1.5E0 and everything on one line.
#include "json.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "base/text.h"
#include "report/render.h"

namespace nw::report {
namespace {

namespace json = boost::json;

constexpr int kSchema = 1;
constexpr std::string_view kNoMeter = "no power meter";

void put_text(json::object& object, std::string_view key, std::string_view text, std::string_view reason) {
  if (text.empty()) return put_null(object, key, reason);
  object[key] = json_text(text);
}

json::array json_reasons(const std::vector<model::Reason>& reasons) {
  json::array array;
  for (const model::Reason reason : reasons) array.emplace_back(json::string(to_string(reason)));
  return array;
}

json::object json_machine(const Report& report) {
  const model::Machine& machine = report.machine;
  json::object object;
  put_text(object, "id", machine.id, "not known");
  put_text(object, "boot_id", machine.boot_id, "not known");
  put_text(object, "os", machine.os, "not known");
  put_text(object, "kernel", machine.kernel, "not known");
  put_text(object, "arch", machine.arch, "not known");
  put_text(object, "cpu", machine.cpu, "not known");
  object["cpus"] = machine.cpus;
  if (machine.cpu_limit) {
    object["cpu_limit"] = json_number(*machine.cpu_limit);
  } else {
    put_null(object, "cpu_limit", "no limit");
  }
  object["memory_bytes"] = machine.memory_bytes;
  put_text(object, "governor", machine.governor.value_or(""), "this machine shows none");
  put_text(object, "wsl", machine.wsl.value_or(""), "not under WSL");
  put_text(object, "virtualization", machine.virtualization.value_or(""), "none seen");
  object["power_meter"] = machine.power_meter;
  put(object, "baseline_cores", report.baseline_cores);
  return object;
}

json::object json_model(const model::ModelRecord& model) {
  json::object object;
  put_text(object, "path", model.path, "each backend names its own model");
  put_text(object, "sha256", model.sha256, "not hashed");
  put_text(object, "arch", model.arch, "not known");
  put_text(object, "quant", model.quant, "not known");
  put_text(object, "name", model.name, "not known");
  object["bytes"] = model.bytes;
  object["synthetic"] = model.synthetic;
  return object;
}

json::object json_self(const SelfUse& self) {
  return {{"cpu_s", json_number(self.cpu_s)},
          {"wall_s", json_number(self.wall_s)},
          {"window_cpu_s", json_number(self.window_cpu_s)},
          {"window_s", json_number(self.window_s)}};
}

json::object json_quantiles(const stats::Quantiles& quantiles, bool expected) {
  json::object object;
  const auto add = [&](const std::string& key, const std::optional<double>& value,
                       const std::optional<stats::Interval>& ci95, std::size_t least) {
    const std::string interval = key + "_ci95";
    if (ci95) {
      object[interval] = json::array{json_number(ci95->lo), json_number(ci95->hi)};
    } else {
      put_null(
          object, interval,
          expected ? fmt::format("it takes two restarts with {} values each", least) : "this test generates nothing");
    }
    if (value) {
      object[key] = json_number(*value);
    } else if (!expected) {
      put_null(object, key, "this test generates nothing");
    } else {
      put_null(object, key, fmt::format("{} values, it takes {}", quantiles.n, least));
    }
  };
  add("p50", quantiles.p50, quantiles.p50_ci95, stats::kMedianMin);
  add("p90", quantiles.p90, quantiles.p90_ci95, stats::kP90Min);
  add("p99", quantiles.p99, quantiles.p99_ci95, stats::kP99Min);
  object["n"] = quantiles.n;
  return object;
}

json::object json_throughput(const ThroughputRow& row, bool synthetic) {
  json::object object;
  object["test"] = to_string(row.test);
  object["concurrency"] = row.test.concurrency;
  object["synthetic"] = synthetic;
  put(object, "tokens_per_s", row.tokens_per_s);
  object["ttft_ms"] = json_quantiles(row.ttft_ms, true);
  object["itl_ms"] = json_quantiles(row.itl_ms, row.test.generate > 0);
  object["restarts"] = row.restarts;
  object["invalid_trials"] = row.invalid_trials;
  object["discarded_warmup"] = row.discarded_warmup;
  return object;
}

json::object json_idle(const IdleRow& row, bool synthetic) {
  json::object object;
  object["synthetic"] = synthetic;
  put(object, "cores", row.cores);
  object["cores_resolution"] = json_number(row.resolution_cores);
  put(object, "wakeups_per_s", row.wakeups_per_s);
  put_null(object, "watts", kNoMeter);
  put_null(object, "grade", kNoMeter);
  object["window_s"] = json_number(row.window_s);
  object["windows"] = row.windows;
  object["invalid_windows"] = row.invalid_windows;
  return object;
}

json::object json_spin(const SpinRow& row) {
  json::object object;
  object["pid"] = row.pid;
  object["tid"] = row.tid;
  object["comm"] = json_text(row.comm);
  object["cores"] = json_number(row.cores);
  object["class"] = "unknown";
  for (const auto* key : {"library", "function", "cause_id"}) put_null(object, key, "stacks were not sampled");
  object["cures"] = json::array();
  put_null(object, "confidence", "stacks were not sampled");
  return object;
}

json::array json_memory(const BackendReport& backend) {
  json::object pool;
  pool["pool"] = "host_rss";
  if (backend.host_rss_bytes) {
    pool["bytes"] = *backend.host_rss_bytes;
  } else {
    put_null(pool, "bytes", backend.host_rss_bytes.reason);
  }
  return {pool};
}

json::object json_energy() {
  json::object energy;
  for (const auto* phase : {"prefill", "decode"}) {
    json::object object;
    for (const auto* key : {"marginal_j_per_token", "incremental_j_per_token", "grade", "coverage"}) {
      put_null(object, key, kNoMeter);
    }
    energy[phase] = object;
  }
  put_null(energy, "idle_premium_w", kNoMeter);
  return energy;
}

json::object json_backend(const BackendReport& backend, bool synthetic) {
  json::object object;
  object["name"] = json_text(backend.name);
  object["engine"] = backend.engine;
  json::object labels;
  for (const auto& [key, value] : backend.labels) labels[json_text(key)] = json_text(value);
  object["labels"] = labels;
  object["valid"] = backend.valid;
  object["reasons"] = json_reasons(backend.reasons);
  json::array notes, throughput, spin;
  for (const std::string& note : backend.notes) notes.emplace_back(json_text(note));
  for (const ThroughputRow& row : backend.throughput) throughput.emplace_back(json_throughput(row, synthetic));
  for (const SpinRow& row : backend.spin) spin.emplace_back(json_spin(row));
  object["notes"] = notes;
  object["throughput"] = throughput;
  json::object idle;
  for (const IdleRow& row : backend.idle) {
    const auto state = to_string(row.state);
    if (row.cores || row.invalid_windows > 0) {
      idle[state] = json_idle(row, synthetic);
    } else {
      put_null(idle, state, row.cores.reason);
    }
  }
  object["idle"] = idle;
  object["spin"] = spin;
  object["memory"] = json_memory(backend);
  object["energy"] = json_energy();
  return object;
}

void put_head(json::object& object, const Report& report) {
  object["schema"] = kSchema;
  json::object tool;
  put_text(tool, "version", report.tool_version, "no session");
  put_text(tool, "commit", report.tool_commit, "no session");
  object["tool"] = tool;
  put_text(object, "run_id", report.run_id, "not known");
  put_text(object, "started_at", report.started_at, "not known");
  object["complete"] = report.complete;
  put_text(object, "stop_reason", report.stop_reason, "the run has not ended");
}

void write(const json::value& value, std::string& out, std::size_t depth);

// An interval, a list of reason codes: one line.
bool is_short(const json::array& array) {
  return array.size() <= 3 && std::all_of(array.begin(), array.end(), [](const json::value& item) {
           return !item.is_object() && !item.is_array() && !(item.is_string() && item.get_string().size() > 40);
         });
}

void write_short(const json::array& array, std::string& out) {
  out += '[';
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (i > 0) out += ", ";
    write(array[i], out, 0);
  }
  out += ']';
}

void indent(std::string& out, std::size_t depth) { out.append(1, '\n').append(2 * depth, ' '); }

template <class Container, class Item>
void write_all(const Container& items, char open, char close, std::string& out, std::size_t depth, Item write_item) {
  out += open;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    indent(out, depth + 1);
    write_item(item);
  }
  if (!first) indent(out, depth);
  out += close;
}

void write(const json::value& value, std::string& out, std::size_t depth) {
  if (value.is_object()) {
    write_all(value.get_object(), '{', '}', out, depth, [&](const json::key_value_pair& item) {
      out += json::serialize(json::value(item.key())) + ": ";
      write(item.value(), out, depth + 1);
    });
  } else if (value.is_array() && is_short(value.get_array())) {
    write_short(value.get_array(), out);
  } else if (value.is_array()) {
    write_all(value.get_array(), '[', ']', out, depth, [&](const json::value& item) { write(item, out, depth + 1); });
  } else if (value.is_double()) {
    out += fmt::format("{:.9g}", value.get_double());
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

boost::json::string json_text(std::string_view text) {
  std::string clean;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool control = i < text.size() && static_cast<unsigned char>(text[i]) < 0x20;
    if (i < text.size() && !control) continue;
    clean += printable(text.substr(from, i - from));
    if (control) clean += text[i];
    from = i + 1;
  }
  return json::string(clean);
}

boost::json::value json_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return value == 0 ? 0.0 : value;  // no minus before a zero
}

boost::json::value json_interval(const stats::Interval& interval) {
  return json::array{json_number(interval.lo), json_number(interval.hi)};
}

void put_null(json::object& object, std::string_view key, std::string_view reason) {
  object[key] = nullptr;
  object[fmt::format("{}_reason", key)] = json_text(reason.empty() ? "not known" : reason);
}

void put_interval(json::object& object, const std::optional<stats::Interval>& interval, std::string_view reason) {
  if (interval) {
    object["ci95"] = json_interval(*interval);
  } else {
    put_null(object, "ci95", reason);
  }
}

boost::json::object json_mean(const stats::Mean& mean) {
  json::object object;
  object["mean"] = json_number(mean.mean);
  put_interval(object, mean.ci95);
  if (mean.sd) {
    object["sd"] = json_number(*mean.sd);
  } else {
    put_null(object, "sd", "one repeat");
  }
  object["n"] = mean.n;
  object["approximate"] = mean.approximate;
  return object;
}

void put(json::object& object, std::string_view key, const Figure& figure) {
  if (figure) {
    object[key] = json_mean(*figure);
  } else {
    put_null(object, key, figure.reason);
  }
}

std::string pretty(const json::value& value) {
  std::string out;
  write(value, out, 0);
  return out + "\n";
}

std::string to_json(const Report& report) {
  json::object object;
  put_head(object, report);
  object["machine"] = json_machine(report);
  object["model"] = json_model(report.model);
  object["self"] = json_self(report.self);
  json::array backends;
  for (const BackendReport& backend : report.backends) {
    backends.emplace_back(json_backend(backend, report.model.synthetic));
  }
  object["backends"] = backends;
  object["verdict"] = json_verdict(report);
  return pretty(object);
}

}  // namespace nw::report
