// The problem: a benchmark that is killed must not leave a 20 GB server behind, and a server may fork helpers that make
// sessions of their own. PR_SET_PDEATHSIG alone is not enough: it is not inherited by grandchildren, and it fires when
// the *thread* that forked ends (prctl(2)).
//
// The choice: between nightwatt and the server sits a guard. It holds one end of a socket; when nightwatt ends, for
// whatever reason, the kernel closes the other end and the guard kills. Two strengths, the better one is tried first:
//
// 1. The guard is process 1 of a PID namespace of its own (clone with CLONE_NEWPID, as root or through a user
//    namespace). When process 1 ends, the kernel kills every process in the namespace (pid_namespaces(7)), so even
//    kill -9 of nightwatt and guard together leaves nothing. The server gets a /proc of its own, because programs look
//    themselves up as /proc/<getpid()>. Seen from outside all of them keep ordinary pids.
// 2. Where that is not allowed: the guard is a "child subreaper" (prctl(2)): orphans below it become its children, and
//    it kills its children until there are none. The server also gets PDEATHSIG for the case that the guard is killed.
//
// The guard is forked from a program with threads and does not exec, so it only makes system calls: no malloc, no
// stdio, no C++ objects with destructors that matter.
#include "os/guarded_process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "os/file.h"
#include "os/system_clock.h"
#include "os/wait.h"

