// Reading /proc. Every file may vanish between two system calls, because processes end: that is "nullopt" or one thread
// less, never an error. Formats: proc(5); schedstat: Documentation/scheduler/sched-stats.rst of the kernel.
#include "os/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <ctime>
#include <functional>
#include <set>
#include <string_view>

#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/system_clock.h"

namespace nw::os {
namespace {

// A /proc file into a buffer of the caller; empty when it cannot be read. No heap: this runs hundreds of times a
// second.
template <std::size_t N>
std::string_view read_proc(const char* path, std::array<char, N>& buffer) {
  const Fd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  const ssize_t n = ::read(fd.get(), buffer.data(), N);
  return n > 0 ? std::string_view(buffer.data(), static_cast<std::size_t>(n)) : std::string_view();
}

struct Stat {
  std::string comm;
  pid_t parent = 0;
  std::int64_t ticks = 0;  // utime + stime
  std::int64_t start_ticks = 0;
  std::int64_t rss_pages = 0;
};

// The command name may hold spaces and brackets: the fields begin after the last ')'.
std::optional<Stat> parse_stat(std::string_view text) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  const auto fields = split(trim(text.substr(close + 1)), ' ');
  constexpr std::size_t kFirst = 3;  // number of the first field after the name in proc(5)
  const auto field = [&](std::size_t number) {
    return number - kFirst < fields.size() ? parse_int(fields[number - kFirst]).value_or(0) : 0;
  };
  if (fields.size() < 22) return std::nullopt;
  Stat stat;
  stat.comm = std::string(text.substr(open + 1, close - open - 1));
  stat.parent = static_cast<pid_t>(field(4));
  stat.ticks = field(14) + field(15);
  stat.start_ticks = field(22);
  stat.rss_pages = field(24);
  return stat;
}

std::int64_t line_value(std::string_view text, std::string_view key, std::int64_t otherwise) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return otherwise;
  auto rest = text.substr(at + key.size());
  rest = trim(rest.substr(0, rest.find('\n')));
  return parse_int(rest.substr(0, rest.find(' '))).value_or(otherwise);
}

void for_each_number(const std::string& folder, const std::function<void(pid_t)>& take) {
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) return;
  while (const dirent* entry = ::readdir(dir)) {
    if (const auto number = parse_int(entry->d_name)) take(static_cast<pid_t>(*number));
  }
  ::closedir(dir);
}

std::optional<std::string> link_target(const std::string& path) {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (n < 0) return std::nullopt;
  return std::string(buffer.data(), static_cast<std::size_t>(n));
}

// Socket inodes of a process; nullopt without permission.
std::optional<std::vector<std::string>> descriptor_targets(const std::string& root, pid_t pid) {
  const std::string folder = fmt::format("{}/{}/fd", root, pid);
  if (::access(folder.c_str(), R_OK | X_OK) != 0) return std::nullopt;
  std::vector<std::string> targets;
  for_each_number(folder, [&](pid_t fd) {
    if (auto target = link_target(fmt::format("{}/{}", folder, fd))) targets.push_back(std::move(*target));
  });
  return targets;
}

}  // namespace

