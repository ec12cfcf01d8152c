// Threads and processes that misbehave in a known way.
//
// A spinner executes PAUSE between two reads of a flag, as the spin-waits of OpenMP and GPU runtimes do: all of it is
// user time. A napper keeps absolute deadlines, so that its wake-ups per second are the rate that was asked for,
// whatever each wake-up took (the kernel's 50 µs of timer slack delay a wake-up, but do not drift).
//
// The orphan is the hard case for whoever wants to end "all that it started". It is a grandchild whose parent has
// exited, so it is no child of anybody known; setsid(2) took it out of the process group and the session; PDEATHSIG was
// cleared by fork(2); SIGTERM, SIGINT and SIGHUP do nothing; it holds every descriptor it inherited (a pipe whose end
// somebody waits for stays open). Only a subreaper, a cgroup or a PID namespace finds it. alarm(2) ends it in any case.

#include "burden.h"

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <thread>

namespace nw::fake {
namespace {

constexpr unsigned kOrphanLife_s = 600;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void name_thread(const char* name) { ::prctl(PR_SET_NAME, name); }

[[noreturn]] void nap(double hz) {
  name_thread("fake_napper");
  const auto period = static_cast<std::int64_t>(1e9 / hz);
  timespec deadline{};
  ::clock_gettime(CLOCK_MONOTONIC, &deadline);
  while (true) {
    const std::int64_t ns = deadline.tv_nsec + period;
    deadline.tv_sec += ns / 1'000'000'000;
    deadline.tv_nsec = ns % 1'000'000'000;
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr);
  }
}

// Of a process that nobody is meant to wait for.
[[noreturn]] void linger(const char* name) {
  ::prctl(PR_SET_NAME, name);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGALRM, SIG_DFL);
  ::alarm(kOrphanLife_s);
  while (true) ::pause();
}

[[noreturn]] void become_orphan(int tell) {
  ::setsid();
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::signal(number, SIG_IGN);
  const pid_t self = ::getpid();
  // Told after the signals are ignored: who reads the number may signal at once.
  if (::write(tell, &self, sizeof self) != static_cast<ssize_t>(sizeof self)) ::_exit(1);
  ::close(tell);
  linger("fake_orphan");
}

bool start_orphan() {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  const pid_t middle = ::fork();
  if (middle < 0) return false;
  if (middle == 0) {
    ::close(ends[0]);
    const pid_t orphan = ::fork();
    if (orphan == 0) become_orphan(ends[1]);
    ::_exit(orphan < 0 ? 1 : 0);
  }
  ::close(ends[1]);
  pid_t orphan = 0;
  const bool told = ::read(ends[0], &orphan, sizeof orphan) == static_cast<ssize_t>(sizeof orphan);
  ::close(ends[0]);
  ::waitpid(middle, nullptr, 0);
  if (told) fmt::print(stderr, "fake_engine: orphan {}\n", orphan);
  return told;
}

bool start_child() {
  const pid_t child = ::fork();
  if (child == 0) linger("fake_child");
  if (child > 0) fmt::print(stderr, "fake_engine: child {}\n", child);
  return child > 0;
}

}  // namespace

bool Burden::start_processes() {
  if (options_.double_fork && !start_orphan()) return false;
  return !options_.leak_child || start_child();
}

void Burden::loaded() {
  spin_ = true;
  spin_.notify_all();
  if (has_threads_.exchange(true)) return;
  for (int i = 0; i < options_.spin; ++i) add_spinner(spin_);
  for (int i = 0; i < options_.threads; ++i) {
    std::thread([] {
      name_thread("fake_idle");
      while (true) ::pause();
    }).detach();
  }
  if (options_.nap_hz > 0) std::thread(nap, options_.nap_hz).detach();
}

void Burden::asked() {
  loaded();
  if (!options_.spin_after_first) return;
  spin_after_first_ = true;
  spin_after_first_.notify_all();
  if (!has_late_spinner_.exchange(true)) add_spinner(spin_after_first_);
}

void Burden::unloaded() { spin_ = spin_after_first_ = false; }

void Burden::add_spinner(std::atomic<bool>& on) {
  std::thread([&on] {
    name_thread("fake_spinner");
    while (true) {
      while (on.load(std::memory_order_relaxed)) relax();
      on.wait(false);
    }
  }).detach();
}

}  // namespace nw::fake