namespace nw::os {
namespace {

constexpr const char* kGuardName = "nightwatt-guard";

// What travels over the socket, from the guard's side; one message per packet. nightwatt sends 'T': SIGTERM, please.
struct Message {
  char kind;  // 'R' guard is ready, 'N' guard cannot start, 'H' the server before exec, 'F' exec failed, 'X' ended
  int value;  // an errno, or a wait status
};

// A subreaper guard was killed from outside: its orphans fall to us, because start() made us a subreaper too. Other
// guards are children of ours as well, and are known by their name.
void kill_adopted() {
  for (int turn = 0; turn < 100; ++turn) {
    const std::string list = read_small(fmt::format("/proc/self/task/{}/children", ::getpid())).value_or("");
    bool any = false;
    for (const auto part : split(trim(list), ' ')) {
      const auto pid = parse_int(part);
      if (!pid) continue;
      const auto name = read_small(fmt::format("/proc/{}/comm", *pid));
      if (!name || trim(*name) == kGuardName) continue;
      any = ::kill(static_cast<pid_t>(*pid), SIGKILL) == 0;
      ::waitpid(static_cast<pid_t>(*pid), nullptr, 0);
    }
    if (!any) return;
  }
}

struct GuardPlan {
  int socket;
  int output;
  const char* program;
  char* const* argv;
  char* const* env;
  bool in_namespace;
  int go;  // pipe end: the parent closes its side once the user map is written
};

void send_message(int socket, char kind, int value) {
  const Message message{kind, value};
  [[maybe_unused]] const auto n = ::send(socket, &message, sizeof message, MSG_NOSIGNAL);
}

// fork() by the bare system call, with namespaces if asked. Not the library's fork(): that takes the locks of malloc
// and stdio, and in the guard, a copy of a program with threads, another thread's lock may be held for ever.
pid_t raw_fork(unsigned long flags) {
  return static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

// All that is alive in the namespace, or below the subreaper. Returns when nothing is left to reap.
void kill_everything(bool in_namespace, pid_t server) {
  if (server > 0) {
    ::kill(-server, SIGKILL);
    ::kill(server, SIGKILL);
  }
  if (in_namespace) {
    ::kill(-1, SIGKILL);  // from process 1: all but itself
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    return;
  }
  // Each turn kills the children of this one thread; their orphans become children and are met in the next turn.
  while (true) {
    char list[4096];
    const int fd = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;  // no /proc here: the server is dead, what it has started cannot be found
    const ssize_t size = ::read(fd, list, sizeof list - 1);
    ::close(fd);
    pid_t pid = 0;
    for (ssize_t i = 0; i < size; ++i) {
      if (list[i] >= '0' && list[i] <= '9') {
        pid = pid * 10 + (list[i] - '0');
      } else if (pid > 0) {
        ::kill(pid, SIGKILL);
        pid = 0;
      }
    }
    if (pid > 0 && size < static_cast<ssize_t>(sizeof list) - 1) ::kill(pid, SIGKILL);
    if (::waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) return;
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

[[noreturn]] void run_server(const GuardPlan& plan) {
  ::setsid();  // its own session and process group: Ctrl-C at the terminal is for nightwatt, which stops it in order
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_DFL);  // an ignored signal stays ignored over exec
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(plan.output, STDOUT_FILENO);
  ::dup2(plan.output, STDERR_FILENO);
  // Everything above standard error closes on exec; until then the socket tells of a failed exec.
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  // The receiver asked for credentials (SO_PASSCRED), so this message says which process we are in *its* namespace.
  send_message(plan.socket, 'H', 0);
  ::execve(plan.program, plan.argv, plan.env);
  send_message(plan.socket, 'F', errno);
  ::_exit(127);
}

// Keeps only what the guard needs: an inherited descriptor of the store or of another guard's socket would keep that
// one alive. The three numbers are moved to 3, 4, 5 and the rest is closed.
void keep_only(GuardPlan& plan) {
  const int socket = ::fcntl(plan.socket, F_DUPFD_CLOEXEC, 64);
  const int output = ::fcntl(plan.output, F_DUPFD_CLOEXEC, 64);
  ::dup2(socket, 3);
  ::dup2(output, 4);
  ::syscall(SYS_close_range, 5U, ~0U, 0U);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  ::close(null);
  plan.socket = 3;
  plan.output = 4;
}

void watch_over(const GuardPlan& plan, pid_t server, int signals) {
  while (true) {
    pollfd fds[2] = {{plan.socket, POLLIN, 0}, {signals, POLLIN, 0}};
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) {
      signalfd_siginfo info;
      [[maybe_unused]] const auto n = ::read(signals, &info, sizeof info);
      int status = 0;
      for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (ended == server) send_message(plan.socket, 'X', status);
      }
    }
    if (fds[0].revents != 0) {
      char command = 0;
      const ssize_t n = ::recv(plan.socket, &command, 1, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;  // nightwatt closed it, or is gone
      if (command == 'T') ::kill(-server, SIGTERM);
    }
  }
}

[[noreturn]] void run_guard(GuardPlan plan) {
  char byte = 0;
  if (plan.go >= 0 && ::read(plan.go, &byte, 1) < 0) ::_exit(1);  // end of file: the parent has written the user map
  ::setsid();
  ::prctl(PR_SET_NAME, kGuardName);
  // Somebody may have stopped the guard (SIGSTOP cannot be blocked): the end of nightwatt wakes it. That this signal
  // comes with the end of the forking thread already does no harm, because it does nothing to who is awake.
  ::prctl(PR_SET_PDEATHSIG, SIGCONT);
  for (int s = 1; s < 32; ++s) ::signal(s, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);  // only SIGKILL ends a guard, and the end of the socket
  keep_only(plan);
  if (plan.in_namespace) {
    // Private first: the mount below must not be seen by anybody else.
    if (::mount(nullptr, "/proc", nullptr, MS_PRIVATE | MS_REC, nullptr) != 0 ||
        ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
      send_message(plan.socket, 'N', errno);
      ::_exit(1);
    }
  } else {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  const int signals = ::signalfd(-1, &child, SFD_CLOEXEC);
  send_message(plan.socket, 'R', 0);
  const pid_t server = raw_fork(0);
  if (server == 0) run_server(plan);
  if (server < 0) {
    send_message(plan.socket, 'F', errno);
  } else {
    watch_over(plan, server, signals);
  }
  kill_everything(plan.in_namespace, server);
  ::_exit(0);
}

void map_user(pid_t guard) {
  const auto write_to = [&](const char* file, const std::string& text) {
    const Fd fd(::open(fmt::format("/proc/{}/{}", guard, file).c_str(), O_WRONLY | O_CLOEXEC));
    if (fd) [[maybe_unused]]
      const auto n = ::write(fd.get(), text.data(), text.size());
  };
  write_to("setgroups", "deny");
  write_to("uid_map", fmt::format("{0} {0} 1", ::geteuid()));
  write_to("gid_map", fmt::format("{0} {0} 1", ::getegid()));
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const auto& s : strings) list.push_back(const_cast<char*>(s.c_str()));
  list.push_back(nullptr);
  return list;
}

struct Received {
  Message message{};
  pid_t sender = -1;
};

// The next message, or nullopt when the other side is gone (or, with MSG_DONTWAIT, silent: then errno is EAGAIN).
std::optional<Received> receive(int socket, int flags) {
  Received received;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
  iovec io{&received.message, sizeof received.message};
  msghdr header{};
  header.msg_iov = &io;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t n = 0;
  do {
    n = ::recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n == 0) errno = ECONNRESET;
  if (n < static_cast<ssize_t>(sizeof received.message)) return std::nullopt;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS) continue;
    ucred credentials{};
    std::memcpy(&credentials, CMSG_DATA(c), sizeof credentials);
    received.sender = credentials.pid;
  }
  return received;
}

}  // namespace

std::string ExitStatus::text() const {
  if (exec_error != 0) return fmt::format("could not be executed: {}", errno_text(exec_error));
  if (!by_signal) return fmt::format("exited with status {}", code);
  const char* name = ::sigdescr_np(code);
  return fmt::format("was killed by signal {} ({})", code, name == nullptr ? "unknown" : name);
}

