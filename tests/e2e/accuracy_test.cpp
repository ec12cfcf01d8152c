// Are the cores true? Threads of known behaviour (tests/engines/known_load.cpp) are watched for 10 s; what they burnt
// is asked of their own CLOCK_THREAD_CPUTIME_ID right before and right after the look at each edge of the window, and
// taken as a straight line in between: on two cores with more to do than they can, an answer takes milliseconds to
// come. That threads are kept waiting changes what they burn, and the truth with it, not the comparison.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>

#include "base/text.h"
#include "cost/window.h"
#include "e2e/support/nightwatt.h"
#include "engines/support.h"
#include "os/process.h"
#include "os/system_clock.h"
#include "watch/watcher.h"

namespace nw::e2e {
namespace {

struct Mark {
  double at_s = 0;
  double cpu_s = 0;                   // all threads
  std::map<pid_t, double> threads_s;  // the busy ones
};

// The truth at both sides of one look.
struct Bracket {
  Mark before, after;
  [[nodiscard]] double at(Moment moment, double from, double to) const {
    const double t = static_cast<double>(moment.ns) * 1e-9;
    return from + (to - from) * (t - before.at_s) / (after.at_s - before.at_s);
  }
  [[nodiscard]] double cpu_s(Moment moment) const { return at(moment, before.cpu_s, after.cpu_s); }
  [[nodiscard]] double thread_s(Moment moment, pid_t tid) const {
    return at(moment, before.threads_s.at(tid), after.threads_s.at(tid));
  }
};

class Load {
 public:
  Load(int threads, int share)
      : name_(fmt::format("{} threads at {} %", threads, share)),
        program_({known_load(), "--threads", std::to_string(threads), "--share", std::to_string(share),
                  "--idle-threads", "2", "--seconds", "120"}),
        group_(processes_, watch::Selector{watch::Selector::Kind::pid, {}, program_.pid()}) {
    if (!program_.line_after("ready ")) ADD_FAILURE() << "known_load did not start";
  }

  // "before=NS after=NS process=NS busy=TID:NS,TID:NS idle=… main=…"
  Mark mark() {
    program_.forget_output();
    program_.type("mark\n");
    const std::string line = program_.line_after("mark ").value_or("");
    Mark mark;
    std::map<std::string, std::string> fields;
    for (const auto part : split(line, ' ')) {
      const auto equals = part.find('=');
      if (equals != part.npos) fields[std::string(part.substr(0, equals))] = part.substr(equals + 1);
    }
    const auto seconds = [](std::string_view ns) {
      return static_cast<double>(parse_int(trim(ns)).value_or(-1)) * 1e-9;
    };
    mark.at_s = (seconds(fields["before"]) + seconds(fields["after"])) / 2;
    mark.cpu_s = seconds(fields["process"]);
    for (const auto part : split(fields["busy"], ',')) {
      const auto colon = part.find(':');
      if (colon == part.npos) continue;
      mark.threads_s[static_cast<pid_t>(parse_int(part.substr(0, colon)).value_or(0))] =
          seconds(part.substr(colon + 1));
    }
    return mark;
  }

  // One edge of the window.
  void look(watch::Watcher& watcher) {
    Bracket bracket;
    bracket.before = mark();
    const auto snapshot = watcher.look(&group_, watch::Detail::edge);
    bracket.after = mark();
    trial_.processes.insert(trial_.processes.end(), snapshot.processes.begin(), snapshot.processes.end());
    trial_.threads.insert(trial_.threads.end(), snapshot.threads.begin(), snapshot.threads.end());
    edges_.push_back(std::move(bracket));
  }

  [[nodiscard]] double truth() const {
    const Moment begin = trial_.processes.front().at;
    const Moment end = trial_.processes.back().at;
    return (edges_.back().cpu_s(end) - edges_.front().cpu_s(begin)) / to_seconds(end - begin);
  }
  // nightwatt's cores minus the true ones, of the whole program.
  [[nodiscard]] double error() const {
    const auto window = cost::idle_window(trial_, 1 << 10);
    return window ? window->cores - truth() : 1e9;
  }
  // The same per busy thread.
  [[nodiscard]] std::vector<double> thread_errors() const {
    std::vector<double> errors;
    for (const auto& use : cost::threads_by_cores(trial_)) {
      if (!edges_.front().before.threads_s.contains(use.tid)) continue;
      const auto is_it = [&](const auto& sample) { return sample.tid == use.tid; };
      const auto first = std::find_if(trial_.threads.begin(), trial_.threads.end(), is_it);
      const auto last = std::find_if(trial_.threads.rbegin(), trial_.threads.rend(), is_it);
      const double burnt = edges_.back().thread_s(last->at, use.tid) - edges_.front().thread_s(first->at, use.tid);
      errors.push_back(use.cores - burnt / to_seconds(last->at - first->at));
    }
    return errors;
  }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  os::LinuxProcesses processes_;
  fake::Program program_;
  watch::ProcessGroup group_;
  model::Trial trial_;
  std::vector<Bracket> edges_;
};

struct Shape {
  int threads, share;
};

// Watches these programs at the same time and adds the absolute errors.
void watch_together(const std::vector<Shape>& shapes, std::vector<double>& errors, std::vector<double>& thread_errors) {
  std::vector<std::unique_ptr<Load>> loads;
  for (const auto& shape : shapes) loads.push_back(std::make_unique<Load>(shape.threads, shape.share));
  os::LinuxProcesses processes;
  const os::SystemClock clock;
  watch::Watcher watcher(processes, clock);
  for (auto& load : loads) load->look(watcher);
  watch::WindowPlan plan;
  plan.length = Seconds(10);
  watcher.watch(nullptr, plan, {}, [](const auto&) {});
  for (auto& load : loads) load->look(watcher);
  for (const auto& load : loads) {
    fmt::print("{:24} true {:.4f} cores, error {:+.5f}\n", load->name(), load->truth(), load->error());
    errors.push_back(std::abs(load->error()));
    for (const double error : load->thread_errors()) thread_errors.push_back(std::abs(error));
  }
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(Accuracy, CoresAgainstTheThreadsOwnClocks) {
  std::vector<double> errors;
  std::vector<double> thread_errors;
  const std::vector<std::vector<Shape>> batches = {
      {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}, {1, 5}, {2, 5}, {3, 5}, {4, 5}, {1, 30}, {2, 30}, {3, 30}},
      {{4, 30}, {1, 70}, {2, 70}, {3, 70}, {1, 100}},
      {{4, 70}, {2, 100}},
      {{3, 100}, {4, 100}}};
  for (const auto& batch : batches) watch_together(batch, errors, thread_errors);
  constexpr double kLimit = 0.005;  // 0.5 % of a core
  fmt::print("mean error {:.6f} cores over {} programs, {:.6f} over {} threads\n", mean(errors), errors.size(),
             mean(thread_errors), thread_errors.size());
  EXPECT_EQ(errors.size(), 21U);
  EXPECT_EQ(thread_errors.size(), 50U);
  EXPECT_LT(mean(errors), kLimit);
  EXPECT_LT(mean(thread_errors), kLimit);
}

}  // namespace
}  // namespace nw::e2e
