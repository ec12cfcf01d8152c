// The commands and their flags (CLI11), the real world handed in, and errors as one sentence with the next step.
// Results go to standard output; everything else goes to standard error.
#include "cli/program.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <iostream>

#include "app/init_command.h"
#include "app/model_commands.h"
#include "app/null_server.h"
#include "app/run_command.h"
#include "app/stop_bridge.h"
#include "app/version.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/campaign_file.h"
#include "cli/exit_status.h"
#include "os/file.h"
#include "os/hash.h"
#include "os/machine_facts.h"
#include "os/system_clock.h"
#include "os/wait.h"
#include "report/render.h"
#include "report/report.h"
#include "store/run_store.h"

namespace nw::cli {
namespace {

struct Flags {
  bool quiet = false, verbose = false;
  std::string color = "auto";
  std::string format = "text";
  std::string output;
  // run
  std::string campaign, out, target, guard = "auto";
  bool dry_run = false, quick = false, resume = false, force = false, may_restart = false;
  // verdict, report
  std::string dir;
  double tokens_per_day = 0, duty = 0, watts_per_core = 0;
  std::string program = "nightwatt";  // as it was called
  // nullserver
  app::NullServerOptions null;
  double null_prefill_ms = 0, null_stall_at_s = 0, null_stall_s = 0;
  // init
  std::string model;
  std::vector<std::int32_t> pids;
  // model
  app::SynthOptions synth;
  std::string model_file, synth_output;
  bool hash = false;
};

int tell(const Error& error) {
  if (error.kind == ErrorKind::interrupted && error.message == "interrupted") {
    log::write(log::Level::error, "interrupted");
  } else {
    log::write(log::Level::error, error.message);
  }
  if (!error.hint.empty()) log::raw(fmt::format("hint: {}\n", error.hint));
  return exit_status(error.kind);
}

int print(const std::string& text, const std::string& output) {
  if (!output.empty()) {
    if (const auto status = os::write_file(output, text); !status) return tell(status.error());
    return kDone;
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) return tell(failed_error("cannot write to standard output", "is the disk full, or the reader gone?"));
  return kDone;
}

// "2%" or "0.02".
Result<double> parse_share(const std::string& text) {
  const bool percent = text.ends_with('%');
  auto value = parse_double(percent ? std::string_view(text).substr(0, text.size() - 1) : std::string_view(text));
  if (value && percent) *value /= 100;
  if (!value || !(*value > 0 && *value < 1)) {
    return usage_error(fmt::format("--target {} is not a share", printable(text)), "write it like --target 2%");
  }
  return *value;
}

int do_run(const Flags& flags, int stop_fd) {
  auto campaign = load_campaign(flags.campaign);
  if (!campaign) return tell(campaign.error());
  if (!flags.target.empty()) {
    const auto target = parse_share(flags.target);
    if (!target) return tell(target.error());
    campaign->rounds.target = *target;
  }
  app::RunOptions options;
  options.campaign = std::move(*campaign);
  options.out = flags.out;
  if (options.out.empty()) {
    if (flags.resume) return tell(usage_error("--resume needs the folder of the run", "say --out DIR"));
    options.out = fmt::format("runs/{:%Y%m%d-%H%M%S}", fmt::localtime(std::time(nullptr)));
  }
  options.dry_run = flags.dry_run;
  options.quick = flags.quick;
  options.resume = flags.resume;
  options.may_restart = flags.may_restart;
  options.quiet = flags.quiet;
  options.stop_fd = stop_fd;
  options.pid_namespace = flags.guard != "subreaper";
  const os::SystemClock clock;
  os::LinuxProcesses processes;
  const auto outcome = app::run(options, clock, processes);
  if (!outcome) {
    const int status = tell(outcome.error());
    if (outcome.error().kind == ErrorKind::interrupted && store::has_run(options.out)) {
      log::raw(fmt::format("What was measured is kept. Go on with: {} run {} --out {} --resume\n", flags.program,
                           flags.campaign, options.out));
    }
    return status;
  }
  if (options.dry_run) return kDone;
  if (!flags.quiet) {
    fmt::print("{} restart{} done, {} of {} windows and tests valid, kept in {}\n", outcome->restarts_done,
               outcome->restarts_done == 1 ? "" : "s", outcome->trials - outcome->invalid_trials, outcome->trials,
               outcome->dir);
    std::fflush(stdout);  // what follows on standard error refers to it
  }
  if (outcome->competing_trials > 0) {
    log::warning("other programs used too much of the CPUs in {} of them (left out);\nclose them and run again",
                 outcome->competing_trials);
  }
  if (!outcome->anything_valid) {
    return tell(failed_error("nothing valid was measured of any backend",
                             fmt::format("nightwatt report {} says why", outcome->dir)));
  }
  if (!flags.quiet) fmt::print("next: {} verdict {}\n", flags.program, outcome->dir);
  const int printed = print("", "");
  return printed != kDone ? printed : outcome->trouble.empty() ? kDone : kAnswerIsNo;
}

Result<report::Report> read_report(const Flags& flags) {
  constexpr double kMost = 1e15;
  for (const double number : {flags.tokens_per_day, flags.duty, flags.watts_per_core}) {
    if (!(number >= 0 && number <= kMost)) {
      return usage_error("a number of the command line is not one that a day can hold",
                         "nightwatt verdict --help lists them");
    }
  }
  NW_TRY(const auto store, store::RunStore::open(flags.dir, store::Mode::read_only));
  NW_TRY(const auto run, store.load());
  report::VerdictOptions options;
  if (flags.tokens_per_day > 0) options.tokens_per_day = flags.tokens_per_day;
  if (flags.duty > 0) options.duty = flags.duty;
  if (flags.watts_per_core > 0) options.assume_watts_per_core = flags.watts_per_core;
  return report::make_report(run, options);
}

int do_report(const Flags& flags) {
  if (flags.format != "json" && (flags.tokens_per_day > 0 || flags.duty > 0 || flags.watts_per_core > 0)) {
    return tell(usage_error("the report as text holds no bill, so a load or watts would change nothing in it",
                            fmt::format("nightwatt verdict {}, or add --format json", flags.dir)));
  }
  const auto report = read_report(flags);
  if (!report) return tell(report.error());
  const int printed = print(flags.format == "json" ? report::to_json(*report) : report::to_text(*report), flags.output);
  return printed != kDone || report->anything_valid() ? printed : kAnswerIsNo;
}

int do_verdict(const Flags& flags) {
  const auto report = read_report(flags);
  if (!report) return tell(report.error());
  // The same object as of `report`: a program that reads a verdict needs the figures behind it.
  const int printed =
      print(flags.format == "json" ? report::to_json(*report) : report::verdict_text(*report), flags.output);
  return printed != kDone || report->anything_valid() ? printed : kAnswerIsNo;
}

int do_init(const Flags& flags, int stop_fd) {
  app::InitOptions options;
  options.model = flags.model;
  options.pids = flags.pids;
  options.stop_fd = stop_fd;
  if (!options.model.empty() && !os::read_small(options.model, 1)) {
    return tell(lacking_error(fmt::format("cannot read the model {}", printable(options.model)),
                              "correct --model, or make one: nightwatt model synth"));
  }
  const os::SystemClock clock;
  os::LinuxProcesses processes;
  const auto result = app::make_campaign(options, clock, processes);
  if (!result) return tell(result.error());
  if (!flags.quiet) {
    for (const auto& line : result->found) log::raw(fmt::format("found {}\n", line));
    if (result->found.empty())
      log::raw(fmt::format("found no engine: no llama-server on PATH, nothing on the usual ports\n"));
  }
  if (flags.output.empty()) return print(result->campaign, "");
  if (os::read_small(flags.output, 1)) {
    return tell(usage_error(fmt::format("{} is there already", flags.output), "name another file with -o"));
  }
  const int status = print(result->campaign, flags.output);
  if (status == kDone && !flags.quiet) {
    log::raw(fmt::format("wrote {}\nnext: {}\n", flags.output,
                         result->found.empty()
                             ? "start or install an engine, then init again, or fill in the example by hand"
                             : fmt::format("{} run {} --dry-run", flags.program, flags.output)));
  }
  return status;
}

int do_null(Flags& flags, int stop_fd) {
  flags.null.backend.prefill_per_token = Seconds(flags.null_prefill_ms * 1e-3);
  flags.null.backend.stall_at = Seconds(flags.null_stall_at_s);
  flags.null.backend.stall = Seconds(flags.null_stall_s);
  const os::SystemClock clock;
  const auto served = app::serve_null(flags.null, clock, stop_fd, [&](std::uint16_t port) {
    fmt::print("listening on http://{}:{}\n", flags.null.host, port);
    std::fflush(stdout);
  });
  return served ? kDone : tell(served.error());
}

int do_synth(Flags& flags, const std::stop_token& stop) {
  flags.synth.output = flags.synth_output;
  flags.synth.stop = stop;
  const bool show = !flags.quiet && os::is_terminal(2);
  flags.synth.progress = [show](std::uint64_t written, std::uint64_t total) {
    if (show) log::raw(fmt::format("\r\x1b[K{} of {}", human_bytes(written), human_bytes(total)));
  };
  const auto status = app::synth(flags.synth);
  if (show) log::raw(fmt::format("\r\x1b[K"));
  if (!status) return tell(status.error());
  if (!flags.quiet) fmt::print("wrote {}\n", flags.synth_output);
  return kDone;
}

int do_show(const Flags& flags, const std::stop_token& stop) {
  app::ShowOptions options;
  options.hash = flags.hash;
  options.hash_cache = os::user_hash_cache();
  options.stop = stop;
  const auto info = app::show(flags.model_file, options);
  if (!info) return tell(info.error());
  return print(flags.format == "json" ? app::to_json(*info) : app::to_text(*info), flags.output);
}

// llama-bench's -o names a format; ours names a file.
CLI::Validator not_a_format() {
  return CLI::Validator(
      [](std::string& value) -> std::string {
        for (const char* word : {"json", "jsonl", "csv", "md", "sql", "text"}) {
          if (value == word) return fmt::format("-o names a file here; for the format say --format {}", word);
        }
        return {};
      },
      "", "not_a_format");
}

CLI::Validator number_within(double least, double most) {
  return CLI::Validator(
      [=](std::string& value) -> std::string {
        const auto number = parse_double(value);
        if (number && *number >= least && *number <= most) return {};
        return fmt::format("{} is not a number from {:g} to {:g}", printable(value), least, most);
      },
      "", "number_within");
}

// CLI11 takes "-1" for an unsigned number and wraps it around.
CLI::Validator whole_number() {
  return CLI::Validator(
      [](std::string& value) -> std::string {
        if (!value.empty() && value.find_first_not_of("0123456789") == value.npos) return {};
        return fmt::format("{} is not a whole number", printable(value));
      },
      "", "whole_number");
}

void add_output(CLI::App& command, Flags& flags) {
  command.add_option("--format", flags.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  command.add_option("-o,--output", flags.output, "file to write instead of standard output")->check(not_a_format());
}

void add_commands(CLI::App& app, Flags& flags) {
  auto* run = app.add_subcommand("run", "measures the backends of a campaign in turn");
  run->add_option("CAMPAIGN", flags.campaign, "the campaign, a TOML file")->required();
  run->add_option("--out", flags.out, "folder of the run (default: runs/DATE-TIME)");
  run->add_flag("--dry-run", flags.dry_run, "print the plan and its expected minutes, start nothing");
  run->add_flag("--quick", flags.quick, "answer within ten minutes, with wider intervals");
  run->add_flag("--resume", flags.resume, "go on with an interrupted run in --out");
  run->add_option("--target", flags.target, "half-width of the speed ratios at which it may stop, e.g. 2%");
  run->add_flag("--may-restart", flags.may_restart, "servers that run already may be unloaded or stopped");
  run->add_option("--guard", flags.guard, "auto, or subreaper: no PID namespace around the servers")
      ->check(CLI::IsMember({"auto", "subreaper"}));

  auto* verdict = app.add_subcommand("verdict", "which backend to run, around the clock");
  auto* report = app.add_subcommand("report", "the figures of a run");
  for (auto* command : {verdict, report}) {
    command->add_option("DIR", flags.dir, "folder of the run")->required();
    auto* tokens = command->add_option("--tokens-per-day", flags.tokens_per_day, "generated tokens a day");
    tokens->check(number_within(1, 1e15));
    command->add_option("--duty", flags.duty, "share of the day that is busy, 0 to 1")
        ->check(number_within(1e-9, 1))
        ->excludes(tokens);
    command
        ->add_option("--assume-watts-per-core", flags.watts_per_core,
                     "a guess of the watts of a busy core: illustrates, never decides")
        ->check(number_within(1e-6, 1e6));
    add_output(*command, flags);
  }

  auto* init = app.add_subcommand("init", "writes a campaign from the engines found here");
  init->add_option("--model", flags.model, "the model file that all backends serve");
  init->add_option("--pid", flags.pids, "a running server to attach to (may be given again)");
  init->add_option("-o,--output", flags.output, "file to write instead of standard output")->check(not_a_format());

  auto* null = app.add_subcommand("nullserver", "answers every API on an exact schedule and computes nothing");
  null->group("");  // for who tests clients: not in the list of commands
  null->add_option("--host", flags.null.host, "address to listen on")->capture_default_str();
  null->add_option("--port", flags.null.port, "0: a free one")->check(CLI::Range(0, 65535))->capture_default_str();
  null->add_option("--tokens-per-s", flags.null.backend.tokens_per_s, "of each stream; 0: as fast as they go")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  null->add_option("--prefill-ms-per-token", flags.null_prefill_ms, "before the first token")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  null->add_option("--stall-at", flags.null_stall_at_s, "seconds after its start")->check(CLI::Range(0.0, 1e6));
  null->add_option("--stall", flags.null_stall_s, "seconds in which nothing is sent to anybody")
      ->check(CLI::Range(0.0, 1e6));
  null->add_flag("--stamps", flags.null.backend.stamps, "the text of a token is the moment it was sent, in ns");

  auto* model = app.add_subcommand("model", "makes and describes model files");
  model->require_subcommand(1);
  auto* synth = model->add_subcommand("synth", "writes a model file of a published shape with random weights");
  synth->add_option("--shape", flags.synth.shape, "tiny-llama, tiny-qwen3moe, small-qwen3moe, qwen3-30b-a3b, …")
      ->required();
  synth->add_option("--quant", flags.synth.quant, "Q4_K_M, Q8_0 or F16")->capture_default_str();
  synth->add_option("--seed", flags.synth.seed, "same seed, same bytes")->check(whole_number())->capture_default_str();
  synth->add_option("-o,--output", flags.synth_output, "the file to write")->required();
  auto* show = model->add_subcommand("show", "architecture, shapes, quantisation and size of a model file");
  show->add_option("FILE", flags.model_file, "a GGUF file")->required();
  show->add_flag("--hash", flags.hash, "SHA-256 of the file, kept for the next time");
  add_output(*show, flags);
}

int dispatch(CLI::App& app, Flags& flags) {
  const os::StopSignal stop;
  if (app.got_subcommand("run")) return do_run(flags, stop.fd());
  if (app.got_subcommand("report")) return do_report(flags);
  if (app.got_subcommand("verdict")) return do_verdict(flags);
  if (app.got_subcommand("init")) return do_init(flags, stop.fd());
  if (app.got_subcommand("nullserver")) return do_null(flags, stop.fd());
  const app::StopBridge bridge(stop.fd());
  if (app.get_subcommand("model")->got_subcommand("synth")) return do_synth(flags, bridge.token());
  return do_show(flags, bridge.token());
}

}  // namespace

int run_program(int argc, char** argv) {
  Flags flags;
  CLI::App app("nightwatt: what each inference backend costs around the clock, measured on this machine", "nightwatt");
  const auto version = app::version();
  app.set_version_flag("--version",
                       fmt::format("nightwatt {} ({}, commit {})", version.version, version.compiler, version.commit));
  app.add_flag("--quiet", flags.quiet, "no progress and no hints of what to do next");
  app.add_flag("--verbose", flags.verbose, "more of what happens");
  app.add_option("--color", flags.color, "auto, always or never")->check(CLI::IsMember({"auto", "always", "never"}));
  app.require_subcommand(1);
  app.fallthrough();
  if (argc > 0) flags.program = printable(argv[0]);
  add_commands(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    app.exit(success);  // --help, --version
    std::cout.flush();
    return std::cout ? print("", "") : tell(failed_error("cannot write to standard output"));
  } catch (const CLI::ParseError& error) {
    const std::string first = argc > 1 ? argv[1] : "";
    const auto commands = app.get_subcommands([&](const CLI::App* command) { return command->get_name() == first; });
    const bool unknown = !first.empty() && first.front() != '-' && commands.empty();
    log::write(log::Level::error,
               unknown ? fmt::format("there is no command \"{}\"", printable(first)) : std::string(error.what()));
    log::raw(fmt::format("hint: nightwatt --help lists the commands, nightwatt COMMAND --help its flags\n"));
    return kWrongCommand;
  }
  if (flags.quiet) log::set_level(log::Level::warning);
  if (flags.verbose) log::set_level(log::Level::verbose);
  return dispatch(app, flags);
}

}  // namespace nw::cli
