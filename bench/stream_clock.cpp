// How true are the client's clocks, and what does a token cost it? Against the null backend, whose tokens carry the
// moment at which they were handed to the kernel, two readers in turn:
//
// - bare: non-blocking sockets and epoll, a clock read after each recv, no HTTP, no JSON: what a client cannot beat;
// - nightwatt: net::Client with the parsers and the recorder's way of reading llama-server's stream.
//
//   bench_stream_clock [SECONDS [ROUNDS]]
//
// Printed per number of streams at 50 tokens/s: the error of token time stamps (seen − handed to the kernel, median
// and p99), CPU time per token, and the ratios nightwatt / bare of the same run.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/null_backend.h"
#include "net/client.h"
#include "os/file.h"
#include "os/process.h"
#include "os/system_clock.h"
#include "os/wait.h"
#include "stats/quantile.h"
#include "wire/llama_api.h"
#include "wire/sse.h"

namespace {

using namespace nw;

constexpr double kTokensPerSecond = 50;
constexpr Seconds kPrefill{0.2};  // by then all have asked

// Streams begin evenly over the time between two tokens: both readers get the same pattern of arrivals.
Moment start_of(int stream, int streams, Moment begin) {
  return begin + from_seconds(static_cast<double>(stream) / (kTokensPerSecond * streams));
}

struct Seen {
  std::vector<double> error_us;
  double cpu_us_per_token = 0;
  int broken = 0;  // streams that did not end well
};

std::string body(int tokens) {
  return fmt::format("{{\"prompt\":[1],\"n_predict\":{},\"stream\":true,\"cache_prompt\":false}}", tokens);
}

void note(std::string_view stamp, Moment at, Seen& seen) {
  std::int64_t ns = 0;
  const auto [end, code] = std::from_chars(stamp.data(), stamp.data() + stamp.size(), ns);
  if (code == std::errc()) seen.error_us.push_back(static_cast<double>(at.ns - ns) * 1e-3);
}

Seen nightwatt_reader(const net::Endpoint& endpoint, int streams, int tokens, const Clock& clock) {
  Seen seen;
  seen.error_us.reserve(static_cast<std::size_t>(streams * tokens));
  net::Client client(clock);
  const double cpu = os::self_cpu_s();
  const Moment begin = clock.now();
  for (int i = 0; i < streams; ++i) {
    auto sse = std::make_shared<wire::SseSplitter>();
    auto events = std::make_shared<std::vector<wire::SseEvent>>();
    net::StreamHandler handler;
    handler.on_bytes = [&seen, sse, events](std::string_view bytes, Moment at) -> Status {
      events->clear();
      NW_CHECK(sse->feed(bytes, *events));
      for (const auto& event : *events) {
        NW_TRY(const auto chunk, wire::parse_llama_chunk(event.data));
        if (chunk.has_content) note(std::string_view(chunk.content).substr(1), at, seen);
      }
      return {};
    };
    client.at(start_of(i, streams, begin), [&, handler] {
      client.start(endpoint, {"POST", "/completion", {}, body(tokens)}, handler, {},
                   [&seen](net::StreamEnd end) { seen.broken += end.outcome && end.status == 200 ? 0 : 1; });
    });
  }
  client.run();
  seen.cpu_us_per_token =
      (os::self_cpu_s() - cpu) * 1e6 / std::max<double>(1, static_cast<double>(seen.error_us.size()));
  return seen;
}

int connect_to(const net::Endpoint& endpoint) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(endpoint.port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return -1;
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

// Reads stamps where they stand in the bytes; a stamp that is cut by the end of a read is not counted.
Seen bare_reader(const net::Endpoint& endpoint, int streams, int tokens, const Clock& clock) {
  Seen seen;
  seen.error_us.reserve(static_cast<std::size_t>(streams * tokens));
  const double cpu = os::self_cpu_s();
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  const std::string text = body(tokens);
  const std::string request = fmt::format(
      "POST /completion HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", text.size(), text);
  int open = 0;
  const Moment begin = clock.now();
  for (int i = 0; i < streams; ++i) {
    os::wait_until(start_of(i, streams, begin), {});
    const int fd = connect_to(endpoint);
    if (fd < 0 || ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      ++seen.broken;
      continue;
    }
    epoll_event event{EPOLLIN, {}};
    event.data.fd = fd;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    ++open;
  }
  constexpr std::string_view kMark = "\"content\":\" ";
  std::vector<char> buffer(16U << 10);
  std::vector<epoll_event> events(256);
  while (open > 0) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 10'000);
    if (count <= 0) break;
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      const Moment at = clock.now();
      if (got <= 0) {
        ::close(fd);
        --open;
        continue;
      }
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
      for (auto from = bytes.find(kMark); from != bytes.npos; from = bytes.find(kMark, from + 1)) {
        note(bytes.substr(from + kMark.size()), at, seen);
      }
    }
  }
  ::close(poll);
  seen.cpu_us_per_token =
      (os::self_cpu_s() - cpu) * 1e6 / std::max<double>(1, static_cast<double>(seen.error_us.size()));
  return seen;
}

