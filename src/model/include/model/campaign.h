// What the user asked for: a campaign as cli.md describes it, after parsing. The text of the file is parsed in cli/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nw::model {

enum class Engine { llama_server, ollama, openai, lemonade };
[[nodiscard]] std::string_view to_string(Engine engine);
[[nodiscard]] std::optional<Engine> engine_from(std::string_view name);
// "llama-server, ollama, openai, lemonade", for the sentence that refuses another word.
[[nodiscard]] std::string_view engine_names();

// The states a backend can be idle (or not) in; measurement.md of the frame, docs/measurement.md here.
enum class State { absent, loaded_unused, loaded_idle, loaded_idle_late, active, frozen };
[[nodiscard]] std::string_view to_string(State state);
[[nodiscard]] std::optional<State> state_from(std::string_view name);
[[nodiscard]] std::string_view state_names();

enum class Round { fit, throughput, idle, energy };
[[nodiscard]] std::string_view to_string(Round round);
[[nodiscard]] std::optional<Round> round_from(std::string_view name);

// One row of the throughput table, in llama-bench's words. Either prompt or generate is 0.
struct Test {
  std::int64_t prompt = 0;    // tokens
  std::int64_t generate = 0;  // tokens
  std::int64_t depth = 0;     // tokens in the KV cache before the test
  std::int64_t concurrency = 1;
  bool operator==(const Test&) const = default;
};
// "pp512", "tg128", "tg128 @ d4096": the name in tables and in the report.
[[nodiscard]] std::string to_string(const Test& test);

struct Workload {
  std::vector<std::int64_t> prompt = {512};
  std::vector<std::int64_t> generate = {128};
  std::vector<std::int64_t> depth = {0};
  std::vector<std::int64_t> concurrency = {1};
};
// The tests of a workload: every pp at every depth and concurrency, then every tg.
[[nodiscard]] std::vector<Test> tests_of(const Workload& workload);

struct Rounds {
  std::vector<Round> order = {Round::fit, Round::throughput, Round::idle, Round::energy};
  int restarts = 12;     // at most
  double target = 0.02;  // half-width of the ratio's interval at which a run may stop earlier
  std::vector<State> idle_states = {State::absent, State::loaded_unused, State::loaded_idle};
  double idle_window_s = 30;
  std::uint64_t seed = 1;
};

struct BackendSpec {
  std::string name;
  Engine engine = Engine::llama_server;
  // Either a command (nightwatt starts and stops the server) or a url (it attaches to a running one).
  std::vector<std::string> command;  // argv; {model} and {port} are replaced; no shell reads it
  std::map<std::string, std::string> env;
  std::string url;          // "http://127.0.0.1:11434"
  std::string model;        // the model's name or file for this backend; empty: the campaign's
  std::string process;      // of an attached server: name, pid:N, unit:NAME or cgroup:PATH; empty: not known
  std::string api_key_env;  // name of the environment variable that holds the key; the key itself is never stored
  int port = 0;             // of a started server; 0: a free one is chosen for each start
  double ready_timeout_s = 600;
  [[nodiscard]] bool attached() const { return !url.empty(); }
};

struct Campaign {
  std::string path;   // of the file it came from
  std::string text;   // of that file: kept in the store with secrets masked
  std::string model;  // path of the file every backend serves; empty if each names its own
  Rounds rounds;
  Workload workload;
  std::vector<BackendSpec> backends;
};

}  // namespace nw::model
