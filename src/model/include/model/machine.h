// Where a figure was measured: without these labels it is not comparable.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nw::model {

struct Machine {
  std::string id;                   // SHA-256 of the machine id with our name: stable, says nothing about the host
  std::string boot_id;              // monotonic times compare only within one boot
  std::string os;                   // "Debian GNU/Linux 12 (bookworm)"
  std::string kernel;               // "6.18.44"
  std::string arch;                 // "x86_64"
  std::string cpu;                  // "AMD EPYC"
  int cpus = 0;                     // online, as the scheduler sees them
  std::optional<double> cpu_limit;  // cores allowed by the cgroup, when there is a limit
  std::uint64_t memory_bytes = 0;
  std::optional<std::string> governor;        // cpufreq's; none in most virtual machines
  std::optional<std::string> wsl;             // "WSL2" when the kernel says so
  std::optional<std::string> virtualization;  // "hypervisor" when the CPU flag is set, container engine when visible
  bool power_meter = false;                   // none in this version: watts are null
};

// Labels of one backend, collected by nightwatt itself; free keys, stable order, secrets masked. Keys used:
// engine_version, engine_build, command, env.NAME, model_name, device, compute (cpu|gpu|unknown), libraries, context,
// threads, attached, process.
using Labels = std::map<std::string, std::string>;

}  // namespace nw::model
