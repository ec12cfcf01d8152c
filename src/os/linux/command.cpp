#include "os/command.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/file.h"
#include "os/guarded_process.h"
#include "os/system_clock.h"
#include "os/wait.h"

namespace nw::os {

Result<CommandOutput> run_command(const std::string& program, const std::vector<std::string>& argv,
                                  const std::vector<std::string>& env, Seconds limit, int cancel_fd) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return failed_error(fmt::format("cannot make a pipe: {}", errno_text(errno)));
  const Fd output(ends[0]);
  Fd input(ends[1]);
  LaunchSpec launch;
  launch.program = program;
  launch.argv = argv;
  launch.env = env;
  launch.output_fd = input.get();
  NW_TRY(auto process, GuardedProcess::start(launch));
  input.reset();
  const Moment deadline = SystemClock().now() + from_seconds(limit.value());
  CommandOutput result;
  std::array<char, 8192> buffer{};
  constexpr std::size_t kMost = 1 << 20;
  while (true) {
    const std::array fds = {output.get(), process.exit_fd(), cancel_fd};
    const int which = wait_until(deadline, fds);
    if (which < 0) return timeout_error(fmt::format("{} did not end within {:.0f} s", program, limit.value()));
    if (which == 2) return interrupted_error();
    if (which == 0) {
      const ssize_t n = ::read(output.get(), buffer.data(), buffer.size());
      if (n > 0 && result.text.size() < kMost) result.text.append(buffer.data(), static_cast<std::size_t>(n));
      if (n > 0) continue;
    }
    // Its end, or the end of its output: the rest of the output is in the pipe, because only it held the other end.
    while (!process.exit_status()) {
      const std::array ended = {process.exit_fd(), cancel_fd};
      if (wait_until(deadline, ended) != 0) return timeout_error(fmt::format("{} does not end", program));
    }
    const auto status = *process.exit_status();
    if (status.exec_error != 0) return lacking_error(fmt::format("{} {}", program, status.text()));
    NW_CHECK(process.stop(std::chrono::milliseconds(0)));
    for (ssize_t n = 0; (n = ::read(output.get(), buffer.data(), buffer.size())) > 0;) {
      if (result.text.size() < kMost) result.text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    result.exit_code = status.by_signal ? 128 + status.code : status.code;
    return result;
  }
}

}  // namespace nw::os
