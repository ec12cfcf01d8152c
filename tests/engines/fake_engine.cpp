// An inference engine of known behaviour. It computes nothing: it sleeps and spins as told, and answers over HTTP like
// the engines nightwatt measures, so that a test knows what a measurement of it must say.
//
// The native API is that of llama-server of llama.cpp 0.7.0 (Debian package 1:0.7.0+dfsg-2), observed from outside; see
// api_llama.cpp. --api openai and --api ollama speak two others.
//
// Order of a start, as llama-server has it: flags, port, model; while the model loads, the port answers 503. Processes
// (--double-fork, --leak-child) come first of all, while there is one thread and no socket that they could inherit. The
// main thread then only waits for a signal, with the end of --max-life as its time-out: it wakes up never, or to exit.

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>

#include "burden.h"
#include "engine.h"
#include "http.h"
#include "options.h"

namespace {

using nw::fake::Options;

constexpr int kLifeEnded = 3;

double now_s() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// Blocked in every thread, so that only wait_until() sees them. --ignore-term ignores them altogether.
sigset_t take_over_signals(bool ignore) {
  sigset_t ends;
  sigemptyset(&ends);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    if (ignore) {
      ::signal(number, SIG_IGN);
    } else {
      // A parent may have set them to be ignored (nohup), and then they would never be pending.
      ::signal(number, SIG_DFL);
      sigaddset(&ends, number);
    }
  }
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  return ends;
}

// True if a signal to end came before the moment.
bool wait_until(const sigset_t& ends, double moment_s) {
  while (true) {
    const double left = moment_s - now_s();
    if (left <= 0) return false;
    timespec t{};
    t.tv_sec = static_cast<time_t>(left);
    t.tv_nsec = static_cast<long>((left - static_cast<double>(t.tv_sec)) * 1e9);
    if (::sigtimedwait(&ends, nullptr, &t) > 0) return true;
    if (errno != EAGAIN && errno != EINTR) return false;
  }
}

bool readable(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  std::fclose(file);
  return true;
}

void print_facts(const Options& options) {
  if (options.show_version) fmt::print("version: 0.0.0 (build 0, commit fake)\nbuilt with nothing for tests\n");
  if (options.list_devices) fmt::print("Available devices:\n  Fake0: Fake device (1024 MiB, 1024 MiB free)\n");
}

int die_at_start(int status) {
  fmt::print(stderr,
             "srv    load_model: loading model\n"
             "fake_backend: error: no usable device was found\n"
             "srv  llama_server: exiting due to model loading error\n");
  return status;
}

// The exit status if it ends before it is ready, with the reason on standard error.
std::optional<int> open_and_load(const Options& options, nw::fake::Listener& listener) {
  if (!listener.open(options.host, options.port)) {
    fmt::print(stderr, "error: couldn't bind HTTP server socket, hostname: {}, port: {}\n", options.host, options.port);
    return 1;
  }
  if (options.model.empty() ? options.api == nw::fake::Api::llama_server : !readable(options.model)) {
    fmt::print(stderr, "error: failed to open GGUF file '{}' (No such file or directory)\n", options.model);
    fmt::print(stderr, "srv    load_model: failed to load model, '{}'\n", options.model);
    return 1;
  }
  return std::nullopt;
}

int serve(const Options& options) {
  const double begin = now_s();
  const sigset_t ends = take_over_signals(options.ignore_term);
  if (!options.log_secret.empty()) fmt::print(stderr, "start {}\n", options.log_secret);

  // For as long as the process: threads use them, and nobody joins the threads.
  static nw::fake::Burden burden(options);
  static nw::fake::Engine engine(options, burden);
  static nw::fake::Listener listener;
  if (!burden.start_processes()) return 1;
  if (options.die_at_start) return die_at_start(*options.die_at_start);
  if (const auto status = open_and_load(options, listener)) return *status;
  listener.start([](auto& client, const auto& request) { engine.handle(client, request); });
  fmt::print(stderr, "srv  llama_server: listening on http://{}:{}\n", options.host, listener.port());

  const double end_of_life = begin + options.max_life_s;
  if (!options.never_ready) {
    if (wait_until(ends, std::min(begin + options.ready_after_s, end_of_life))) return 0;
    burden.loaded();
    engine.set_ready();
    fmt::print(stderr, "srv  llama_server: model loaded\n");
  }
  if (wait_until(ends, end_of_life)) return 0;
  fmt::print(stderr, "fake_engine: end of --max-life\n");
  return kLifeEnded;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stderr, nullptr, _IOLBF, BUFSIZ);
  static const auto options = nw::fake::parse_options({argv + 1, argv + argc});
  if (!options) return 1;
  if (options->show_version || options->list_devices) {
    print_facts(*options);
    return 0;
  }
  const int status = serve(*options);
  std::fflush(nullptr);
  // Not exit(3): destructors of statics that running threads use.
  ::_exit(status);
}