// The null backend in a process of its own, so that its CPU time is not the client's.
class Backend {
 public:
  explicit Backend(const Clock& clock) {
    int ends[2];
    if (::pipe(ends) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      load::NullOptions options;
      options.tokens_per_s = kTokensPerSecond;
      options.stamps = true;
      options.prefill_per_token = kPrefill;
      load::NullBackend backend(clock, options);
      const auto port = backend.listen("127.0.0.1", 0);
      const std::uint16_t number = port ? *port : std::uint16_t{0};
      if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(1);
      backend.run();
      ::_exit(0);
    }
    std::uint16_t number = 0;
    if (::read(ends[0], &number, sizeof number) == sizeof number) endpoint_ = {"127.0.0.1", number, false};
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~Backend() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  [[nodiscard]] const net::Endpoint& endpoint() const { return endpoint_; }

 private:
  pid_t pid_ = -1;
  net::Endpoint endpoint_;
};

struct Summary {
  std::vector<double> median, p99, cpu;
  std::size_t tokens = 0;
  int broken = 0;
  void add(Seen seen) {
    std::sort(seen.error_us.begin(), seen.error_us.end());
    broken += seen.broken;
    tokens += seen.error_us.size();
    if (seen.error_us.empty()) return;
    median.push_back(stats::quantile_of_sorted(seen.error_us, 0.5));
    p99.push_back(stats::quantile_of_sorted(seen.error_us, 0.99));
    cpu.push_back(seen.cpu_us_per_token);
  }
};

double middle(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return stats::quantile_of_sorted(values, 0.5);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 4;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  os::raise_open_files();
  const os::SystemClock clock;
  const Backend backend(clock);
  const int tokens = std::max(2, static_cast<int>(seconds * kTokensPerSecond));
  fmt::print("{} tokens/s per stream, {:.1f} s, median of {} rounds\n", kTokensPerSecond, seconds, rounds);
  fmt::print("{:>7}  {:>9}  {:>10}  {:>10}  {:>12}  {:>9}\n", "streams", "reader", "median", "p99", "CPU/token",
             "tokens");
  for (const int streams : {1, 8, 32, 256, 1000}) {
    Summary bare, ours;
    for (int round = 0; round < rounds; ++round) {
      const bool first = round % 2 == 0;
      if (first) bare.add(bare_reader(backend.endpoint(), streams, tokens, clock));
      ours.add(nightwatt_reader(backend.endpoint(), streams, tokens, clock));
      if (!first) bare.add(bare_reader(backend.endpoint(), streams, tokens, clock));
    }
    const auto row = [&](const char* name, const Summary& s) {
      fmt::print("{:7}  {:>9}  {:7.1f} µs  {:7.1f} µs  {:9.2f} µs  {:9}{}\n", streams, name, middle(s.median),
                 middle(s.p99), middle(s.cpu), s.tokens,
                 s.broken > 0 ? fmt::format("  {} streams broke", s.broken) : std::string());
    };
    row("bare", bare);
    row("nightwatt", ours);
    fmt::print("{:7}  {:>9}  {:7.2f}     {:7.2f}     {:9.2f}\n", streams, "ratio",
               middle(ours.median) / middle(bare.median), middle(ours.p99) / middle(bare.p99),
               middle(ours.cpu) / middle(bare.cpu));
    std::fflush(stdout);
  }
  return 0;
}
