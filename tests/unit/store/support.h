// What several tests of the store need: a folder of their own, the program's way of writing a run, a child process, and
// the file as SQLite itself sees it.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "store/run_store.h"

namespace nw::store::testing {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "nw-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] fs::path operator/(std::string_view name) const { return path_ / name; }
  [[nodiscard]] std::set<std::string> names() const { return names_in(path_); }
  static std::set<std::string> names_in(const fs::path& dir) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir)) names.insert(entry.path().filename());
    return names;
  }

 private:
  fs::path path_;
};

// As a failed assertion, with the error's words.
inline ::testing::AssertionResult ok(const Status& status) {
  if (status) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << status.error().message << " / " << status.error().hint;
}
template <class T>
::testing::AssertionResult ok(const Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << result.error().message << " / " << result.error().hint;
}

// A header with one backend, and nothing measured.
inline model::Run small_header() {
  model::Run run;
  run.id = "00000000-0000-4000-8000-000000000001";
  run.started_at = "2026-01-02T03:04:05Z";
  run.backends.emplace_back().spec.name = "one";
  return run;
}

// Writes what `run` holds by the calls that the program makes while it measures, samples in several batches.
Status write_run(RunStore& store, const model::Run& run);

inline Status write_trial(RunStore& store, std::int64_t restart, const model::Trial& trial) {
  NW_TRY(const std::int64_t id, store.begin_trial(restart, trial));
  const std::span<const model::ThreadSample> threads(trial.threads);
  const auto half = threads.size() / 2;
  NW_CHECK(store.append(id, {trial.processes, threads.first(half), {}}));
  NW_CHECK(store.append(id, {{}, threads.subspan(half), trial.machine}));
  for (const auto& request : trial.requests) NW_CHECK(store.append_request(id, request));
  return store.end_trial(id, trial.end, trial.reasons, trial.finished);
}

inline Status write_run(RunStore& store, const model::Run& run) {
  for (const auto& session : run.sessions) {
    NW_TRY(const int index, store.begin_session(session));
    if (session.end) NW_CHECK(store.end_session(index, *session.end, session.self_cpu_s));
  }
  for (const auto& restart : run.restarts) {
    NW_TRY(const std::int64_t id, store.begin_restart(restart));
    if (restart.ready) NW_CHECK(store.set_ready(id, *restart.ready));
    for (const auto& trial : restart.trials) NW_CHECK(write_trial(store, id, trial));
    if (restart.end) NW_CHECK(store.end_restart(id, *restart.end, restart.status, restart.message));
  }
  return store.set_complete(run.complete, run.stop_reason);
}

// Runs work() in a child process and returns what it returned; the child leaves without any clean-up, as a killed
// program would.
inline std::string in_child(const std::function<std::string()>& work) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string answer = work();
    const ssize_t written = ::write(ends[1], answer.data(), answer.size());
    ::_exit(written == static_cast<ssize_t>(answer.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string answer;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
    answer.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return answer;
}

// Access checks do not apply to root, so what is about permissions runs as nobody. For use in a child.
inline void become_nobody() {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() != 0) return;
  if (::setegid(kNobody) != 0 || ::seteuid(kNobody) != 0) ::_exit(2);
}

// Runs SQL on a file; returns the first column of the rows, one per line, or "error: …".
inline std::string sql(const fs::path& file, const std::string& text) {
  sqlite3* handle = nullptr;
  sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> closer(handle, sqlite3_close);
  std::string out;
  const auto add = [](void* to, int, char** values, char**) {
    static_cast<std::string*>(to)->append(values[0] != nullptr ? values[0] : "NULL").append("\n");
    return 0;
  };
  if (sqlite3_exec(handle, text.c_str(), add, &out, nullptr) != SQLITE_OK) {
    return std::string("error: ") + sqlite3_errmsg(handle);
  }
  if (!out.empty()) out.pop_back();
  return out;
}

}  // namespace nw::store::testing
