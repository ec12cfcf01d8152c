// Threads that are busy for a known share of the time, and that tell their own CPU time exactly: the truth that
// nightwatt's figures are held against.
//
//   known_load --threads K --share PERCENT --seconds S [--period-ms 20] [--idle-threads N]
//
// "Busy for 30 % of a period" is counted in the thread's own CPU time, not in elapsed time: on a machine with other
// work a thread that was kept waiting still owes its share, and pays it before it sleeps. What a share is of the
// whole thus depends on the machine; what was burnt does not need to be believed, it is asked for: the line "mark" on
// standard input is answered by one line with every thread's CLOCK_THREAD_CPUTIME_ID, read through
// pthread_getcpuclockid(3). For a thread that is running the kernel adds the time since its last switch when it is
// read (task_sched_runtime() in kernel/sched/core.c), so a mark is exact to the nanosecond, and costs the threads
// nothing. CLOCK_MONOTONIC before and after brackets the moment.
//
//   ready pid=P busy=TID,TID idle=TID main=TID
//   mark before=NS after=NS process=NS busy=TID:NS,TID:NS idle=TID:NS main=TID:NS
//
// "quit", the end of input or the end of --seconds end it with status 0.

#include <fmt/core.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

struct Options {
  int threads = 1;
  int idle_threads = 0;
  double share = 100;  // per cent
  double seconds = 60;
  double period_ms = 20;
};

struct Worker {
  std::atomic<pid_t> tid = 0;
  clockid_t clock{};
};

std::int64_t read_ns(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

// Some 10 µs of user time. The clock below is a system call, and a loop of nothing else would be system time only.
void burn() {
  static thread_local volatile std::uint64_t sink = 1;
  std::uint64_t x = sink;
  for (int i = 0; i < 8'000; ++i) x = x * 6364136223846793005ULL + 1442695040888963407ULL;
  sink = x;
}

[[noreturn]] void work(const Options& options) {
  const auto period = static_cast<std::int64_t>(options.period_ms * 1e6);
  const auto share = static_cast<std::int64_t>(static_cast<double>(period) * options.share / 100);
  std::int64_t deadline = read_ns(CLOCK_MONOTONIC);
  while (true) {
    const std::int64_t target = read_ns(CLOCK_THREAD_CPUTIME_ID) + share;
    while (share > 0 && read_ns(CLOCK_THREAD_CPUTIME_ID) < target) burn();
    deadline += period;
    const std::int64_t now = read_ns(CLOCK_MONOTONIC);
    // Too late for this period, others had the CPU: begin the next one now rather than owe ever more.
    if (now >= deadline) {
      deadline = now;
      continue;
    }
    const timespec t{deadline / 1'000'000'000, deadline % 1'000'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
  }
}

// Starts one thread and returns when its clock can be read.
template <class Body>
std::unique_ptr<Worker> start(const char* name, Body body) {
  auto worker = std::make_unique<Worker>();
  std::thread thread([self = worker.get(), name, body] {
    ::prctl(PR_SET_NAME, name);
    self->tid = ::gettid();
    self->tid.notify_one();
    body();
  });
  ::pthread_getcpuclockid(thread.native_handle(), &worker->clock);
  worker->tid.wait(0);
  thread.detach();
  return worker;
}

using Workers = std::vector<std::unique_ptr<Worker>>;

std::string tids_of(const Workers& workers) {
  std::string out;
  for (const auto& w : workers) out += fmt::format("{}{}", out.empty() ? "" : ",", w->tid.load());
  return out;
}

void print_mark(const Workers& busy, const Workers& idle) {
  std::vector<std::int64_t> busy_ns(busy.size());
  std::vector<std::int64_t> idle_ns(idle.size());
  // Nothing but the reads between the two moments.
  const std::int64_t before = read_ns(CLOCK_MONOTONIC);
  for (std::size_t i = 0; i < busy.size(); ++i) busy_ns[i] = read_ns(busy[i]->clock);
  for (std::size_t i = 0; i < idle.size(); ++i) idle_ns[i] = read_ns(idle[i]->clock);
  const std::int64_t main_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
  const std::int64_t process_ns = read_ns(CLOCK_PROCESS_CPUTIME_ID);
  const std::int64_t after = read_ns(CLOCK_MONOTONIC);

  const auto list = [](const Workers& workers, const std::vector<std::int64_t>& ns) {
    std::string out;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      out += fmt::format("{}{}:{}", out.empty() ? "" : ",", workers[i]->tid.load(), ns[i]);
    }
    return out;
  };
  fmt::print("mark before={} after={} process={} busy={} idle={} main={}:{}\n", before, after, process_ns,
             list(busy, busy_ns), list(idle, idle_ns), ::gettid(), main_ns);
}

// Answers the lines of standard input until quit, the end of input or the moment.
void converse(const Workers& busy, const Workers& idle, std::int64_t end_ns) {
  std::string received;
  std::array<char, 256> buffer{};
  while (true) {
    const std::int64_t left_ms = (end_ns - read_ns(CLOCK_MONOTONIC)) / 1'000'000;
    if (left_ms <= 0) return;
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, static_cast<int>(left_ms)) <= 0) continue;
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got <= 0) return;
    received.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = received.find('\n')) != std::string::npos; received.erase(0, end + 1)) {
      const std::string_view line = std::string_view(received).substr(0, end);
      if (line == "quit") return;
      if (line == "mark") print_mark(busy, idle);
    }
  }
}

template <class T>
bool read_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Options> parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::string_view value = argv[i + 1];
    const bool ok = flag == "--threads"        ? read_number(value, o.threads)
                    : flag == "--idle-threads" ? read_number(value, o.idle_threads)
                    : flag == "--share"        ? read_number(value, o.share)
                    : flag == "--seconds"      ? read_number(value, o.seconds)
                    : flag == "--period-ms"    ? read_number(value, o.period_ms)
                                               : false;
    if (!ok) return std::nullopt;
  }
  const bool sane = argc % 2 == 1 && o.threads >= 0 && o.idle_threads >= 0 && o.share >= 0 && o.share <= 100 &&
                    o.seconds > 0 && o.seconds <= 3600 && o.period_ms > 0;
  return sane ? std::optional(o) : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  static const auto options = parse(argc, argv);
  if (!options) {
    fmt::print(stderr,
               "usage: known_load --threads K --share PERCENT --seconds S [--period-ms MS] [--idle-threads N]\n");
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const std::int64_t end = read_ns(CLOCK_MONOTONIC) + static_cast<std::int64_t>(options->seconds * 1e9);
  Workers busy;
  Workers idle;
  for (int i = 0; i < options->threads; ++i) busy.push_back(start("known_busy", [] { work(*options); }));
  for (int i = 0; i < options->idle_threads; ++i) {
    idle.push_back(start("known_idle", [] {
      while (true) ::pause();
    }));
  }
  fmt::print("ready pid={} busy={} idle={} main={}\n", ::getpid(), tids_of(busy), tids_of(idle), ::gettid());
  converse(busy, idle, end);
  std::fflush(stdout);
  // The threads still run; destructors of what they use must not.
  ::_exit(0);
}
