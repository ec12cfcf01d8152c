// Does `nightwatt run` measure the same speed as llama-bench? Both run in turn (ABBA) on the same model with the same
// threads, batch and depth on the CPU backend; printed are both rates and the ratio with its interval, paired by block.
//
//   bench_llama_bench_agreement [MODEL [BLOCKS [PP [TG [THREADS]]]]]
//
// What the two do differently, and what is printed beside the ratio to show it:
// - llama-bench computes inside the process; nightwatt asks over HTTP. The engine's own clock for the same requests
//   (its "timings") stands between them: nightwatt/engine is what HTTP, JSON and sampling cost, engine/llama-bench is
//   what is left.
// - llama-bench leaves tokenising and sampling out; nightwatt sends token ids (nothing to tokenise) and asks for the
//   cheapest sampling.
// - tg: llama-bench divides n evaluations by their time; nightwatt divides n − 1 tokens by the time from first to last.
//   Both are evaluations per second; at depth 0 llama-bench begins with an empty cache, nightwatt after one token.
// - With as many compute threads as cores, the threads of the server that speak HTTP and nightwatt itself take their
//   time from the computing ones, which wait for each other many times a token. Printed are the CPU times a token of
//   both; run with THREADS below the number of cores to see the ratio without that competition.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "app/model_commands.h"
#include "base/text.h"
#include "model/figures.h"
#include "os/command.h"
#include "os/file.h"
#include "os/machine_facts.h"
#include "stats/interval.h"
#include "stats/ratio.h"
#include "store/run_store.h"