Result<GuardedProcess> GuardedProcess::start(const LaunchSpec& spec) {
  const auto argv = pointers(spec.argv);
  const auto env = pointers(spec.env);
  std::array<int, 2> sockets{};
  std::array<int, 2> go{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0 ||
      ::pipe2(go.data(), O_CLOEXEC) != 0) {
    return failed_error(fmt::format("cannot start a guard process: {}", errno_text(errno)));
  }
  GuardedProcess process;
  process.socket_ = Fd(sockets[0]);
  Fd theirs(sockets[1]);
  Fd go_read(go[0]);
  Fd go_write(go[1]);
  const int on = 1;
  ::setsockopt(process.socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);

  const bool root = ::geteuid() == 0;
  unsigned long flags = 0;
  if (spec.try_namespace) flags = CLONE_NEWPID | CLONE_NEWNS | (root ? 0UL : static_cast<unsigned long>(CLONE_NEWUSER));
  GuardPlan plan{theirs.get(), spec.output_fd, spec.program.c_str(), argv.data(),
                 env.data(),   flags != 0,     go_read.get()};
  process.containment_ = flags != 0 ? Containment::pid_namespace : Containment::subreaper;
  if (flags == 0) ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // for the case that somebody kills the guard: kill_adopted()
  process.guard_ = raw_fork(flags);
  if (process.guard_ == 0) {
    ::close(go[1]);
    run_guard(plan);
  }
  const auto without_namespace = [&]() -> Result<GuardedProcess> {
    process.socket_.reset();
    if (process.guard_ > 0) ::waitpid(std::exchange(process.guard_, -1), nullptr, 0);
    LaunchSpec plain = spec;
    plain.try_namespace = false;
    return start(plain);
  };
  if (process.guard_ < 0) {
    if (flags != 0) return without_namespace();
    return failed_error(fmt::format("cannot start a guard process: {}", errno_text(errno)));
  }
  if (flags != 0 && !root) map_user(process.guard_);
  go_write.reset();
  theirs.reset();

  // 'R' from the guard, then 'H' from the server, then either silence (exec worked) or 'F'. The server's descriptor of
  // the socket closes on exec, but the guard keeps its own, so a failed exec is told, a successful one is not: the
  // first 'F' or 'X' is met in exit_status().
  const auto ready = receive(process.socket_.get(), 0);
  if (!ready || ready->message.kind == 'N') {
    if (flags != 0) return without_namespace();
    return failed_error("the guard process did not start");
  }
  const auto hello = receive(process.socket_.get(), 0);
  if (!hello || hello->message.kind != 'H') {
    return failed_error(
        fmt::format("cannot start {}: {}", spec.program, errno_text(hello ? hello->message.value : EIO)));
  }
  process.pid_ = hello->sender;
  return process;
}

GuardedProcess& GuardedProcess::operator=(GuardedProcess&& o) noexcept {
  if (this != &o) {
    socket_.reset();
    [[maybe_unused]] const auto status = reap_guard();
    socket_ = std::move(o.socket_);
    guard_ = std::exchange(o.guard_, -1);
    pid_ = o.pid_;
    containment_ = o.containment_;
    exit_ = o.exit_;
  }
  return *this;
}

GuardedProcess::~GuardedProcess() {
  if (!socket_) return;  // moved from, or stopped
  socket_.reset();
  [[maybe_unused]] const auto status = reap_guard();
}

std::optional<ExitStatus> GuardedProcess::exit_status() {
  while (!exit_ && socket_) {
    const auto received = receive(socket_.get(), MSG_DONTWAIT);
    if (!received && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
    if (!received) {
      exit_ = ExitStatus{true, SIGKILL};  // the guard was killed, and the server with it
    } else if (received->message.kind == 'F') {
      exit_ = ExitStatus{false, 127, received->message.value};
    } else if (received->message.kind == 'X') {
      const int status = received->message.value;
      exit_ = WIFSIGNALED(status) ? ExitStatus{true, WTERMSIG(status)} : ExitStatus{false, WEXITSTATUS(status)};
    }
  }
  return exit_;
}

Status GuardedProcess::stop(std::chrono::milliseconds grace) {
  if (!socket_) return {};
  if (!exit_status()) {
    const char terminate = 'T';
    [[maybe_unused]] const auto n = ::send(socket_.get(), &terminate, 1, MSG_NOSIGNAL);
    const Moment deadline = SystemClock().now() + grace;
    const std::array fds = {socket_.get()};
    while (!exit_status() && wait_until(deadline, fds) >= 0) {
    }
  }
  socket_.reset();
  return reap_guard();
}

Status GuardedProcess::reap_guard() {
  if (guard_ <= 0) return {};
  const pid_t guard = std::exchange(guard_, -1);
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, guard, 0U)));
  const std::array fds = {pidfd.get()};
  // A guard that was stopped, or one whose children hang, is killed: in a PID namespace everything goes with it.
  if (pidfd && wait_until(SystemClock().now() + std::chrono::seconds(5), fds) < 0) {
    ::kill(guard, SIGKILL);
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  if (pidfd && wait_until(SystemClock().now() + std::chrono::seconds(10), fds) < 0) {
    return failed_error(fmt::format("the server (pid {}) does not end, not even by SIGKILL", pid_),
                        "a process stuck in a driver ends only with a reboot");
  }
  int status = 0;
  ::waitpid(guard, &status, 0);
  if (containment_ == Containment::subreaper && WIFSIGNALED(status)) kill_adopted();
  return {};
}

}  // namespace nw::os
