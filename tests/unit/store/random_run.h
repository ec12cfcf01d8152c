// Runs of any content that the types allow, drawn from a seed: what the store must give back unchanged.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/run_data.h"

namespace nw::store::testing {

class RandomRun {
 public:
  explicit RandomRun(std::uint64_t seed) : random_(seed) {}

  model::Run run() {
    model::Run run;
    run.id = text();
    run.started_at = text();
    run.machine = machine();
    run.model = {text(), text(), text(), text(), text(), random_.next(), coin()};
    run.campaign = campaign();
    for (auto n = random_.below(4) + 1; n > 0; --n) run.backends.push_back({spec(), map(), texts()});
    for (auto n = random_.below(3) + 1; n > 0; --n) run.sessions.push_back(session());
    for (auto n = random_.below(5); n > 0; --n) {
      auto restart = this->restart(run);
      restart.id = static_cast<std::int64_t>(run.restarts.size()) + 1;
      run.restarts.push_back(std::move(restart));
    }
    run.complete = coin();
    run.stop_reason = text();
    return run;
  }

 private:
  bool coin() { return random_.below(2) == 0; }

  // All lengths from nothing on; bytes of every value, since names come from a kernel that does not check encodings.
  std::string text() {
    std::string text;
    const auto length = random_.below(4) == 0 ? 0 : random_.below(24);
    for (std::uint64_t i = 0; i < length; ++i) {
      text.push_back(static_cast<char>(coin() ? 'a' + random_.below(26) : random_.below(256)));
    }
    return text;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (auto n = random_.below(4); n > 0; --n) all.push_back(text());
    return all;
  }
  std::map<std::string, std::string> map() {
    std::map<std::string, std::string> all;
    for (auto n = random_.below(5); n > 0; --n) all[text()] = text();
    return all;
  }

  std::int64_t integer() {
    switch (random_.below(6)) {
      case 0:
        return 0;
      case 1:
        return std::numeric_limits<std::int64_t>::min();
      case 2:
        return std::numeric_limits<std::int64_t>::max();
      case 3:
        return static_cast<std::int64_t>(random_.below(1000)) - 500;
      default:
        return static_cast<std::int64_t>(random_.next() >> random_.below(64));
    }
  }
  std::int32_t small() { return static_cast<std::int32_t>(static_cast<std::uint32_t>(random_.next())); }
  Moment moment() { return {integer()}; }
  // Any bits but NaN and negative zero, which SQLite does not keep: infinities and subnormal numbers among them.
  double number() {
    switch (random_.below(6)) {
      case 0:
        return 0;
      case 1:
        return std::numeric_limits<double>::denorm_min();
      case 2:
        return std::numeric_limits<double>::infinity();
      case 3:
        return static_cast<double>(integer());
      default:
        break;
    }
    const auto any = std::bit_cast<double>(random_.next());
    return std::isnan(any) ? 0.1 : any;
  }
  template <class F>
  auto maybe(F draw) -> std::optional<decltype(draw())> {
    if (coin()) return std::nullopt;
    return draw();
  }
  template <class E>
  E word(std::uint64_t count) {
    return static_cast<E>(random_.below(count));
  }
  std::vector<std::int64_t> integers() {
    std::vector<std::int64_t> all;
    for (auto n = random_.below(4); n > 0; --n) all.push_back(integer());
    return all;
  }

  model::Machine machine() {
    model::Machine m;
    m.id = text(), m.boot_id = text(), m.os = text(), m.kernel = text(), m.arch = text(), m.cpu = text();
    m.cpus = small();
    m.cpu_limit = maybe([&] { return number(); });
    m.memory_bytes = random_.next();
    m.governor = maybe([&] { return text(); });
    m.wsl = maybe([&] { return text(); });
    m.virtualization = maybe([&] { return text(); });
    m.power_meter = coin();
    return m;
  }

