// This machine, this model file and this moment as records. Private to app/.
#pragma once

#include <cstdint>
#include <string>

#include "model/machine.h"
#include "model/run_data.h"

namespace nw::app {

[[nodiscard]] model::Machine machine_record();
// What the file's header says, and its hash (read once, kept for the next time); only path and size where it is not a
// model file. `stop_fd` readable ends the hashing: the hash is then empty.
[[nodiscard]] model::ModelRecord model_record(const std::string& path, int stop_fd);
// "2026-01-31T12:00:00Z".
[[nodiscard]] std::string iso_time(std::int64_t wall_ns);

}  // namespace nw::app
