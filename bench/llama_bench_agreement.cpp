// Does `nightwatt run` measure the same speed as llama-bench? Both run in turn (ABBA) on the same model with the same
// threads, batch and depth on the CPU backend; printed are both rates and the ratio with its interval, paired by block.
//
//   bench_llama_bench_agreement [MODEL [BLOCKS [PP [TG]]]]
//
// What the two do differently, and what is printed beside the ratio to show it:
// - llama-bench computes inside the process; nightwatt asks over HTTP. The engine's own clock for the same requests
//   (its "timings") stands between them: nightwatt/engine is what HTTP, JSON and sampling cost, engine/llama-bench is
//   what is left.
// - llama-bench leaves tokenising and sampling out; nightwatt sends token ids (nothing to tokenise) and asks for the
//   cheapest sampling.
// - tg: llama-bench divides n evaluations by their time; nightwatt divides n − 1 tokens by the time from first to last.
//   Both are evaluations per second; at depth 0 llama-bench begins with an empty cache, nightwatt after one token.
#include <fmt/core.h>
#include <fmt/ranges.h>

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
  int blocks = 6, prompt = 512, generate = 128, threads = 2;
  std::string llama_bench, llama_server, folder;
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
    rates[prompt > 0 ? fmt::format("pp{}", prompt) : fmt::format("tg{}", generate)] =
        row.at("avg_ts").to_number<double>(code);
  }
  if (rates.size() != 2) return failed_error("llama-bench printed no rates: " + ran.text);
  return rates;
}

struct Nightwatt {
  Rates client, engine;
};

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
    }
  }
  return result;
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

}  // namespace

int main(int argc, char** argv) {
  Setup setup;
  const auto path = os::environment_value("PATH").value_or("");
  setup.llama_bench = os::find_program("llama-bench", path).value_or("");
  setup.llama_server = os::find_program("llama-server", path).value_or("");
  if (setup.llama_bench.empty() || setup.llama_server.empty()) {
    return fail(
        "llama-bench and llama-server are not on PATH: tools/lab makes them; then tools/lab --exec this program");
  }
  setup.model = argc > 1 ? argv[1] : std::string(NW_SOURCE_DIR) + "/models/small-qwen3moe.gguf";
  if (argc > 2) setup.blocks = std::atoi(argv[2]);
  if (argc > 3) setup.prompt = std::atoi(argv[3]);
  if (argc > 4) setup.generate = std::atoi(argv[4]);
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

  std::map<std::string, std::array<std::vector<double>, 3>> rates;  // llama-bench, nightwatt, the engine's own clock
  fmt::print("model {} ({}), {} threads, {} blocks\n", setup.model, human_bytes(fs::file_size(setup.model)),
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
    std::fflush(stdout);
  }
  for (const auto& [test, columns] : rates) {
    fmt::print("{}:\n", test);
    print_ratio("nightwatt / llama-bench", columns[1], columns[0]);
    print_ratio("nightwatt / engine's clock", columns[1], columns[2]);
    print_ratio("engine's clock / llama-bench", columns[2], columns[0]);
  }
  fs::remove_all(folder);
  return 0;
}
