// Real engines judge our model files: llama-bench and llama-server load and run them, and llama-quantize, given the
// same shape in half precision, chooses the same type for every tensor. The programs are those on PATH, else the
// lab's (tools/lab); without either the tests are skipped.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "app/model_commands.h"
#include "base/text.h"
#include "model/shapes.h"
#include "wire/gguf.h"

namespace nw::app {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;

std::optional<std::string> find_program(const std::string& name) {
  const char* const path = std::getenv("PATH");
  for (const std::string_view folder : split(path == nullptr ? "" : path, ':')) {
    const fs::path candidate = fs::path(folder) / name;
    if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  const char* const lab = std::getenv("NIGHTWATT_LAB");
  const fs::path home = lab != nullptr ? fs::path(lab) : fs::path(NW_SOURCE_DIR) / "build" / "lab";
  const fs::path candidate = home / "bin" / name;
  if (::access(candidate.c_str(), X_OK) == 0) return candidate.string();
  return std::nullopt;
}

struct Ran {
  int exit_code = -1;
  std::string output;
};

// Through a shell; the arguments here are ours and need no more than single quotes.
Ran run(const std::vector<std::string>& arguments, bool with_errors) {
  std::string command = "GGML_VK_VISIBLE_DEVICES= ";
  for (const std::string& argument : arguments) command += "'" + argument + "' ";
  command += with_errors ? "2>&1" : "2>/dev/null";
  Ran ran;
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 65536> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) ran.output.append(buffer.data(), n);
  ran.exit_code = WEXITSTATUS(::pclose(pipe));
  return ran;
}

// A llama-server on a port of its own, ended with the object. One thread: on a busy machine two of them would wait for
// each other most of the time.
class Server {
 public:
  Server(const std::string& program, const fs::path& model) : port_(free_port()) {
    const std::string port = std::to_string(port_);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setenv("GGML_VK_VISIBLE_DEVICES", "", 1);
    if (std::freopen("/dev/null", "w", stdout) == nullptr || std::freopen("/dev/null", "w", stderr) == nullptr) {
      ::_exit(126);
    }
    ::execl(program.c_str(), program.c_str(), "-m", model.c_str(), "--host", "127.0.0.1", "--port", port.c_str(), "-t",
            "1", "-c", "4096", nullptr);
    ::_exit(127);
  }
  ~Server() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] bool wait_ready() const {
    for (int i = 0; i < 600; ++i) {
      if (request("GET /health HTTP/1.1\r\n", "").find("200 OK") != std::string::npos) return true;
      if (::waitpid(pid_, nullptr, WNOHANG | WNOWAIT) == pid_) return false;
      std::this_thread::sleep_for(100ms);
    }
    return false;
  }
  [[nodiscard]] json::object post(const std::string& path, const json::object& body) const {
    const std::string answer = request("POST " + path + " HTTP/1.1\r\n", json::serialize(body));
    const std::size_t start = answer.find("\r\n\r\n");
    if (start == std::string::npos) return {};
    json::error_code error;
    json::value value = json::parse(answer.substr(start + 4), error);
    return value.is_object() ? value.as_object() : json::object();
  }

 private:
  static sockaddr_in address(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
  }
  static std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a = address(0);
    socklen_t length = sizeof a;
    ::bind(fd, reinterpret_cast<sockaddr*>(&a), length);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &length);
    ::close(fd);
    return ntohs(a.sin_port);
  }
  [[nodiscard]] std::string request(const std::string& line, const std::string& body) const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in a = address(port_);
    std::string answer;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0) {
      const std::string text = fmt::format(
          "{}Host: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
          line, body.size(), body);
      const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      std::array<char, 65536> buffer{};
      ssize_t n = 0;
      while (sent > 0 && (n = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0) {
        answer.append(buffer.data(), static_cast<std::size_t>(n));
      }
    }
    ::close(fd);
    return answer;
  }

  std::uint16_t port_;
  pid_t pid_ = -1;
};

