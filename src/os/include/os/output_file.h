// A large file that appears under its name only when it is whole.
//
// The bytes go to a file without a name in the target's directory (O_TMPFILE), which the kernel drops by itself when
// the process ends, however it ends. Where the file system has no such files, they go to ".NAME.PID-TIME.part" beside
// the target; the destructor removes it, and so do SIGINT and SIGTERM if the program had left them at their default.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "base/result.h"

namespace nw::os {

// One thread at a time. Writing goes through the page cache but keeps only a bounded window of it occupied.
class OutputFile {
 public:
  // Fails before anything is written: usage if `target` exists, lacking if its directory does not exist or cannot be
  // written, failed if the file system has less than `expected_bytes` free.
  [[nodiscard]] static Result<OutputFile> create(const std::filesystem::path& target, std::uint64_t expected_bytes);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();  // without commit(), nothing remains

  // Appends. Fails (failed) if the disk is full or broken. Best in pieces of some megabytes.
  Status write(std::span<const std::byte> bytes);

  // Flushes to the disk and gives the file its name, in one step, which fails (usage) if that name has been taken
  // meanwhile. Nothing but the destructor may be called afterwards.
  Status commit();

  [[nodiscard]] std::uint64_t bytes_written() const;

  // As if the file system had no nameless files, from the next create() on: for the tests of the fallback.
  static void use_named_files_for_test(bool yes);

 private:
  struct State;
  explicit OutputFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace nw::os
