// The answering half of the fake engine: counts, keeps the schedule, and speaks one of three APIs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "burden.h"
#include "http.h"
#include "json_fields.h"
#include "options.h"

namespace nw::fake {

// What a client wants generated.
struct Job {
  std::vector<std::int64_t> prompt;
  std::int64_t generate = 0;  // negative: the engine's own default
  bool cache_prompt = true;
  bool ignore_eos = false;
};

// What it got. The counts are what the engine will claim, which --cache-hit and --wrong-tokens bend.
struct Tally {
  std::int64_t prompt_total = 0;
  std::int64_t cached = 0;
  std::int64_t processed = 0;  // of the prompt, without what the cache had
  std::int64_t generated = 0;
  bool by_limit = true;  // false: --eos-after ended it
  double prompt_ms = 0;
  double generate_ms = 0;
};

class Engine {
 public:
  Engine(const Options& options, Burden& burden) : options_(options), burden_(burden) {}

  // From now on it is ready; until then every request gets 503.
  void set_ready() { ready_ = true; }
  void handle(Connection& client, const HttpRequest& request);

 private:
  // Told of every token; false means that the client has gone.
  using OnToken = std::function<bool(std::int64_t index, std::string_view word)>;

  void handle_llama(Connection& client, const HttpRequest& request);
  void handle_openai(Connection& client, const HttpRequest& request);
  void handle_ollama(Connection& client, const HttpRequest& request);

  void llama_props(Connection& client);
  void llama_models(Connection& client);
  void llama_tokenize(Connection& client, const JsonFields& fields);
  void llama_completion(Connection& client, const JsonFields& fields);
  void openai_completion(Connection& client, const JsonFields& fields, bool chat);
  void ollama_generate(Connection& client, const JsonFields& fields);
  void ollama_unload(Connection& client);

  // Runs the schedule; false if the client went away.
  bool generate(const Job& job, Tally& tally, const OnToken& on_token);
  std::int64_t take_from_cache(const Job& job);
  void misbehave(int request, std::int64_t index, std::int64_t wanted);
  bool authorised(const HttpRequest& request) const;

  const Options& options_;
  Burden& burden_;
  std::atomic<bool> ready_ = false;
  std::atomic<int> requests_ = 0;
  std::atomic<int> unloads_ = 0;
  std::atomic<bool> in_memory_ = false;  // Ollama loads at the first request
  std::mutex cache_mutex_;
  std::vector<std::int64_t> cache_;  // the last prompt; one slot is enough for one client
};

// The text of the token at `index`, with its space.
[[nodiscard]] std::string_view word_at(std::int64_t index);
[[nodiscard]] JsonFields fields_of(const HttpRequest& request);
void answer_error(Connection& client, int status, std::string_view type, std::string_view message);

}  // namespace nw::fake
