// The real program as a user runs it, for the end-to-end tests.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace nw::e2e {

struct Ran {
  int code = -1;  // exit status, or 1000 + the signal
  std::string out, err;
};

// Runs `nightwatt ARGS…` to its end, with `env` on top of the environment.
Ran nightwatt(const std::vector<std::string>& args, const std::map<std::string, std::string>& env = {},
              std::chrono::seconds limit = std::chrono::seconds(120));

// Starts it and returns at once; output goes to files. Ended with SIGKILL with the object, if it still runs.
class Started {
 public:
  Started(const std::vector<std::string>& args, const std::map<std::string, std::string>& env = {});
  ~Started();
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  Ran wait(std::chrono::seconds limit);
  [[nodiscard]] std::string err() const;

 private:
  std::filesystem::path folder_;
  pid_t pid_ = -1;
};

// A folder that goes with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Writes a file in it and returns its path.
  std::string write(const std::string& name, const std::string& text) const;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string fake_engine();
[[nodiscard]] std::string known_load();

// A backend of a campaign that is the fake engine with these flags.
[[nodiscard]] std::string backend(const std::string& name, const std::vector<std::string>& flags,
                                  const std::string& more = "");
// The head of a campaign that takes seconds: one window of a second per state.
[[nodiscard]] std::string short_campaign(const std::string& model, int restarts = 1, const std::string& rounds = "");

// The report of a run as JSON; fails the test when it cannot be made.
[[nodiscard]] boost::json::object report_of(const std::string& dir, const std::vector<std::string>& more = {});
// report["backends"] by name.
[[nodiscard]] boost::json::object backend_of(const boost::json::object& report, const std::string& name);

// Processes whose command line holds `text`; with `name`, those of that name only (a fork keeps its parent's line).
[[nodiscard]] std::vector<pid_t> processes_with(const std::string& text, const std::string& name = "");

}  // namespace nw::e2e
