// The words of the records: one table per enumeration, read in both directions, so that the store, the campaign and
// the report cannot disagree about a spelling.
#include <fmt/core.h>

#include <array>

#include "model/campaign.h"
#include "model/run_data.h"

namespace nw::model {
namespace {

template <class E>
struct Name {
  E value;
  std::string_view text;
};

constexpr std::array kEngines = {Name{Engine::llama_server, "llama-server"}, Name{Engine::ollama, "ollama"},
                                 Name{Engine::openai, "openai"}, Name{Engine::lemonade, "lemonade"}};
constexpr std::array kStates = {
    Name{State::absent, "absent"},           Name{State::loaded_unused, "loaded_unused"},
    Name{State::loaded_idle, "loaded_idle"}, Name{State::loaded_idle_late, "loaded_idle_late"},
    Name{State::active, "active"},           Name{State::frozen, "frozen"}};
constexpr std::array kRounds = {Name{Round::fit, "fit"}, Name{Round::throughput, "throughput"},
                                Name{Round::idle, "idle"}, Name{Round::energy, "energy"}};
constexpr std::array kReasons = {Name{Reason::window_not_bracketed, "window_not_bracketed"},
                                 Name{Reason::sampling_gap, "sampling_gap"},
                                 Name{Reason::counter_went_back, "counter_went_back"},
                                 Name{Reason::clock_step, "clock_step"},
                                 Name{Reason::token_mismatch, "token_mismatch"},
                                 Name{Reason::cache_hit, "cache_hit"},
                                 Name{Reason::competing_load, "competing_load"},
                                 Name{Reason::drifted_baseline, "drifted_baseline"},
                                 Name{Reason::backend_restarted, "backend_restarted"},
                                 Name{Reason::backend_died, "backend_died"},
                                 Name{Reason::too_few_samples, "too_few_samples"},
                                 Name{Reason::client_saturated, "client_saturated"},
                                 Name{Reason::not_streamed, "not_streamed"},
                                 Name{Reason::process_not_visible, "process_not_visible"},
                                 Name{Reason::not_restarted, "not_restarted"},
                                 Name{Reason::needs_restart_permission, "needs_restart_permission"},
                                 Name{Reason::not_available, "not_available"},
                                 Name{Reason::request_failed, "request_failed"},
                                 Name{Reason::interrupted, "interrupted"}};
constexpr std::array kRestartStatuses = {Name{RestartStatus::running, "running"}, Name{RestartStatus::done, "done"},
                                         Name{RestartStatus::failed, "failed"},
                                         Name{RestartStatus::interrupted, "interrupted"}};

template <class Table, class E>
std::string_view text_of(const Table& table, E value) {
  for (const auto& name : table) {
    if (name.value == value) return name.text;
  }
  return "?";
}

template <class E, std::size_t N>
std::optional<E> value_of(const std::array<Name<E>, N>& table, std::string_view text) {
  for (const auto& name : table) {
    if (name.text == text) return name.value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Engine engine) { return text_of(kEngines, engine); }
std::optional<Engine> engine_from(std::string_view name) { return value_of(kEngines, name); }
std::string_view engine_names() { return "llama-server, ollama, openai, lemonade"; }

std::string_view to_string(State state) { return text_of(kStates, state); }
std::optional<State> state_from(std::string_view name) { return value_of(kStates, name); }
std::string_view state_names() { return "absent, loaded_unused, loaded_idle, loaded_idle_late, active, frozen"; }

std::string_view to_string(Round round) { return text_of(kRounds, round); }
std::optional<Round> round_from(std::string_view name) { return value_of(kRounds, name); }

std::string_view to_string(Reason reason) { return text_of(kReasons, reason); }
std::optional<Reason> reason_from(std::string_view name) { return value_of(kReasons, name); }

std::string_view to_string(RestartStatus status) { return text_of(kRestartStatuses, status); }
std::optional<RestartStatus> restart_status_from(std::string_view name) { return value_of(kRestartStatuses, name); }

std::string_view describe(Reason reason) {
  switch (reason) {
    case Reason::window_not_bracketed:
      return "the window has no sample at one of its ends";
    case Reason::sampling_gap:
      return "nightwatt itself was held up during the window";
    case Reason::counter_went_back:
      return "a counter of the kernel went backwards";
    case Reason::clock_step:
      return "the clock was changed, or the machine slept";
    case Reason::token_mismatch:
      return "the engine counted other tokens than were asked for";
    case Reason::cache_hit:
      return "the engine answered from its cache";
    case Reason::competing_load:
      return "other programs used too much of the CPUs";
    case Reason::drifted_baseline:
      return "the machine's own load changed";
    case Reason::backend_restarted:
      return "the server was restarted in the middle";
    case Reason::backend_died:
      return "the server ended in the middle";
    case Reason::too_few_samples:
      return "too few samples";
    case Reason::client_saturated:
      return "nightwatt itself could not keep up";
    case Reason::not_streamed:
      return "the tokens came in bursts, not one by one";
    case Reason::process_not_visible:
      return "its processes cannot be seen from here";
    case Reason::not_restarted:
      return "repeats without a restart between them";
    case Reason::needs_restart_permission:
      return "it would need a stop of a server that nightwatt did not start (--may-restart)";
    case Reason::not_available:
      return "this version or this engine cannot do it";
    case Reason::request_failed:
      return "a request failed";
    case Reason::interrupted:
      return "the run was stopped in the middle of it";
  }
  return "?";
}

bool is_mark(Reason reason) { return reason == Reason::not_restarted; }

bool Trial::valid() const {
  if (!finished) return false;
  for (const Reason reason : reasons) {
    if (!is_mark(reason)) return false;
  }
  return true;
}

std::string to_string(const Test& test) {
  std::string name = test.prompt > 0 ? fmt::format("pp{}", test.prompt) : fmt::format("tg{}", test.generate);
  if (test.depth > 0) name += fmt::format(" @ d{}", test.depth);
  return name;
}

std::vector<Test> tests_of(const Workload& workload) {
  std::vector<Test> tests;
  for (const auto concurrency : workload.concurrency) {
    for (const auto depth : workload.depth) {
      for (const auto prompt : workload.prompt) tests.push_back({prompt, 0, depth, concurrency});
      for (const auto generate : workload.generate) tests.push_back({0, generate, depth, concurrency});
    }
  }
  return tests;
}

}  // namespace nw::model
