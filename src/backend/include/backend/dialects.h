// The APIs of the engines, as implementations of model::Dialect. No I/O: load/ does the speaking.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/campaign.h"
#include "model/dialect.h"

namespace nw::backend {

struct DialectOptions {
  std::string model;       // the model's name; empty: the first one the server lists
  std::string api_key;     // sent as "Authorization: Bearer …"; empty: no such header. Never in an error or a label
  std::string base_path;   // of the URL, before the engine's own paths; empty: the engine's default
                           // (openai: /v1, lemonade: /api/v1, others none)
  std::uint64_t seed = 1;  // of prompts
  std::vector<std::pair<std::string, std::string>> headers;  // sent with every request
};

// What each engine is asked, and what its counters mean:
//   llama-server  POST /completion with token ids: lengths are exact; prompt, cached and generated tokens and the
//                 server's own times come in "timings"
//   openai        POST /v1/completions with text, usage asked for; lengths come close after calibrate()
//   lemonade      the same below /api/v1
//   ollama        POST /api/generate, raw; it states no cached tokens
[[nodiscard]] std::unique_ptr<model::Dialect> make_dialect(model::Engine engine, DialectOptions options);

}  // namespace nw::backend
