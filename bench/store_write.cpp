// What it costs to keep one second of a backend with many threads: a process sample, a machine sample and a sample of
// each thread, in one call. CPU time counts, because it is spent while the window is being measured, and it is part of
// the self.cpu_s of every report.
#include <benchmark/benchmark.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "store/run_store.h"

namespace nw {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSecond = 1'000'000'000;

struct OpenRun {
  fs::path dir;
  store::RunStore store;
  std::int64_t trial;
};

Result<OpenRun> open_run() {
  const fs::path dir = fs::temp_directory_path() / fmt::format("nw-bench-store-{}", ::getpid());
  fs::remove_all(dir);
  NW_TRY(store::RunStore store, store::RunStore::create(dir, {}));
  NW_TRY([[maybe_unused]] const int session, store.begin_session({}));
  model::Restart restart;
  restart.backend = -1;
  NW_TRY(const std::int64_t id, store.begin_restart(restart));
  NW_TRY(const std::int64_t trial, store.begin_trial(id, {}));
  return OpenRun{dir, std::move(store), trial};
}

std::vector<model::ThreadSample> sample_threads(std::int64_t count, std::int64_t second) {
  std::vector<model::ThreadSample> threads;
  for (std::int64_t i = 0; i < count; ++i) {
    const Moment at{100'000 * kSecond + second * kSecond + i * 5'000};
    const auto tid = static_cast<std::int32_t>(40'000 + i);
    threads.push_back({at, 40'000, tid, fmt::format("worker-{}", i), second * kSecond + i * 777, second * 100 + i, i});
  }
  return threads;
}

void append_one_second(benchmark::State& state) {
  auto run = open_run();
  if (!run) return state.SkipWithError(run.error().message.c_str());
  const std::vector<model::ProcessSample> processes(1);
  const std::vector<model::MachineSample> machine(1);
  std::int64_t second = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto threads = sample_threads(state.range(0), second++);
    state.ResumeTiming();
    if (const Status status = run->store.append(run->trial, {processes, threads, machine}); !status) {
      state.SkipWithError(status.error().message.c_str());
      break;
    }
  }
  if (const Status status = run->store.close(); !status) state.SkipWithError(status.error().message.c_str());
  const auto size = static_cast<double>(fs::file_size(run->dir / "run.sqlite"));
  state.counters["bytes_per_s"] = size / static_cast<double>(second);
  state.counters["rows"] = benchmark::Counter(static_cast<double>(state.range(0)) + 2);
  fs::remove_all(run->dir);
}
// 300 windows' seconds each, so that the file is as large as in a real run.
BENCHMARK(append_one_second)->Arg(8)->Arg(50)->Arg(200)->Arg(1000)->Iterations(300)->Unit(benchmark::kMicrosecond);

void append_request_of_128_tokens(benchmark::State& state) {
  auto run = open_run();
  if (!run) return state.SkipWithError(run.error().message.c_str());
  model::Request request;
  for (std::int64_t i = 0; i < 128; ++i) request.token_times.push_back({100'000 * kSecond + i * 21'345'678});
  for (auto _ : state) {
    if (const Status status = run->store.append_request(run->trial, request); !status) {
      state.SkipWithError(status.error().message.c_str());
      break;
    }
  }
  fs::remove_all(run->dir);
}
BENCHMARK(append_request_of_128_tokens)->Iterations(300)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace nw

BENCHMARK_MAIN();
