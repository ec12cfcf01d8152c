#include "machine_record.h"

#include <fmt/chrono.h>

#include <ctime>
#include <filesystem>

#include "app/model_commands.h"
#include "app/stop_bridge.h"
#include "base/log.h"
#include "base/text.h"
#include "os/hash.h"
#include "os/machine_facts.h"

namespace nw::app {

model::Machine machine_record() {
  const auto facts = os::machine_facts();
  model::Machine machine;
  machine.id = facts.id;
  machine.boot_id = facts.boot_id;
  machine.os = facts.os;
  machine.kernel = facts.kernel;
  machine.arch = facts.arch;
  machine.cpu = facts.cpu;
  machine.cpus = facts.cpus;
  machine.cpu_limit = facts.cpu_limit;
  machine.memory_bytes = facts.memory_bytes;
  machine.governor = facts.governor;
  machine.wsl = facts.wsl;
  machine.virtualization = facts.virtualization;
  return machine;
}

model::ModelRecord model_record(const std::string& path, int stop_fd) {
  model::ModelRecord record;
  record.path = path;
  std::error_code ignored;
  const auto bytes = std::filesystem::file_size(path, ignored);
  if (!ignored) record.bytes = bytes;
  constexpr std::uint64_t kTellAboveBytes = 2'000'000'000;
  if (record.bytes > kTellAboveBytes)
    log::info("hashing the model ({}; kept for the next time)", human_bytes(record.bytes));
  const StopBridge bridge(stop_fd);
  ShowOptions options;
  options.hash = true;
  options.hash_cache = os::user_hash_cache();
  options.stop = bridge.token();
  const auto info = show(path, options);
  if (!info) return record;  // not a GGUF: the engine may read other formats
  record.sha256 = info->sha256.value_or("");
  record.arch = info->architecture;
  record.quant = info->quantisation.value_or("");
  record.name = info->name.value_or("");
  record.synthetic = info->synthetic;
  return record;
}

std::string iso_time(std::int64_t wall_ns) {
  const std::time_t seconds = wall_ns / 1'000'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

}  // namespace nw::app
