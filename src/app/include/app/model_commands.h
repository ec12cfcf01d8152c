// `nightwatt model synth` and `nightwatt model show`: a model file of a published shape with random weights, and what
// a model file holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace nw::app {

struct SynthOptions {
  std::string shape;             // a row of model/shapes.h, e.g. "tiny-llama"
  std::string quant = "Q4_K_M";  // F16, Q8_0 or Q4_K_M
  std::uint64_t seed = 1;        // same seed, shape and quantisation: same bytes, on every machine
  std::filesystem::path output;  // must not exist
  // Asked between pieces of a few megabytes; a stop ends with ErrorKind::interrupted and leaves no file.
  std::stop_token stop;
  // Called in the caller's thread after each piece, with bytes; may be empty.
  std::function<void(std::uint64_t written, std::uint64_t total)> progress;
};

// Writes the file. Errors: usage (unknown shape or quantisation, no output, output exists), lacking (no such directory,
// not writable), failed (disk full), interrupted. Memory below 100 MB whatever the size; one thread beside the
// caller's. docs/decisions/0002-synthetic-models.md says what is in the file and why.
Status synth(const SynthOptions& options);

// What synth would write, without the weights. Errors: usage.
struct SynthOutline {
  std::string header;  // the first bytes of the file, up to its weights
  std::uint64_t file_bytes = 0;
};
[[nodiscard]] Result<SynthOutline> synth_outline(const SynthOptions& options);

// How many tensors have a type, and what they take.
struct TensorTypeUse {
  std::string type;  // "Q4_K"
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;
};

// What is unknown or absent is nullopt: a file need not state all of it.
struct ModelInfo {
  std::filesystem::path path;
  std::uint64_t bytes = 0;
  std::string architecture;  // "qwen3moe"
  std::optional<std::string> name;
  std::optional<std::string> quantisation;  // "Q4_K_M"
  std::uint64_t parameters = 0;             // elements of all tensors
  std::optional<std::uint64_t> layers;
  std::optional<std::uint64_t> width;  // embedding length
  std::optional<std::uint64_t> heads;
  std::optional<std::uint64_t> kv_heads;
  std::optional<std::uint64_t> experts;
  std::optional<std::uint64_t> experts_used;
  std::optional<std::uint64_t> vocab;
  std::optional<std::uint64_t> context;
  std::uint64_t tensors = 0;
  std::vector<TensorTypeUse> types;    // the one with the most bytes first
  std::optional<std::uint64_t> parts;  // of a model split over several files; this describes one of them
  bool synthetic = false;              // random weights, made by synth: reports say so beside each figure
  std::optional<std::uint64_t> seed;   // of a synthetic one
  std::optional<std::string> sha256;   // only if asked for
};

struct ShowOptions {
  bool hash = false;  // SHA-256 of the whole file, which is read once; the next time it is known
  // Where hashes are kept: os::user_hash_cache() in the program; nullopt keeps none.
  std::optional<std::filesystem::path> hash_cache;
  std::stop_token stop;
};

// Reads the header only (and the whole file for a hash). Errors: lacking (no such file, not readable), usage (a
// directory, not a GGUF, damaged), failed (cut short), interrupted.
[[nodiscard]] Result<ModelInfo> show(const std::filesystem::path& path, const ShowOptions& options = {});

// For a person: lines of "key  value"; for a program: one JSON object, unknown as null. Both end with a newline.
[[nodiscard]] std::string to_text(const ModelInfo& info);
[[nodiscard]] std::string to_json(const ModelInfo& info);

}  // namespace nw::app
