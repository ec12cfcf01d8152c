// The SHA-256 of a file, remembered: a model of 18 GB takes long to hash, and does not change.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace nw::os {

struct FileHash {
  std::string hex;          // 64 lower-case digits
  bool remembered = false;  // from the cache: the file was not read
};

// $XDG_CACHE_HOME/nightwatt/hashes, else ~/.cache/nightwatt/hashes; nullopt if the environment names no home.
[[nodiscard]] std::optional<std::filesystem::path> user_hash_cache();

// What is remembered holds for the file's device, inode, size and modification time in nanoseconds. The cache is a
// directory with one small file per hashed file, replaced in one step; any number of processes may use it. If it is
// nullopt, missing and not creatable, or damaged, the hash is computed all the same.
//
// Errors: lacking (no such file, not readable), usage (not a regular file), failed (reading failed, or the file changed
// meanwhile), interrupted (`stop`, asked every few megabytes). Blocks; any thread.
[[nodiscard]] Result<FileHash> sha256_of_file(const std::filesystem::path& path,
                                              const std::optional<std::filesystem::path>& cache,
                                              const std::stop_token& stop = {});

}  // namespace nw::os
