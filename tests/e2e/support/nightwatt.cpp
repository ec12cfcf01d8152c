#include "e2e/support/nightwatt.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "engines/support.h"
#include "os/process.h"

namespace nw::e2e {
namespace fs = std::filesystem;
namespace {

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "nightwatt-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return (path_ / name).string();
}

Started::Started(const std::vector<std::string>& args, const std::map<std::string, std::string>& env) {
  std::string name = (fs::temp_directory_path() / "nightwatt-run-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  folder_ = name;
  std::vector<std::string> argv = {NW_PROGRAM};
  argv.insert(argv.end(), args.begin(), args.end());
  std::vector<char*> pointers;
  for (auto& arg : argv) pointers.push_back(arg.data());
  pointers.push_back(nullptr);
  const auto out = (folder_ / "out").string();
  const auto err = (folder_ / "err").string();
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::dup2(::open("/dev/null", O_RDONLY), 0);
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0600), 1);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0600), 2);
  for (const auto& [key, value] : env) ::setenv(key.c_str(), value.c_str(), 1);
  ::execv(NW_PROGRAM, pointers.data());
  ::_exit(127);
}

Started::~Started() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void Started::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

std::string Started::err() const { return slurp(folder_ / "err"); }

Ran Started::wait(std::chrono::seconds limit) {
  Ran ran;
  int status = 0;
  const bool ended = fake::eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, limit);
  if (!ended) {
    ADD_FAILURE() << "nightwatt did not end within " << limit.count() << " s; it said: " << err();
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status, 0);
  }
  pid_ = -1;
  ran.code = WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
  ran.out = slurp(folder_ / "out");
  ran.err = slurp(folder_ / "err");
  return ran;
}

Ran nightwatt(const std::vector<std::string>& args, const std::map<std::string, std::string>& env,
              std::chrono::seconds limit) {
  return Started(args, env).wait(limit);
}

std::string fake_engine() { return std::string(NW_ENGINES_DIR) + "/fake_engine"; }
std::string known_load() { return std::string(NW_ENGINES_DIR) + "/known_load"; }

std::string backend(const std::string& name, const std::vector<std::string>& flags, const std::string& more) {
  std::string command = fmt::format("\"{}\", \"-m\", \"{{model}}\", \"--port\", \"{{port}}\"", fake_engine());
  for (const auto& flag : flags) command += fmt::format(", \"{}\"", flag);
  return fmt::format("[[backend]]\nname = \"{}\"\nengine = \"llama-server\"\ncommand = [{}]\n{}\n", name, command,
                     more);
}

std::string short_campaign(const std::string& model, int restarts, const std::string& rounds) {
  return fmt::format(
      "model = \"{}\"\n[rounds]\norder = [\"throughput\", \"idle\"]\nrestarts = {}\nidle_window_s = 2\n{}\n"
      "[workload]\nprompt = [32]\ngenerate = [8]\n",
      model, restarts, rounds);
}

boost::json::object report_of(const std::string& dir, const std::vector<std::string>& more) {
  std::vector<std::string> args = {"report", dir, "--format", "json"};
  args.insert(args.end(), more.begin(), more.end());
  const Ran ran = nightwatt(args);
  boost::system::error_code code;
  const auto value = boost::json::parse(ran.out, code);
  EXPECT_FALSE(code) << ran.out << ran.err;
  return value.is_object() ? value.as_object() : boost::json::object();
}

boost::json::object backend_of(const boost::json::object& report, const std::string& name) {
  for (const auto& one : report.at("backends").as_array()) {
    if (one.at("name").as_string() == name) return one.as_object();
  }
  ADD_FAILURE() << "no backend " << name;
  return {};
}

std::vector<pid_t> processes_with(const std::string& text, const std::string& name) {
  std::vector<pid_t> found;
  os::LinuxProcesses processes;
  for (const pid_t pid : processes.pids()) {
    const auto identity = processes.identity(pid);
    if (!identity || pid == ::getpid()) continue;
    if (!name.empty() && identity->comm != name) continue;
    const auto line = fmt::format("{}", fmt::join(processes.command_line(pid), " "));
    if (line.find(text) != line.npos) found.push_back(pid);
  }
  return found;
}

}  // namespace nw::e2e
