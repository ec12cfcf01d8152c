// Facts about this machine that label a figure, and identities for a run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nw::os {

struct MachineFacts {
  // SHA-256 of /etc/machine-id with our name: stable, and does not give the id itself away (machine-id(5) asks for
  // that). Empty where there is none.
  std::string id;
  std::string boot_id;
  std::string os;
  std::string kernel;
  std::string arch;
  std::string cpu;
  int cpus = 0;                     // online
  std::optional<double> cpu_limit;  // cores, from the cgroup's cpu.max on the way up
  std::uint64_t memory_bytes = 0;
  std::optional<std::string> governor;
  std::optional<std::string> wsl;
  std::optional<std::string> virtualization;
};

// Reads /proc, /sys and /etc below `root` ("" for the real ones). What is not there is empty or absent.
[[nodiscard]] MachineFacts machine_facts(const std::string& root = "");

// A random (version 4) UUID.
[[nodiscard]] std::string random_uuid();

// The environment of this process as "NAME=value".
[[nodiscard]] std::vector<std::string> environment();
// One variable of it.
[[nodiscard]] std::optional<std::string> environment_value(const std::string& name);

// Whether standard error / standard output is a terminal, and how wide it is (80 where that is not known).
[[nodiscard]] bool is_terminal(int fd);
[[nodiscard]] int terminal_width(int fd);

}  // namespace nw::os
