// The schedule. A fake engine of known speed must not be slower on a busy machine than it says, or the tests would
// measure the machine: every token has an absolute deadline, counted from the moment the request was read, so that a
// late wake-up delays one token and none after it.
//
// Where the clocks of prompt and generation meet is llama-server's convention: sampling the first token ends the
// prompt's time and begins the generation's. A generation of n tokens is therefore n - 1 intervals long, while its
// count is n: a decode rate of R means n - 1 tokens in (n - 1) / R seconds.

#include "engine.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>

namespace nw::fake {
namespace {

constexpr std::int64_t kDefaultGenerate = 16;
constexpr double kShortest_ms = 0.001;

std::int64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

void sleep_until(std::int64_t ns) {
  const timespec t{ns / 1'000'000'000, ns % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
  }
}

std::int64_t duration_ns(std::int64_t tokens, double rate) {
  return rate > 0 ? static_cast<std::int64_t>(static_cast<double>(tokens) / rate * 1e9) : 0;
}

double ms_between(std::int64_t from, std::int64_t to) { return static_cast<double>(to - from) * 1e-6; }

}  // namespace

std::string_view word_at(std::int64_t index) {
  static constexpr std::array<std::string_view, 8> kWords = {" a",  " watt", " at",  " night",
                                                             " is", " a",    " lot", " saved"};
  return kWords[static_cast<std::size_t>(index) % kWords.size()];
}

JsonFields fields_of(const HttpRequest& request) { return JsonFields::parse(request.body).value_or(JsonFields()); }

void answer_error(Connection& client, int status, std::string_view type, std::string_view message) {
  client.answer(status, fmt::format(R"({{"error":{{"code":{},"message":"{}","type":"{}"}}}})", status,
                                    json_escaped(message), type));
}

void Engine::handle(Connection& client, const HttpRequest& request) {
  if (!options_.log_secret.empty()) fmt::print(stderr, "request {} {}\n", request.path, options_.log_secret);
  if (!ready_) {
    answer_error(client, 503, "unavailable_error", "Loading model");
    return;
  }
  if (!authorised(request)) {
    answer_error(client, 401, "authentication_error", "Invalid API Key");
    return;
  }
  switch (options_.api) {
    case Api::llama_server:
      handle_llama(client, request);
      break;
    case Api::openai:
      handle_openai(client, request);
      break;
    case Api::ollama:
      handle_ollama(client, request);
      break;
  }
}

bool Engine::authorised(const HttpRequest& request) const {
  if (options_.api_key.empty() || request.path == "/health") return true;
  const auto found = request.headers.find("authorization");
  return found != request.headers.end() && found->second == "Bearer " + options_.api_key;
}

bool Engine::generate(const Job& job, Tally& tally, const OnToken& on_token) {
  const std::int64_t start = now_ns();
  const int number = ++requests_;
  burden_.asked();

  tally.prompt_total = static_cast<std::int64_t>(job.prompt.size());
  tally.cached = take_from_cache(job);
  tally.processed = tally.prompt_total - tally.cached;
  // A prompt that was computed yields a token even if none was asked for.
  std::int64_t wanted = job.generate < 0 ? kDefaultGenerate : std::max(job.generate, std::int64_t{1});
  if (options_.eos_after && !job.ignore_eos && *options_.eos_after < wanted) {
    wanted = *options_.eos_after;
    tally.by_limit = false;
  }

  const std::int64_t first_due = start + duration_ns(tally.processed, options_.prefill_rate);
  sleep_until(first_due);
  const std::int64_t first = now_ns();
  std::int64_t last = first;
  for (std::int64_t i = 0; i < wanted; ++i) {
    if (i > 0) sleep_until(first_due + duration_ns(i, options_.decode_rate));
    misbehave(number, i, wanted);
    last = now_ns();
    if (!on_token(i, word_at(i))) return false;
  }
  tally.generated = wanted;
  tally.prompt_ms = ms_between(start, first);
  tally.generate_ms = std::max(ms_between(first, last), kShortest_ms);
  if (options_.wrong_tokens) {
    tally.prompt_total += 2;
    tally.processed += 2;
    tally.generated += 1;
  }
  return true;
}

std::int64_t Engine::take_from_cache(const Job& job) {
  const std::lock_guard lock(cache_mutex_);
  const auto size = static_cast<std::int64_t>(job.prompt.size());
  std::int64_t common = 0;
  if (job.cache_prompt) {
    const auto differ = std::mismatch(job.prompt.begin(), job.prompt.end(), cache_.begin(), cache_.end());
    common = differ.first - job.prompt.begin();
  }
  cache_ = job.prompt;
  if (options_.cache_hit) common = std::max(common, (size + 1) / 2);
  // The last token is always computed: without it there is nothing to sample from.
  return std::clamp(common, std::int64_t{0}, std::max(size - 1, std::int64_t{0}));
}

void Engine::misbehave(int request, std::int64_t index, std::int64_t wanted) {
  if (index != wanted / 2) return;
  if (options_.die_after_requests && request == *options_.die_after_requests) {
    fmt::print(stderr, "fake_engine: error: device lost\n");
    ::_exit(134);
  }
  if (options_.hang_after_requests && request >= *options_.hang_after_requests) {
    fmt::print(stderr, "fake_engine: hangs\n");
    while (true) ::pause();
  }
}

}  // namespace nw::fake
