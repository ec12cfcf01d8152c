// What watching costs: one look at a process with N threads, and a whole window of 10 s with a look each second, as
// `nightwatt run` does it (store included). The figure that matters is nightwatt's own CPU time as a share of a core.
#include <benchmark/benchmark.h>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <thread>

#include "app/version.h"
#include "os/process.h"
#include "os/system_clock.h"
#include "store/run_store.h"
#include "watch/watcher.h"

namespace {

using namespace nw;

// A child process with this many threads that all sleep, which is what most threads of an engine do.
class Sleepers {
 public:
  explicit Sleepers(int threads) {
    std::array<int, 2> ready{};
    if (::pipe(ready.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      std::mutex mutex;
      std::condition_variable never;
      for (int i = 1; i < threads; ++i) {
        std::thread([&] {
          std::unique_lock lock(mutex);
          never.wait(lock, [] { return false; });
        }).detach();
      }
      [[maybe_unused]] const auto n = ::write(ready[1], "x", 1);
      while (true) ::pause();
    }
    char byte = 0;
    [[maybe_unused]] const auto n = ::read(ready[0], &byte, 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Sleepers() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

void look(benchmark::State& state, watch::Detail detail) {
  const Sleepers sleepers(static_cast<int>(state.range(0)));
  os::LinuxProcesses processes;
  const os::SystemClock clock;
  watch::Watcher watcher(processes, clock);
  watch::ProcessGroup group(processes, watch::Selector{watch::Selector::Kind::pid, {}, sleepers.pid()});
  std::size_t threads = 0;
  for (auto _ : state) threads = watcher.look(&group, detail).threads.size();
  state.counters["threads"] = static_cast<double>(threads);
}
void LookInside(benchmark::State& state) { look(state, watch::Detail::threads); }
void LookAtEdge(benchmark::State& state) { look(state, watch::Detail::edge); }
BENCHMARK(LookInside)->Arg(1)->Arg(20)->Arg(200)->Unit(benchmark::kMicrosecond);
BENCHMARK(LookAtEdge)->Arg(1)->Arg(20)->Arg(200)->Unit(benchmark::kMicrosecond);

void Window10s(benchmark::State& state) {
  const Sleepers sleepers(static_cast<int>(state.range(0)));
  os::LinuxProcesses processes;
  const os::SystemClock clock;
  watch::Watcher watcher(processes, clock);
  watch::ProcessGroup group(processes, watch::Selector{watch::Selector::Kind::pid, {}, sleepers.pid()});
  const auto dir = std::filesystem::temp_directory_path() / fmt::format("nightwatt-bench-{}", ::getpid());
  model::Run header;
  header.id = "bench";
  header.backends.resize(1);
  header.campaign.backends.resize(1);
  auto store = store::RunStore::create(dir, header);
  if (!store) return state.SkipWithError(store.error().message.c_str());
  model::Session session;
  session.id = "bench";
  const auto restart = store->begin_session(session) ? store->begin_restart({}) : Result<std::int64_t>(0);
  double share = 0;
  for (auto _ : state) {
    const auto trial = store->begin_trial(*restart, {});
    const double cpu = os::self_cpu_s();
    const Moment begin = clock.now();
    watch::WindowPlan plan;
    plan.length = Seconds(10);
    watcher.watch(&group, plan, {}, [&](const watch::Snapshot& snapshot) {
      std::vector<model::MachineSample> machine;
      if (snapshot.machine) machine.push_back(*snapshot.machine);
      if (!store->append(*trial, {snapshot.processes, snapshot.threads, machine})) state.SkipWithError("store");
    });
    share = (os::self_cpu_s() - cpu) / to_seconds(clock.now() - begin);
  }
  state.counters["core_%"] = share * 100;
  std::filesystem::remove_all(dir);
}
BENCHMARK(Window10s)->Arg(200)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace

BENCHMARK_MAIN();
