// SQLite behind Result<T>: a connection, prepared statements that are kept for the next use, and transactions. Private
// to this room. One thread at a time: connections are opened without SQLite's own mutexes, RunStore has one.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "words.h"

namespace nw::store {

// Bytes that are not text. Borrowed when bound, a copy when read.
struct Blob {
  std::string_view bytes;
};

// A prepared statement. Text that is bound is borrowed until the statement ran.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  template <class... T>
  Statement& bind(const T&... values) {
    problem_ = nullptr;
    int index = 0;
    (put(++index, values), ...);
    return *this;
  }
  // True: there is a row to read. False: done. Either way call reset() in the end, or the statement keeps its lock.
  Result<bool> step();
  void reset() { sqlite3_reset(statement_.get()); }
  // Reads the columns of the current row from the first one on.
  template <class... T>
  Status row(T&... out) {
    problem_ = nullptr;
    int index = 0;
    (get(index++, out), ...);
    if (problem_ != nullptr) return problem();
    return {};
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };

  void put(int index, std::int64_t value) { note(sqlite3_bind_int64(statement_.get(), index, value)); }
  void put(int index, std::uint64_t value) { put(index, static_cast<std::int64_t>(value)); }
  void put(int index, std::int32_t value) { put(index, std::int64_t{value}); }
  void put(int index, bool value) { put(index, std::int64_t{value ? 1 : 0}); }
  void put(int index, Moment value) { put(index, value.ns); }
  void put(int index, double value);
  void put(int index, std::string_view value);
  void put(int index, const std::string& value) { put(index, std::string_view(value)); }
  void put(int index, Blob value);
  template <class E>
    requires std::is_enum_v<E>
  void put(int index, E value) {
    put(index, to_string(value));
  }
  template <class T>
  void put(int index, const std::optional<T>& value) {
    value ? put(index, *value) : note(sqlite3_bind_null(statement_.get(), index));
  }

  [[nodiscard]] std::int64_t integer(int column) { return sqlite3_column_int64(statement_.get(), column); }
  [[nodiscard]] std::string_view bytes(int column);
  void get(int column, std::int64_t& out) { out = integer(column); }
  void get(int column, std::uint64_t& out) { out = static_cast<std::uint64_t>(integer(column)); }
  void get(int column, std::int32_t& out);
  void get(int column, bool& out) { out = integer(column) != 0; }
  void get(int column, Moment& out) { out.ns = integer(column); }
  void get(int column, double& out) { out = sqlite3_column_double(statement_.get(), column); }
  void get(int column, std::string& out) { out = bytes(column); }
  template <class E>
    requires std::is_enum_v<E>
  void get(int column, E& out) {
    if (!from_word(bytes(column), out)) problem_ = "holds a word that this version does not know";
  }
  template <class T>
  void get(int column, std::optional<T>& out) {
    out.reset();
    if (sqlite3_column_type(statement_.get(), column) != SQLITE_NULL) get(column, out.emplace());
  }

  void note(int code);
  [[nodiscard]] Error problem() const;

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const char* problem_ = nullptr;  // the first value that could not be bound or read
};

// The error of a call that names something which is not in the run.
[[nodiscard]] Error no_such_parent();

class Database {
 public:
  enum class Access { create, read_write, read_only, immutable };

  static Result<Database> open(const std::filesystem::path& file, Access access);

  // Statements without parameters, separated by semicolons.
  Status execute(const char* sql);
  // The first column of the first row, which must exist.
  Result<std::int64_t> integer(const char* sql);
  Result<std::string> text(const char* sql);

  // Runs one statement with its parameters. `sql` is prepared once and found again by its address: pass text that
  // lives as long as the program.
  template <class... T>
  Status run(const char* sql, const T&... values) {
    NW_TRY(Statement * statement, prepared(sql));
    auto done = statement->bind(values...).step();
    statement->reset();
    if (!done) return std::move(done).error();
    return {};
  }
  // The same, and exactly one row must have been inserted, updated or deleted.
  template <class... T>
  Status run_one(const char* sql, const T&... values) {
    NW_CHECK(run(sql, values...));
    if (sqlite3_changes(handle_.get()) == 1) return {};
    return no_such_parent();
  }
  // Calls visit(Statement&) -> Status for each row; `sql` as in run().
  template <class Visit, class... T>
  Status each(const char* sql, Visit visit, const T&... values) {
    NW_TRY(Statement * statement, prepared(sql));
    statement->bind(values...);
    Status status;
    while (true) {
      auto more = statement->step();
      if (!more) status = std::move(more).error();
      if (!more || !*more) break;
      status = visit(*statement);
      if (!status) break;
    }
    statement->reset();
    return status;
  }

  // Calls work() -> Status inside a transaction: all of it or nothing. `begin` says which kind.
  template <class Work>
  Status transact(const char* begin, Work work) {
    NW_CHECK(execute(begin));
    Status status = work();
    if (status) status = execute("COMMIT");
    if (!status && sqlite3_get_autocommit(handle_.get()) == 0) sqlite3_exec(handle_.get(), "ROLLBACK", {}, {}, {});
    return status;
  }

  [[nodiscard]] std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    // The lazy kind: the connection goes when the last statement is gone, in whatever order they are destroyed.
    void operator()(sqlite3* s) const { sqlite3_close_v2(s); }
  };

  explicit Database(sqlite3* handle) : handle_(handle) {}
  Result<Statement*> prepared(const char* sql);

  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<const char*, Statement> statements_;
};

// What SQLite's result code means to a person who has a run in `file`. `system_error` is an errno or 0.
[[nodiscard]] Error database_error(const std::string& file, int code, std::string_view text, int system_error);

}  // namespace nw::store
