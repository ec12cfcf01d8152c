// The tables of the terminal, in Markdown so that they can be pasted into an issue.
#include "base/text.h"

#include <fmt/core.h>

#include <algorithm>

#include "figures.h"
#include "layout.h"
#include "report/render.h"
#include "words.h"

namespace nw::report {
namespace {

constexpr std::size_t kNarrowest = 60;
constexpr std::string_view kNone = "-";

std::string heading(std::string_view title, const Report& report) {
  return fmt::format("\n{}{}\n", title, report.model.synthetic ? " (synthetic model)" : "");
}

std::string test_name(const model::Test& test) {
  return to_string(test) + (test.concurrency > 1 ? fmt::format(" c{}", test.concurrency) : "");
}

std::string mean_and_sd(const stats::Mean& mean) {
  const int decimals = rate_decimals(mean.mean);
  if (!mean.sd) return fmt::format("{:.{}f}", mean.mean, decimals);
  return fmt::format("{:.{}f} ± {:.{}f}", mean.mean, decimals, *mean.sd, decimals);
}

std::string interval_cell(const stats::Mean& mean, int decimals) {
  if (!mean.ci95) return "one repeat";
  return interval_text(*mean.ci95, decimals) + (mean.approximate ? "~" : "");
}

std::string quantile_cell(const stats::Quantiles& quantiles) {
  const auto one = [](const std::optional<double>& value) { return value ? short_number(*value) : std::string(kNone); };
  return fmt::format("{} / {} / {}", one(quantiles.p50), one(quantiles.p90), one(quantiles.p99));
}

std::string head(const Report& report, std::size_t width) {
  std::string out;
  const std::string status =
      report.complete ? fmt::format("complete ({})", report.stop_reason.empty() ? "all restarts" : report.stop_reason)
                      : fmt::format("INCOMPLETE ({})", report.stop_reason.empty() ? "not ended" : report.stop_reason);
  out += wrap(fmt::format("run      {}, {}, {} of {} restarts", report.started_at, status, report.restarts_done,
                          report.restarts_planned),
              width, 9);
  const auto& model = report.model;
  std::string name = model.name.empty() ? model.path : model.name;
  if (name.empty()) name = "named by each backend";
  if (!model.quant.empty()) name += " " + model.quant;
  if (model.bytes > 0) name += ", " + human_bytes(model.bytes);
  if (model.synthetic) name += ", synthetic (random weights)";
  out += wrap("model    " + name, width, 9);
  const auto& machine = report.machine;
  std::string where = fmt::format("{}, {} CPUs, {}, {}, kernel {}", machine.cpu, machine.cpus,
                                  human_bytes(machine.memory_bytes), machine.os, machine.kernel);
  if (machine.cpu_limit) where += fmt::format(", limited to {:.3g} cores", *machine.cpu_limit);
  if (machine.wsl) where += ", " + *machine.wsl;
  if (machine.virtualization) where += ", " + *machine.virtualization;
  return out + wrap("machine  " + where, width, 9);
}

std::string backends(const Report& report, std::size_t width) {
  std::string out = "\nBackends\n";
  if (report.backends.empty()) return out + "  none\n";
  for (const BackendReport& backend : report.backends) {
    std::string text = fmt::format("  {}: {}", backend.name, backend.engine);
    for (const auto& [key, value] : backend.labels) text += fmt::format(", {} {}", key, value);
    const auto& rss = backend.host_rss_bytes;
    text += rss ? fmt::format(", memory {} (host RSS)", human_bytes(*rss)) : "";
    out += wrap(text, width, 4);
  }
  return out;
}

std::string throughput(const Report& report, std::size_t width) {
  Table table({"backend", "test", ">t/s", ">95 % interval", ">n"});
  for (const BackendReport& backend : report.backends) {
    for (const ThroughputRow& row : backend.throughput) {
      const auto& rate = row.tokens_per_s;
      const std::string rate_text = rate ? mean_and_sd(*rate) : std::string(kNone);
      const std::string interval = rate ? interval_cell(*rate, rate_decimals(rate->mean)) : std::string(kNone);
      table.add({backend.name, test_name(row.test), rate_text, interval, fmt::format("{}", row.restarts)});
    }
  }
  if (table.empty()) return {};
  return heading("Throughput, tokens per second: mean ± sd over n restarts", report) + table.text(width);
}

std::string latency(const Report& report, std::size_t width) {
  Table table({"backend", "test", ">first token", ">between tokens"});
  for (const BackendReport& backend : report.backends) {
    for (const ThroughputRow& row : backend.throughput) {
      if (row.ttft_ms.n == 0 && row.itl_ms.n == 0) continue;
      const std::string between = row.test.generate > 0 ? quantile_cell(row.itl_ms) : std::string(kNone);
      table.add({backend.name, test_name(row.test), quantile_cell(row.ttft_ms), between});
    }
  }
  if (table.empty()) return {};
  return heading("Latency in ms, p50 / p90 / p99 (-: from too few requests)", report) + table.text(width);
}

std::string idle(const Report& report, std::size_t width) {
  Table table({"backend", "state", ">cores", ">95 % interval", ">wake-ups/s"});
  if (report.baseline_cores) {
    table.add({"(the machine)", "absent", fmt::format("{:.3f}", report.baseline_cores->mean),
               interval_cell(*report.baseline_cores, 3), std::string(kNone)});
  }
  for (const BackendReport& backend : report.backends) {
    for (const IdleRow& row : backend.idle) {
      if (row.state == model::State::absent || !row.cores) continue;
      const auto& wakes = row.wakeups_per_s;
      table.add({backend.name, std::string(to_string(row.state)), fmt::format("{:.3f}", row.cores->mean),
                 interval_cell(*row.cores, 3), wakes ? short_number(wakes->mean) : std::string(kNone)});
    }
  }
  if (table.empty()) return {};
  return heading("Loaded but idle: cores burnt per second of waiting", report) + table.text(width);
}

std::string spin(const Report& report, std::size_t width) {
  std::string out;
  for (const BackendReport& backend : report.backends) {
    for (const SpinRow& row : backend.spin) {
      out += wrap(fmt::format("  {}: thread {} \"{}\" of process {} burns {:.3f} cores", backend.name, row.tid,
                              row.comm, row.pid, row.cores),
                  width, 4);
    }
  }
  return out.empty() ? out : heading("Threads that burn while loaded_idle (last restart)", report) + out;
}

// Whether every backend has this note: then it is said once.
bool is_common(const Report& report, const std::string& note) {
  return std::all_of(report.backends.begin(), report.backends.end(), [&](const BackendReport& backend) {
    return std::find(backend.notes.begin(), backend.notes.end(), note) != backend.notes.end();
  });
}

std::string notes(const Report& report, std::size_t width) {
  std::string out;
  const auto add = [&](const std::string& text) { out += wrap("  " + text, width, 4); };
  for (const BackendReport& backend : report.backends) {
    for (const ThroughputRow& row : backend.throughput) {
      const bool tried = backend.valid || row.invalid_trials > 0;  // else one line for all is enough
      if (!row.tokens_per_s && tried)
        add(fmt::format("{}, {}: {}", backend.name, test_name(row.test), row.tokens_per_s.reason));
    }
    for (const IdleRow& row : backend.idle) {
      const bool wanted = row.cores.reason != kNotInCampaign && row.state != model::State::absent;
      const bool tried = backend.valid || row.invalid_windows > 0;
      if (!row.cores && wanted && tried)
        add(fmt::format("{}, {}: {}", backend.name, to_string(row.state), row.cores.reason));
    }
    if (!backend.reasons.empty()) add(fmt::format("{}: reasons {}", backend.name, join(backend.reasons)));
    if (!backend.valid) add(fmt::format("{}: nothing valid was measured", backend.name));
    for (const std::string& note : backend.notes) {
      if (!is_common(report, note)) add(fmt::format("{}: {}", backend.name, note));
    }
  }
  if (!report.backends.empty()) {
    for (const std::string& note : report.backends[0].notes) {
      if (is_common(report, note)) add(note);
    }
  }
  if (!report.baseline_cores) add("the machine, absent: " + report.baseline_cores.reason);
  add("watts: no power meter");
  return "\nNotes\n" + out;
}

std::string share(double cpu_s, double wall_s) {
  return wall_s > 0 ? fmt::format("{:.2f} % of a core", 100 * cpu_s / wall_s) : "no time";
}

std::string tail(const Report& report, std::size_t width) {
  const SelfUse& self = report.self;
  std::string out = "\n";
  out +=
      wrap(fmt::format("nightwatt itself used {:.2f} CPU s in {} ({}), of it {:.2f} CPU s in the measured windows of "
                       "{} together ({}).",
                       self.cpu_s, human_seconds(self.wall_s), share(self.cpu_s, self.wall_s), self.window_cpu_s,
                       human_seconds(self.window_s), share(self.window_cpu_s, self.window_s)),
           width);
  const std::string version = report.tool_version.empty() ? "not known" : report.tool_version;
  return out + wrap(fmt::format("build: nightwatt {} ({})", version, report.tool_commit), width);
}

}  // namespace

std::string to_text(const Report& report, std::size_t width) {
  const std::size_t columns = std::max(width, kNarrowest);
  return head(report, columns) + backends(report, columns) + throughput(report, columns) + latency(report, columns) +
         idle(report, columns) + spin(report, columns) + notes(report, columns) + tail(report, columns);
}

std::string verdict_text(const Report& report, std::size_t width) {
  const std::size_t columns = std::max(width, kNarrowest);
  std::string out;
  for (const std::string& paragraph : verdict_paragraphs(report)) {
    const bool item = paragraph.starts_with("- ");
    if (!item && !out.empty()) out += "\n";
    out += wrap(item ? "  " + paragraph : paragraph, columns, item ? 4 : 0);
  }
  return out;
}

}  // namespace nw::report
