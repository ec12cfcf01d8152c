// Where the facts come from: /etc/os-release (os-release(5)), uname, /proc/cpuinfo, /proc/meminfo, cpufreq in sysfs,
// cpu.max of cgroup v2 (or cpu.cfs_quota_us of v1) and, for WSL, the kernel's release string, which Microsoft's builds
// mark with "microsoft-standard-WSL2".
#include "os/machine_facts.h"

#include <fmt/core.h>
#include <openssl/evp.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/text.h"
#include "os/file.h"

namespace nw::os {
namespace {

// The value of "key<separator>value" in a text of lines; quotes are taken off.
std::optional<std::string> keyed(const std::string& text, std::string_view key, char separator) {
  for (const auto line : split(text, '\n')) {
    const auto at = line.find(separator);
    if (at == std::string_view::npos || trim(line.substr(0, at)) != key) continue;
    auto value = trim(line.substr(at + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return std::nullopt;
}

std::string first_line(const std::optional<std::string>& text) {
  if (!text) return {};
  return std::string(trim(std::string_view(*text).substr(0, text->find('\n'))));
}

std::string hashed_id(const std::string& machine_id) {
  if (machine_id.empty()) return {};
  const std::string text = "nightwatt:" + machine_id;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) return {};
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::optional<double> cgroup_cpu_limit(const std::string& root) {
  const auto own = read_small(root + "/proc/self/cgroup");
  if (!own) return std::nullopt;
  std::optional<double> limit;
  for (const auto line : split(*own, '\n')) {
    if (!line.starts_with("0::")) continue;
    std::string path(line.substr(3));
    while (true) {  // the tightest limit on the way up holds
      if (const auto text = read_small(fmt::format("{}/sys/fs/cgroup{}/cpu.max", root, path == "/" ? "" : path))) {
        const auto parts = split(trim(*text), ' ');
        const auto quota = parse_double(parts[0]);
        const auto period = parts.size() > 1 ? parse_double(parts[1]) : std::nullopt;
        if (quota && period && *period > 0) limit = std::min(limit.value_or(1e9), *quota / *period);
      }
      const auto slash = path.rfind('/');
      if (slash == std::string::npos || path == "/") break;
      path = slash == 0 ? "/" : path.substr(0, slash);
    }
  }
  return limit;
}

std::optional<std::string> virtualization(const std::string& root, const std::string& cpuinfo) {
  if (read_small(root + "/.dockerenv")) return "docker";
  if (read_small(root + "/run/.containerenv")) return "podman";
  const auto flags = keyed(cpuinfo, "flags", ':');
  if (flags && (" " + *flags + " ").find(" hypervisor ") != std::string::npos) return "hypervisor";
  return std::nullopt;
}

}  // namespace

MachineFacts machine_facts(const std::string& root) {
  MachineFacts facts;
  facts.id = hashed_id(first_line(read_small(root + "/etc/machine-id")));
  facts.boot_id = first_line(read_small(root + "/proc/sys/kernel/random/boot_id"));
  const auto release = read_small(root + "/etc/os-release");
  facts.os = release ? keyed(*release, "PRETTY_NAME", '=').value_or("Linux") : "Linux";
  utsname name{};
  if (::uname(&name) == 0) facts.kernel = name.release, facts.arch = name.machine;
  if (!root.empty()) facts.kernel = first_line(read_small(root + "/proc/sys/kernel/osrelease"));
  const auto cpuinfo = read_small(root + "/proc/cpuinfo", 8 << 20).value_or("");
  facts.cpu = keyed(cpuinfo, "model name", ':').value_or("unknown");
  for (const auto line : split(cpuinfo, '\n')) facts.cpus += line.starts_with("processor") ? 1 : 0;
  facts.cpu_limit = cgroup_cpu_limit(root);
  if (const auto meminfo = read_small(root + "/proc/meminfo")) {
    const auto total = keyed(*meminfo, "MemTotal", ':').value_or("0 kB");
    facts.memory_bytes = static_cast<std::uint64_t>(parse_int(total.substr(0, total.find(' '))).value_or(0)) * 1024;
  }
  const auto governor = first_line(read_small(root + "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
  if (!governor.empty()) facts.governor = governor;
  if (facts.kernel.find("WSL2") != std::string::npos)
    facts.wsl = "WSL2";
  else if (facts.kernel.find("Microsoft") != std::string::npos)
    facts.wsl = "WSL1";
  facts.virtualization = virtualization(root, cpuinfo);
  return facts;
}

std::string random_uuid() {
  std::array<unsigned char, 16> b{};
  // 16 bytes of /dev/urandom's pool never come short once the machine has booted (getrandom(2)).
  while (::getrandom(b.data(), b.size(), 0) != static_cast<ssize_t>(b.size())) {
  }
  b[6] = static_cast<unsigned char>((b[6] & 0x0F) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3F) | 0x80);
  std::string text;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", b[i]);
  }
  return text;
}

std::vector<std::string> environment() {
  std::vector<std::string> list;
  for (char** variable = environ; *variable != nullptr; ++variable) list.emplace_back(*variable);
  return list;
}

std::optional<std::string> environment_value(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

int terminal_width(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace nw::os