  model::BackendSpec spec() {
    model::BackendSpec b;
    b.name = text();
    b.engine = word<model::Engine>(4);
    b.command = texts();
    b.env = map();
    b.url = text(), b.model = text(), b.process = text(), b.api_key_env = text();
    b.port = small();
    b.ready_timeout_s = number();
    return b;
  }

  model::Campaign campaign() {
    model::Campaign c;
    c.path = text(), c.text = text(), c.model = text();
    c.rounds.order.clear();
    for (auto n = random_.below(5); n > 0; --n) c.rounds.order.push_back(word<model::Round>(4));
    c.rounds.idle_states.clear();
    for (auto n = random_.below(5); n > 0; --n) c.rounds.idle_states.push_back(word<model::State>(6));
    c.rounds.restarts = small();
    c.rounds.target = number(), c.rounds.idle_window_s = number();
    c.rounds.seed = random_.next();
    c.workload = {integers(), integers(), integers(), integers()};
    for (auto n = random_.below(4); n > 0; --n) c.backends.push_back(spec());
    return c;
  }

  model::Session session() {
    return {text(), text(), moment(), maybe([&] { return moment(); }), integer(), number(), text(), text()};
  }

  model::Restart restart(const model::Run& run) {
    model::Restart r;
    r.session = static_cast<int>(random_.below(run.sessions.size()));
    r.backend = static_cast<int>(random_.below(run.backends.size() + 1)) - 1;
    r.index = small();
    r.begin = moment();
    r.ready = maybe([&] { return moment(); });
    r.end = maybe([&] { return moment(); });
    if (r.end) {
      r.status = word<model::RestartStatus>(4);
      r.message = text();
    }
    for (auto n = random_.below(4); n > 0; --n) {
      r.trials.push_back(trial());
      r.trials.back().id = ++trials_;
    }
    return r;
  }

  model::Trial trial() {
    model::Trial t;
    t.round = word<model::Round>(4);
    t.state = maybe([&] { return word<model::State>(6); });
    t.test = maybe([&] { return model::Test{integer(), integer(), integer(), integer()}; });
    t.begin = moment(), t.end = moment();
    t.finished = coin();
    for (auto n = random_.below(4); n > 0; --n) t.reasons.push_back(word<model::Reason>(18));
    for (auto n = random_.below(6); n > 0; --n) t.processes.push_back(process());
    for (auto n = random_.below(40); n > 0; --n) t.threads.push_back(thread());
    for (auto n = random_.below(6); n > 0; --n) {
      t.machine.push_back({moment(), integer(), integer(), integer(), integer(), integer()});
    }
    for (auto n = random_.below(4); n > 0; --n) t.requests.push_back(request());
    return t;
  }

  model::ProcessSample process() {
    const auto bytes = [&] { return random_.next(); };
    return {moment(), small(), integer(), text(), integer(), integer(), maybe(bytes), maybe(bytes)};
  }

  // Few names and ids, so that threads come again, some under a new name.
  model::ThreadSample thread() {
    const auto switches = [&] { return integer(); };
    const auto id = static_cast<std::int32_t>(random_.below(3));
    return {moment(), 7, id, random_.below(3) == 0 ? "renamed" : "worker", integer(), maybe(switches), maybe(switches)};
  }

  model::Request request() {
    const auto at = [&] { return moment(); };
    const auto count = [&] { return integer(); };
    const auto seconds = [&] { return number(); };
    model::Request r;
    r.seq = small();
    r.warmup = coin();
    r.scheduled = moment(), r.sent = moment();
    r.first_byte = maybe(at), r.first_token = maybe(at), r.end = maybe(at);
    for (auto n = random_.below(200); n > 0; --n) r.token_times.push_back(moment());
    r.prompt_tokens = maybe(count), r.cached_tokens = maybe(count), r.generated_tokens = maybe(count);
    r.engine_prompt_s = maybe(seconds), r.engine_generate_s = maybe(seconds);
    r.error = text();
    return r;
  }

  Random random_;
  std::int64_t trials_ = 0;
};

}  // namespace nw::store::testing