namespace {

using namespace nw;
namespace fs = std::filesystem;
namespace json = boost::json;

struct Setup {
  std::string model;
  int blocks = 30, prompt = 256, generate = 64, threads = 2;
  std::string llama_bench, llama_server, llama_completion, folder;
};

using Rates = std::map<std::string, double>;  // "pp512" → tokens/s

int fail(const std::string& why) {
  fmt::print(stderr, "{}\n", why);
  return 1;
}

Result<Rates> ask_llama_bench(const Setup& setup) {
  const auto n = [](int value) { return std::to_string(value); };
  NW_TRY(const auto ran,
         os::run_command(setup.llama_bench,
                         {"llama-bench", "-m", setup.model, "-p", n(setup.prompt), "-n", n(setup.generate), "-t",
                          n(setup.threads), "-ngl", "0", "-r", "3", "-o", "jsonl"},
                         os::environment(), Seconds(1800), -1));
  Rates rates;
  for (const auto line : split(ran.text, '\n')) {
    boost::system::error_code code;
    const auto row = json::parse(line, code);
    if (code || !row.is_object()) continue;
    const auto prompt = row.at("n_prompt").to_number<int>(code);
    const auto generate = row.at("n_gen").to_number<int>(code);
    // Tokens over the mean time, as nightwatt does it: the mean of the rates (avg_ts) is above that where they vary.
    rates[prompt > 0 ? fmt::format("pp{}", prompt) : fmt::format("tg{}", generate)] =
        std::max(prompt, generate) * 1e9 / row.at("avg_ns").to_number<double>(code);
  }
  if (rates.size() != 2) return failed_error("llama-bench printed no rates: " + ran.text);
  return rates;
}

struct Nightwatt {
  Rates client, engine;
  Rates own_us, other_us;  // CPU per token: of nightwatt, and of the server's threads beyond the computing ones
};

// CPU of the server's threads over the trial but for the `computing` busiest, which compute.
double other_threads_ns(const model::Trial& trial, int computing) {
  std::map<std::pair<pid_t, pid_t>, std::pair<std::int64_t, std::int64_t>> first_last;
  for (const auto& sample : trial.threads) {
    const auto at = first_last.try_emplace({sample.pid, sample.tid}, sample.cpu_ns, sample.cpu_ns).first;
    at->second.second = sample.cpu_ns;
  }
  std::vector<double> spent;
  for (const auto& [id, cpu] : first_last) spent.push_back(static_cast<double>(cpu.second - cpu.first));
  std::sort(spent.rbegin(), spent.rend());
  double sum = 0;
  for (std::size_t i = static_cast<std::size_t>(computing); i < spent.size(); ++i) sum += spent[i];
  return sum;
}

// Over all requests of the trial, warm-up included: the samples cannot be cut finer for threads.
void add_cpu(const model::Trial& trial, int computing, const std::string& test, Nightwatt& result) {
  double tokens = 0;
  for (const auto& request : trial.requests) {
    tokens += static_cast<double>(request.generated_tokens.value_or(0));
  }
  if (tokens <= 0 || trial.machine.size() < 2) return;
  const auto own = trial.machine.back().self_cpu_ns - trial.machine.front().self_cpu_ns;
  result.own_us[test] = static_cast<double>(own) * 1e-3 / tokens;
  result.other_us[test] = other_threads_ns(trial, computing) * 1e-3 / tokens;
}

Result<Nightwatt> ask_nightwatt(const Setup& setup, int block) {
  const auto campaign = setup.folder + "/campaign.toml";
  std::ofstream(campaign) << fmt::format(
      "model = \"{}\"\n[rounds]\norder = [\"throughput\"]\nrestarts = 1\n[workload]\nprompt = [{}]\ngenerate = [{}]\n"
      "[[backend]]\nname = \"cpu\"\nengine = \"llama-server\"\n"
      "command = [\"{}\", \"-m\", \"{{model}}\", \"--port\", \"{{port}}\", \"-t\", \"{}\", \"-ngl\", \"0\", \"-np\", "
      "\"1\", \"-c\", \"{}\"]\n",
      setup.model, setup.prompt, setup.generate, setup.llama_server, setup.threads, setup.prompt + setup.generate + 64);
  const auto dir = fmt::format("{}/run{}", setup.folder, block);
  NW_TRY(const auto ran, os::run_command(NW_PROGRAM, {"nightwatt", "--quiet", "run", campaign, "--out", dir},
                                         os::environment(), Seconds(1800), -1));
  if (ran.exit_code != 0) return failed_error("nightwatt run: " + ran.text);
  NW_TRY(const auto store, store::RunStore::open(dir, store::Mode::read_only));
  NW_TRY(const auto run, store.load());
  Nightwatt result;
  for (const auto& restart : run.restarts) {
    for (const auto& trial : restart.trials) {
      if (!trial.test) continue;
      double client_s = 0, client_tokens = 0, engine_s = 0, engine_tokens = 0;
      for (const auto& request : trial.requests) {
        const auto client = model::tokens_per_second(request, *trial.test);
        const auto engine = model::engine_tokens_per_second(request, *trial.test);
        if (request.warmup || !client || !engine) continue;
        const double tokens = trial.test->prompt > 0 ? static_cast<double>(trial.test->prompt)
                                                     : static_cast<double>(trial.test->generate - 1);
        client_tokens += tokens, client_s += tokens / *client;
        engine_tokens += tokens, engine_s += tokens / *engine;
      }
      if (client_s <= 0) return failed_error("nightwatt measured nothing valid");
      result.client[model::to_string(*trial.test)] = client_tokens / client_s;
      result.engine[model::to_string(*trial.test)] = engine_tokens / engine_s;
      if (trial.test->generate > 0) add_cpu(trial, setup.threads, model::to_string(*trial.test), result);
    }
  }
  return result;
}

// What llama.cpp itself counts for sampling, per token, with the samplers that nightwatt asks for.
std::optional<double> sampling_us(const Setup& setup) {
  if (setup.llama_completion.empty()) return std::nullopt;
  const auto generate = std::to_string(2 * setup.generate);
  const auto ran = os::run_command(setup.llama_completion,
                                   {"llama-completion",
                                    "-m",
                                    setup.model,
                                    "-t",
                                    std::to_string(setup.threads),
                                    "-ngl",
                                    "0",
                                    "-c",
                                    "1024",
                                    "-n",
                                    generate,
                                    "-p",
                                    "a",
                                    "--ignore-eos",
                                    "--samplers",
                                    "top_k",
                                    "--top-k",
                                    "256",
                                    "-no-cnv",
                                    "--perf"},
                                   os::environment(), Seconds(1800), -1);
  if (!ran) return std::nullopt;
  constexpr std::string_view kMark = " sampling time =";
  const auto at = ran->text.find(kMark);
  if (at == ran->text.npos) return std::nullopt;
  return std::atof(ran->text.c_str() + at + kMark.size()) * 1e3 / (2.0 * setup.generate);
}

void print_ratio(const char* what, const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<stats::Repeat> ra, rb;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ra.push_back({static_cast<int>(i), a[i]});
    rb.push_back({static_cast<int>(i), b[i]});
  }
  const auto ratio = stats::ratio_of(ra, rb);
  if (!ratio || !ratio->ci95) return fmt::print("  {:28} too few blocks\n", what);
  fmt::print("  {:28} {:.4f}  95 % interval [{:.4f}, {:.4f}]\n", what, ratio->ratio, ratio->ci95->lo, ratio->ci95->hi);
}