std::map<std::string, std::string> types_in(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string prefix(8U << 20, '\0');
  in.read(prefix.data(), static_cast<std::streamsize>(prefix.size()));
  prefix.resize(static_cast<std::size_t>(in.gcount()));
  std::map<std::string, std::string> types;
  const auto parsed = wire::parse_gguf_header(std::as_bytes(std::span(prefix)));
  if (!parsed || !parsed->header) return types;
  for (const wire::GgufTensor& tensor : parsed->header->tensors) {
    types[tensor.name] = fmt::format("{} {}", model::tensor_traits(tensor.type)->name, fmt::join(tensor.dims, "x"));
  }
  return types;
}

class ModelLab : public ::testing::Test {
 protected:
  ModelLab() {
    std::string pattern = (fs::temp_directory_path() / "nw-lab-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ModelLab() override { fs::remove_all(directory_); }

  [[nodiscard]] fs::path make(const std::string& shape, const std::string& quant) const {
    SynthOptions options;
    options.shape = shape;
    options.quant = quant;
    options.output = directory_ / fmt::format("{}-{}.gguf", shape, quant);
    const Status status = synth(options);
    EXPECT_TRUE(status) << status.error().message;
    return options.output;
  }
  fs::path directory_;
};

const std::array<std::string, 2> kTiny{"tiny-llama", "tiny-qwen3moe"};

TEST_F(ModelLab, LlamaBenchRunsEveryQuantisation) {
  const auto bench = find_program("llama-bench");
  if (!bench) GTEST_SKIP() << "no llama-bench: tools/lab makes one";
  for (const std::string& shape : kTiny) {
    for (const std::string quant : {"Q4_K_M", "Q8_0", "F16"}) {
      SCOPED_TRACE(shape + " " + quant);
      const fs::path file = make(shape, quant);
      const Ran ran = run(
          {*bench, "-m", file.string(), "-p", "16", "-n", "4", "-r", "1", "-t", "1", "-ngl", "0", "-o", "json"}, false);
      ASSERT_EQ(ran.exit_code, 0);
      const json::value result = json::parse(ran.output);
      ASSERT_EQ(result.as_array().size(), 2U);
      for (const json::value& test : result.as_array()) {
        EXPECT_GT(test.at("avg_ts").to_number<double>(), 0);
        EXPECT_EQ(test.at("model_n_params").to_number<std::uint64_t>(), model::parameters(*model::find_shape(shape)));
      }
    }
  }
}

// Sensible numbers all along: each token of a long answer has a probability, no answer ends by itself, a byte of the
// prompt is a token, and what comes back is words.
TEST_F(ModelLab, LlamaServerAnswersAtLength) {
  const auto program = find_program("llama-server");
  if (!program) GTEST_SKIP() << "no llama-server: tools/lab makes one";
  for (const std::string& shape : kTiny) {
    SCOPED_TRACE(shape);
    const Server server(*program, make(shape, "Q4_K_M"));
    ASSERT_TRUE(server.wait_ready());
    const std::string prompt = "Grüße, 1 k3fa!";
    const json::object answer =
        server.post("/completion", {{"prompt", prompt}, {"n_predict", 600}, {"n_probs", 1}, {"seed", 1}});
    ASSERT_TRUE(answer.contains("content"));
    EXPECT_EQ(answer.at("tokens_evaluated").to_number<std::size_t>(), prompt.size());
    EXPECT_EQ(answer.at("tokens_predicted").to_number<int>(), 600);
    EXPECT_EQ(answer.at("stop_type").as_string(), "limit");
    for (const json::value& token : answer.at("completion_probabilities").as_array()) {
      const json::value& probability = token.at("logprob");
      ASSERT_TRUE(probability.is_number());
      ASSERT_TRUE(std::isfinite(probability.to_number<double>()));
      ASSERT_GT(probability.to_number<double>(), -30);
    }
    std::set<std::string> words;
    std::istringstream text(std::string(answer.at("content").as_string()));
    for (std::string word; text >> word;) words.insert(word);
    EXPECT_GT(words.size(), 100U) << "the answer goes round in circles";

    const json::object chat =
        server.post("/v1/chat/completions",
                    {{"messages", {json::object{{"role", "user"}, {"content", "abc"}}}}, {"max_tokens", 8}});
    ASSERT_TRUE(chat.contains("usage"));
    EXPECT_EQ(chat.at("usage").at("completion_tokens").to_number<int>(), 8);
  }
}

TEST_F(ModelLab, LlamaQuantizeMakesTheSameFile) {
  const auto program = find_program("llama-quantize");
  if (!program) GTEST_SKIP() << "no llama-quantize: tools/lab makes one";
  for (const std::string& shape : kTiny) {
    const fs::path half = make(shape, "F16");
    for (const std::string quant : {"Q4_K_M", "Q8_0"}) {
      SCOPED_TRACE(shape + " " + quant);
      const fs::path theirs = directory_ / "theirs.gguf";
      const Ran ran = run({*program, half.string(), theirs.string(), quant, "2"}, true);
      ASSERT_EQ(ran.exit_code, 0) << ran.output;
      const fs::path ours = make(shape, quant);
      EXPECT_THAT(types_in(ours), ::testing::ContainerEq(types_in(theirs)));
      EXPECT_NEAR(static_cast<double>(fs::file_size(ours)), static_cast<double>(fs::file_size(theirs)), 256);
      fs::remove(theirs);
    }
  }
}

// For the large shapes a header with nothing behind it (a sparse file) is enough: --dry-run reads no weight. Lines of
// its output are "[ 1/ 57] output.weight - [ 512, 8192, 1, 1], type = f16, size = 8.00 MiB -> 3.28 MiB (q6_K)".
TEST_F(ModelLab, LlamaQuantizeChoosesTheSameTypesForEveryShape) {
  const auto program = find_program("llama-quantize");
  if (!program) GTEST_SKIP() << "no llama-quantize: tools/lab makes one";
  for (const model::Shape& shape : model::shapes()) {
    SynthOptions options;
    options.shape = shape.name;
    options.quant = "F16";
    const auto outline = synth_outline(options);
    ASSERT_TRUE(outline);
    const fs::path sparse = directory_ / "sparse.gguf";
    std::ofstream(sparse, std::ios::binary) << outline->header;
    fs::resize_file(sparse, outline->file_bytes);
    for (const model::Quant quant : {model::Quant::q4_k_m, model::Quant::q8_0}) {
      SCOPED_TRACE(fmt::format("{} {}", shape.name, model::to_string(quant)));
      const Ran ran = run({*program, "--dry-run", sparse.string(), std::string(model::to_string(quant))}, true);
      if (ran.exit_code != 0) GTEST_SKIP() << "this llama-quantize has no --dry-run";
      std::size_t seen = 0;
      for (const model::TensorSpec& spec : model::tensors_of(shape, quant)) {
        const std::size_t at = ran.output.find("] " + spec.name + " ");
        ASSERT_NE(at, std::string::npos) << spec.name;
        const std::string line = ran.output.substr(at, ran.output.find('\n', at) - at);
        const std::size_t arrow = line.find("->");
        const bool kept = spec.type == model::TensorType::f32;
        ASSERT_EQ(arrow == std::string::npos, kept) << line;
        if (kept) continue;
        std::string wanted(model::traits(spec.type).name);  // "Q4_K"; there it is "q4_K"
        wanted.front() = 'q';
        ASSERT_NE(line.find("(" + wanted + ")", arrow), std::string::npos) << line << " is not " << wanted;
        ++seen;
      }
      EXPECT_GT(seen, 0U);
    }
  }
}

}  // namespace
}  // namespace nw::app
