// DIR/run.sqlite as a file: making it, opening it in either mode, leaving it tidy.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "database.h"
#include "model/run_data.h"

namespace nw::store {

[[nodiscard]] std::filesystem::path run_file(const std::filesystem::path& dir);
// True if what exists there is not an empty file.
[[nodiscard]] bool is_there(const std::filesystem::path& file);

// Both need the writer's lock. The first wants no run in `dir`, the second one.
Status make_run_file(const std::filesystem::path& dir, const model::Run& header);
Result<Database> open_for_writing(const std::filesystem::path& dir);

Result<Database> open_for_reading(const std::filesystem::path& dir);

// Merges the write-ahead log into the file and goes back to a single file. Readers at work are no error: the log then
// stays beside the file.
Status tidy_up(Database& database);

}  // namespace nw::store