using Columns = std::map<std::string, std::array<std::vector<double>, 3>>;  // llama-bench, nightwatt, engine's clock
using CpuColumns = std::map<std::string, std::array<std::vector<double>, 2>>;

void print_summary(const Setup& setup, Columns& rates, CpuColumns& cpu_us) {
  for (const auto& [test, columns] : rates) {
    fmt::print("{}:\n", test);
    print_ratio("nightwatt / llama-bench", columns[1], columns[0]);
    print_ratio("nightwatt / engine's clock", columns[1], columns[2]);
    print_ratio("engine's clock / llama-bench", columns[2], columns[0]);
    if (!cpu_us.contains(test)) continue;
    const auto own = stats::mean_of(cpu_us[test][0]);
    const auto other = stats::mean_of(cpu_us[test][1]);
    const auto sampling = sampling_us(setup);
    const double token_us = 1e6 / stats::mean_of(columns[1])->mean;
    fmt::print(
        "  a token takes {:.0f} µs; beyond computing, CPU time of nightwatt {:.0f} µs, of the server's other threads "
        "{:.0f} µs",
        token_us, own->mean, other->mean);
    if (sampling) fmt::print(", and sampling {:.0f} µs (llama-completion's count)", *sampling);
    fmt::print(": {:.1f} %\n", 100 * (own->mean + other->mean + sampling.value_or(0)) / token_us);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Setup setup;
  const auto path = os::environment_value("PATH").value_or("");
  setup.llama_bench = os::find_program("llama-bench", path).value_or("");
  setup.llama_server = os::find_program("llama-server", path).value_or("");
  setup.llama_completion = os::find_program("llama-completion", path).value_or("");
  if (setup.llama_bench.empty() || setup.llama_server.empty()) {
    return fail(
        "llama-bench and llama-server are not on PATH: tools/lab makes them; then tools/lab --exec this program");
  }
  setup.model = argc > 1 ? argv[1] : std::string(NW_SOURCE_DIR) + "/models/small-qwen3moe.gguf";
  if (argc > 2) setup.blocks = std::atoi(argv[2]);
  if (argc > 3) setup.prompt = std::atoi(argv[3]);
  if (argc > 4) setup.generate = std::atoi(argv[4]);
  if (argc > 5) setup.threads = std::atoi(argv[5]);
  if (!fs::exists(setup.model)) {
    fs::create_directories(fs::path(setup.model).parent_path());
    app::SynthOptions synth;
    synth.shape = "small-qwen3moe";
    synth.output = setup.model;
    if (const auto status = app::synth(synth); !status) return fail(status.error().message);
  }
  std::string folder = (fs::temp_directory_path() / "nightwatt-agreement-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return fail("no temporary folder");
  setup.folder = folder;

  Columns rates;
  CpuColumns cpu_us;
  fmt::print("model {} ({}), threads: {}, blocks: {}\n", setup.model, human_bytes(fs::file_size(setup.model)),
             setup.threads, setup.blocks);
  for (int block = 0; block < setup.blocks; ++block) {
    Result<Rates> bench = Rates{};
    Result<Nightwatt> ours = Nightwatt{};
    const bool bench_first = block % 2 == 0;
    if (bench_first) bench = ask_llama_bench(setup);
    ours = ask_nightwatt(setup, block);
    if (!bench_first) bench = ask_llama_bench(setup);
    if (!bench) return fail(bench.error().message);
    if (!ours) return fail(ours.error().message);
    for (const auto& [test, rate] : *bench) {
      rates[test][0].push_back(rate);
      rates[test][1].push_back(ours->client[test]);
      rates[test][2].push_back(ours->engine[test]);
      fmt::print("block {:2}  {:6}  llama-bench {:8.2f} t/s   nightwatt {:8.2f} t/s   engine's clock {:8.2f} t/s\n",
                 block + 1, test, rate, ours->client[test], ours->engine[test]);
    }
    for (const auto& [test, own] : ours->own_us) {
      cpu_us[test][0].push_back(own);
      cpu_us[test][1].push_back(ours->other_us[test]);
    }
    std::fflush(stdout);
  }
  print_summary(setup, rates, cpu_us);
  fs::remove_all(folder);
  return 0;
}
