// What the fake engine was told to be: its command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nw::fake {

enum class Api { llama_server, openai, ollama };

struct Options {
  Api api = Api::llama_server;
  std::string host = "127.0.0.1";
  int port = 8080;  // 0: any free one; the log line "listening on" names it
  std::string model;
  std::string alias;  // empty: the model's path
  std::string api_key;
  int context = 4096;
  int vocabulary = 32'000;

  double ready_after_s = 0;
  bool never_ready = false;
  std::optional<int> die_at_start;         // exit status
  std::optional<int> die_after_requests;   // in the middle of which streamed answer, from 1
  std::optional<int> hang_after_requests;  // the same; every later answer hangs too
  std::optional<int> eos_after;            // tokens after which an answer ends unless the client says ignore_eos
  bool spin_after_first = false;
  int spin = 0;       // threads that spin from load on
  double nap_hz = 0;  // wake-ups per second of one more thread
  int threads = 0;    // threads that only block
  bool double_fork = false;
  bool leak_child = false;
  bool ignore_term = false;
  double prefill_rate = 0;  // tokens per second; 0: as fast as possible
  double decode_rate = 0;
  bool cache_hit = false;
  bool wrong_tokens = false;
  std::string log_secret;
  double max_life_s = 900;

  bool show_version = false;
  bool list_devices = false;

  [[nodiscard]] const std::string& name() const { return alias.empty() ? model : alias; }
};

// nullopt after it has said on standard error what is wrong.
[[nodiscard]] std::optional<Options> parse_options(const std::vector<std::string>& arguments);

}  // namespace nw::fake
