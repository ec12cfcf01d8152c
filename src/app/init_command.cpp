// What is looked for, and where it usually listens: llama-server 8080, Ollama 11434, Lemonade 8000 (13305 in newer
// versions), LM Studio 1234, vLLM 8000, SGLang 30000 (their documentation). Who answers is decided by what is answered,
// not by the port: Ollama says "Ollama is running" at /, Lemonade has /api/v1/health, llama-server's /props is its own,
// and everything else with /v1/models speaks OpenAI's API.
#include "app/init_command.h"

#include <fmt/core.h>

#include <array>
#include <optional>
#include <set>

#include "base/text.h"
#include "net/client.h"
#include "os/command.h"
#include "os/file.h"
#include "os/machine_facts.h"

namespace nw::app {
namespace {

// A text as a TOML basic string.
std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

struct Device {
  std::string id;    // "Vulkan0"
  std::string name;  // "AMD Radeon 8060S (RADV GFX1151)"
};

// The lines of `llama-server --list-devices`: "  Vulkan0: NAME (24105 MiB, 23749 MiB free)".
std::vector<Device> parse_devices(const std::string& text) {
  std::vector<Device> devices;
  bool listing = false;
  for (const auto line : split(text, '\n')) {
    if (line.starts_with("Available devices")) {
      listing = true;
      continue;
    }
    const auto colon = line.find(": ");
    if (!listing || !line.starts_with("  ") || colon == std::string_view::npos) continue;
    devices.push_back({printable(trim(line.substr(0, colon))), printable(trim(line.substr(colon + 2)))});
  }
  return devices;
}

class CampaignText {
 public:
  void head(const std::string& model) {
    text_ += "# A campaign for nightwatt: look it through, then\n#   nightwatt run THIS_FILE --out runs/first\n\n";
    if (model.empty()) {
      text_ += "model = \"models/CHANGE-ME.gguf\"   # every backend serves this file, unless it names its own\n";
    } else {
      text_ +=
          fmt::format("model = {}   # every backend serves this file, unless it names its own\n", toml_text(model));
    }
    text_ += R"(
[rounds]
restarts = 12           # at most; each backend is started this often, in turn with the others
target = "2%"           # stops earlier when every speed ratio is known this well
idle_states = ["absent", "loaded_unused", "loaded_idle"]   # also: loaded_idle_late, active, frozen
idle_window_s = 30      # how long each idle state is watched
seed = 1

[workload]
prompt = [512]          # pp512: prefill of 512 tokens
generate = [128]        # tg128: decode of 128 tokens
)";
  }
  void started(const std::string& name, const std::string& comment, const std::string& extra_args) {
    begin(name, comment);
    text_ += "engine = \"llama-server\"\n";
    text_ += fmt::format(
        "command = [\"llama-server\", \"-m\", \"{{model}}\", \"--host\", \"127.0.0.1\", \"--port\", "
        "\"{{port}}\"{}]\n",
        extra_args);
  }
  void attached(const std::string& name, const std::string& engine, const std::string& url, const std::string& process,
                const std::string& comment) {
    begin(name, comment);
    text_ += fmt::format("engine = {}\nurl = {}   # it is asked, never stopped\n", toml_text(engine), toml_text(url));
    if (engine == "ollama") text_ += "model = \"CHANGE-ME\"   # as `ollama list` names it\n";
    if (!process.empty()) text_ += fmt::format("process = {}   # whose CPU time is counted\n", toml_text(process));
  }
  void nothing() {
    text_ += R"(
# No engine was found. This is how a backend looks; put llama-server into PATH, or attach to a running server by url.
#[[backend]]
#name = "llama.cpp"
#engine = "llama-server"   # llama-server | ollama | openai | lemonade
#command = ["llama-server", "-m", "{model}", "--host", "127.0.0.1", "--port", "{port}"]
)";
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void begin(const std::string& name, const std::string& comment) {
    std::string unique = name;
    for (int n = 2; !names_.insert(unique).second; ++n) unique = fmt::format("{} {}", name, n);
    text_ += fmt::format("\n# {}\n[[backend]]\nname = {}\n", comment, toml_text(unique));
  }
  std::string text_;
  std::set<std::string> names_;
};

struct Answered {
  std::string engine, name, process;
};

std::optional<std::string> ask(net::Client& client, std::uint16_t port, const char* target, int stop_fd) {
  net::Options options;
  options.connect = Seconds(0.5);
  options.idle = options.total = Seconds(2);
  options.cancel_fd = stop_fd;
  const auto answer = client.fetch({"127.0.0.1", port, false}, {"GET", target, {}, {}}, options);
  if (!answer || answer->head.status != 200) return std::nullopt;
  return answer->body;
}

std::optional<Answered> who_answers(net::Client& client, std::uint16_t port, int stop_fd) {
  if (const auto root = ask(client, port, "/", stop_fd); root && root->find("Ollama is running") != root->npos) {
    return Answered{"ollama", "Ollama", "ollama"};
  }
  if (ask(client, port, "/api/v1/health", stop_fd)) return Answered{"lemonade", "Lemonade", "lemond"};
  if (const auto props = ask(client, port, "/props", stop_fd); props && props->find("build_info") != props->npos) {
    return Answered{"llama-server", "llama-server", "llama-server"};
  }
  if (ask(client, port, "/v1/models", stop_fd)) return Answered{"openai", "OpenAI-compatible server", ""};
  return std::nullopt;
}

void add_llama_server(CampaignText& text, InitResult& result, int stop_fd) {
  const auto environment = os::environment();
  const auto program = os::find_program("llama-server", os::environment_value("PATH").value_or(""));
  if (!program) return;
  result.found.push_back(fmt::format("llama-server: {}", *program));
  text.started("llama.cpp CPU", "llama.cpp on the CPU alone.", ", \"-ngl\", \"0\", \"--device\", \"none\"");
  const auto listed = os::run_command(*program, {"llama-server", "--list-devices"}, environment, Seconds(30), stop_fd);
  if (!listed) return;
  for (const auto& device : parse_devices(listed->text)) {
    result.found.push_back(fmt::format("  device {}: {}", device.id, device.name));
    text.started(fmt::format("llama.cpp {}", device.id), device.name,
                 fmt::format(", \"-ngl\", \"99\", \"--device\", {}", toml_text(device.id)));
  }
}

Status add_process(CampaignText& text, InitResult& result, std::int32_t pid, net::Client& client,
                   os::Processes& processes, int stop_fd) {
  const auto identity = processes.identity(pid);
  if (!identity) return lacking_error(fmt::format("there is no process {}", pid), "ps -e lists the processes");
  const auto ports = processes.listening_ports(pid);
  if (ports.empty()) {
    return lacking_error(
        fmt::format("process {} ({}) listens on no port that is visible from here", pid, printable(identity->comm)),
        "run nightwatt init as the user who owns the process, or as root");
  }
  for (const auto port : ports) {
    const auto answered = who_answers(client, port, stop_fd);
    if (!answered) continue;
    result.found.push_back(
        fmt::format("process {} ({}): {} on port {}", pid, printable(identity->comm), answered->name, port));
    text.attached(answered->name, answered->engine, fmt::format("http://127.0.0.1:{}", port),
                  fmt::format("pid:{}", pid),
                  fmt::format("Process {} ({}), which runs already.", pid, printable(identity->comm)));
    return {};
  }
  return lacking_error(fmt::format("process {} ({}) does not answer as an inference engine on port {}", pid,
                                   printable(identity->comm), ports.front()),
                       "wait until its model is loaded, or name its port in the campaign by hand: url = \"http://…\"");
}

}  // namespace

Result<InitResult> make_campaign(const InitOptions& options, const Clock& clock, os::Processes& processes) {
  InitResult result;
  CampaignText text;
  text.head(options.model);
  net::Client client(clock);
  if (options.pids.empty()) {
    add_llama_server(text, result, options.stop_fd);
    static constexpr std::array<std::uint16_t, 6> kPorts = {11434, 8080, 8000, 13305, 1234, 30000};
    for (const std::uint16_t port : kPorts) {
      const auto answered = who_answers(client, port, options.stop_fd);
      if (!answered) continue;
      result.found.push_back(fmt::format("{} on port {}", answered->name, port));
      text.attached(answered->name, answered->engine, fmt::format("http://127.0.0.1:{}", port), answered->process,
                    fmt::format("A server that runs already on port {}.", port));
    }
  }
  for (const auto pid : options.pids) NW_CHECK(add_process(text, result, pid, client, processes, options.stop_fd));
  if (result.found.empty()) text.nothing();
  result.campaign = text.take();
  return result;
}

}  // namespace nw::app