LinuxProcesses::LinuxProcesses(std::string root)
    : root_(std::move(root)), tick_ns_(1'000'000'000 / std::max(1L, ::sysconf(_SC_CLK_TCK))) {}

std::vector<pid_t> LinuxProcesses::pids() {
  std::vector<pid_t> list;
  for_each_number(root_, [&](pid_t pid) { list.push_back(pid); });
  std::sort(list.begin(), list.end());
  return list;
}

std::optional<ProcessIdentity> LinuxProcesses::identity(pid_t pid) {
  std::array<char, 1024> buffer{};
  const auto stat = parse_stat(read_proc(fmt::format("{}/{}/stat", root_, pid).c_str(), buffer));
  if (!stat) return std::nullopt;
  return ProcessIdentity{pid, stat->parent, stat->start_ticks, stat->comm};
}

std::optional<ProcessReading> LinuxProcesses::read(pid_t pid, bool with_memory) {
  ProcessReading reading;
  reading.at = SystemClock().now();
  clockid_t clock{};
  timespec cpu{};
  // Only for the real /proc: the clock knows nothing of a folder of fixtures.
  if (root_ == "/proc" && ::clock_getcpuclockid(pid, &clock) == 0 && ::clock_gettime(clock, &cpu) == 0) {
    reading.cpu_ns = cpu.tv_sec * 1'000'000'000LL + cpu.tv_nsec;
    reading.resolution_ns = 1;
    if (!with_memory) return reading;
  }
  std::array<char, 1024> buffer{};
  const auto stat = parse_stat(read_proc(fmt::format("{}/{}/stat", root_, pid).c_str(), buffer));
  if (!stat) return std::nullopt;
  if (reading.resolution_ns == 0) {
    reading.cpu_ns = stat->ticks * tick_ns_;
    reading.resolution_ns = tick_ns_;
  }
  if (with_memory) {
    std::array<char, 4096> status_buffer{};
    const auto status = read_proc(fmt::format("{}/{}/status", root_, pid).c_str(), status_buffer);
    const auto rss = line_value(status, "\nVmRSS:", -1);
    const auto swap = line_value(status, "\nVmSwap:", -1);
    if (rss >= 0) reading.rss_bytes = static_cast<std::uint64_t>(rss) * 1024;
    if (swap >= 0) reading.swap_bytes = static_cast<std::uint64_t>(swap) * 1024;
  }
  return reading;
}

std::vector<ThreadReading> LinuxProcesses::threads(pid_t pid, bool with_comm, bool with_switches) {
  std::vector<ThreadReading> list;
  const SystemClock clock;
  std::array<char, 4096> buffer{};
  std::array<char, 96> path{};
  const auto file_of = [&](pid_t tid, const char* name) {
    *fmt::format_to_n(path.data(), path.size() - 1, "{}/{}/task/{}/{}", root_, pid, tid, name).out = '\0';
    return path.data();
  };
  for_each_number(fmt::format("{}/{}/task", root_, pid), [&](pid_t tid) {
    ThreadReading thread;
    thread.tid = tid;
    thread.at = clock.now();
    if (const auto text = read_proc(file_of(tid, "schedstat"), buffer); !text.empty()) {
      thread.cpu_ns = parse_int(text.substr(0, text.find(' '))).value_or(0);
      thread.resolution_ns = tick_ns_;  // of a running thread: up to one tick old
    } else {
      const auto stat = parse_stat(read_proc(file_of(tid, "stat"), buffer));
      if (!stat) return;
      thread.cpu_ns = stat->ticks * tick_ns_;
      thread.resolution_ns = tick_ns_;
    }
    if (with_comm) thread.comm = trim(read_proc(file_of(tid, "comm"), buffer));
    if (with_switches) {
      const auto status = read_proc(file_of(tid, "status"), buffer);
      const auto voluntary = line_value(status, "\nvoluntary_ctxt_switches:", -1);
      const auto involuntary = line_value(status, "\nnonvoluntary_ctxt_switches:", -1);
      if (voluntary >= 0) thread.voluntary_switches = voluntary;
      if (involuntary >= 0) thread.involuntary_switches = involuntary;
    }
    list.push_back(std::move(thread));
  });
  return list;
}

std::optional<MachineReading> LinuxProcesses::machine() {
  MachineReading reading;
  const SystemClock clock;
  reading.at = clock.now();
  reading.wall_ns = clock.wall_ns();
  const auto text = read_small(root_ + "/stat");
  if (!text || !text->starts_with("cpu ")) return std::nullopt;
  const auto first = std::string_view(*text).substr(4, text->find('\n') - 4);
  std::vector<std::int64_t> ticks;
  for (const auto field : split(trim(first), ' ')) ticks.push_back(parse_int(field).value_or(0));
  if (ticks.size() < 8) return std::nullopt;
  // user nice system idle iowait irq softirq steal guest guest_nice; guest time is already in user.
  reading.busy_ns = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) * tick_ns_;
  reading.steal_ns = ticks[7] * tick_ns_;
  reading.context_switches = line_value(*text, "\nctxt", 0);
  reading.self_cpu_ns = static_cast<std::int64_t>(self_cpu_s() * 1e9);
  return reading;
}

