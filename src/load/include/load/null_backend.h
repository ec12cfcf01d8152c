// A backend that computes nothing and answers on an exact schedule: the ceiling of the load generator, and the truth
// for its clocks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"

namespace nw::load {

struct NullOptions {
  // Of each stream; 0: as fast as they can be sent. Token k (from 0) is due at the arrival of the request
  // + prompt_tokens · prefill_per_token + k / tokens_per_s.
  double tokens_per_s = 50;
  Seconds prefill_per_token{0};
  // The text of a token is the moment at which it was handed to the kernel, in ns of CLOCK_MONOTONIC behind a blank.
  bool stamps = false;
  // Nothing is sent for `stall` from `stall_at` (since run() began) on, to nobody; the schedule then goes on from where
  // it stood. 0: never.
  Seconds stall_at{0}, stall{0};
  std::string model = "null";
};

// Speaks llama-server's own API, OpenAI's completions and chat completions, and Ollama's generate and chat, streaming
// or not. A prompt has as many tokens as its array of ids is long, or one per four bytes of text. One thread; stop()
// alone may come from another. Cost on one core: see bench/stream_clock.cpp.
class NullBackend {
 public:
  NullBackend(const Clock& clock, NullOptions options);
  ~NullBackend();
  NullBackend(const NullBackend&) = delete;
  NullBackend& operator=(const NullBackend&) = delete;

  // Port 0 takes a free one. Errors as of net::Server::listen.
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port);
  void run(int stop_fd = -1);
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nw::load