std::vector<std::string> LinuxProcesses::command_line(pid_t pid) {
  std::vector<std::string> argv;
  const auto text = read_small(fmt::format("{}/{}/cmdline", root_, pid));
  if (!text || text->empty()) return argv;
  std::string_view rest(*text);
  if (rest.back() == '\0') rest.remove_suffix(1);
  for (const auto part : split(rest, '\0')) argv.emplace_back(part);
  return argv;
}

std::optional<std::string> LinuxProcesses::executable(pid_t pid) {
  return link_target(fmt::format("{}/{}/exe", root_, pid));
}

std::vector<std::string> LinuxProcesses::mapped_files(pid_t pid) {
  const auto text = read_small(fmt::format("{}/{}/maps", root_, pid), 16 << 20);
  if (!text) return {};
  std::set<std::string> files;
  for (const auto line : split(*text, '\n')) {
    const auto slash = line.find('/');
    if (slash == std::string_view::npos) continue;
    const auto path = line.substr(slash);
    if (path.find(".so") != std::string_view::npos) files.emplace(path);
  }
  return {files.begin(), files.end()};
}

std::optional<std::vector<std::string>> LinuxProcesses::open_devices(pid_t pid) {
  const auto targets = descriptor_targets(root_, pid);
  if (!targets) return std::nullopt;
  std::set<std::string> devices;
  for (const auto& target : *targets) {
    if (target.starts_with("/dev/")) devices.insert(target);
  }
  return std::vector<std::string>(devices.begin(), devices.end());
}

std::vector<std::uint16_t> LinuxProcesses::listening_ports(pid_t pid) {
  const auto targets = descriptor_targets(root_, pid);
  if (!targets) return {};
  const std::set<std::string> mine(targets->begin(), targets->end());
  std::set<std::uint16_t> ports;
  for (const char* table : {"tcp", "tcp6"}) {
    const auto text = read_small(fmt::format("{}/{}/net/{}", root_, pid, table), 16 << 20);
    if (!text) continue;
    for (const auto line : split(*text, '\n')) {
      // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …; state 0A is LISTEN.
      std::vector<std::string_view> fields;
      for (const auto field : split(line, ' ')) {
        if (!field.empty()) fields.push_back(field);
      }
      if (fields.size() < 10 || fields[3] != "0A" || !mine.contains(fmt::format("socket:[{}]", fields[9]))) continue;
      const auto hex = fields[1].substr(fields[1].rfind(':') + 1);
      std::uint16_t port = 0;
      if (std::from_chars(hex.data(), hex.data() + hex.size(), port, 16).ec == std::errc()) ports.insert(port);
    }
  }
  return {ports.begin(), ports.end()};
}

std::optional<std::string> LinuxProcesses::cgroup(pid_t pid) {
  const auto text = read_small(fmt::format("{}/{}/cgroup", root_, pid));
  if (!text) return std::nullopt;
  std::optional<std::string> systemd;
  for (const auto line : split(*text, '\n')) {
    if (line.starts_with("0::")) return std::string(line.substr(3));
    const auto at = line.find(":name=systemd:");
    if (at != std::string_view::npos) systemd = std::string(line.substr(at + 14));
  }
  return systemd;
}

bool freeze(pid_t pid) { return ::kill(pid, SIGSTOP) == 0; }
bool thaw(pid_t pid) { return ::kill(pid, SIGCONT) == 0; }

double self_cpu_s() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace nw::os
