// The problem: SQLite reports some ninety result codes, of which a person can act on about five: the disk is full, no
// permission, somebody else has the file, it is damaged, it is something else altogether. database_error() makes one
// sentence and a next step of each; the extended codes (https://sqlite.org/rescode.html) are asked for because
// SQLITE_IOERR alone does not say what went wrong, and errno is added where SQLite has kept it.
//
// Numbers: SQLite keeps a double bit by bit, with two exceptions. It turns NaN into NULL: a NaN here is a mistake of
// ours, so binding one is an error instead of a silent "unknown". And whole numbers are kept as integers on disk, which
// costs a negative zero its sign: no figure of ours tells the two zeros apart.
#include "database.h"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

namespace nw::store {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

Error error_of(sqlite3* handle, int code) {
  const char* file = sqlite3_db_filename(handle, "main");
  return database_error(file != nullptr ? file : "run.sqlite", code, sqlite3_errmsg(handle),
                        sqlite3_system_errno(handle));
}

// "file:" URIs give %, ? and # a meaning (https://sqlite.org/uri.html).
std::string uri_of(const std::filesystem::path& file, std::string_view query) {
  std::string uri = "file:";
  for (const char c : file.string()) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri.append(query);
}

int flags_of(Database::Access access) {
  switch (access) {
    case Database::Access::create:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Database::Access::read_write:
      return SQLITE_OPEN_READWRITE;
    case Database::Access::read_only:
    case Database::Access::immutable:
      return SQLITE_OPEN_READONLY;
  }
  return SQLITE_OPEN_READONLY;
}

std::string because(int system_error) {
  return system_error != 0 ? fmt::format(": {}", std::strerror(system_error)) : std::string();
}

}  // namespace

Error no_such_parent() { return failed_error("the run has no such session, backend, restart or trial"); }

Error database_error(const std::string& file, int code, std::string_view text, int system_error) {
  if (code == SQLITE_CONSTRAINT_FOREIGNKEY) return no_such_parent();
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return failed_error(fmt::format("the disk is full, so {} cannot grow", file),
                          "free some space there and go on with --resume; what was stored so far is kept");
    case SQLITE_NOTADB:
      return failed_error(fmt::format("{} is not a run: it is no SQLite file, or its beginning is damaged", file),
                          "name a folder that nightwatt run has written");
    case SQLITE_CORRUPT:
      return failed_error(fmt::format("{} is damaged ({})", file, text),
                          fmt::format("what is still readable can be saved with: sqlite3 '{}' .recover", file));
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return lacking_error(fmt::format("cannot open {} for this{}", file,
                                       system_error != 0 ? because(system_error) : fmt::format(": {}", text)),
                           "check the permissions of the file and of its folder");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return lacking_error(fmt::format("another program keeps {} locked", file), "close it there and try again");
    case SQLITE_IOERR:
      return failed_error(fmt::format("cannot read or write {}{}", file,
                                      system_error != 0 ? because(system_error) : fmt::format(": {}", text)),
                          "check the disk it is on");
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return failed_error(fmt::format("{} does not take this record: {}", file, text),
                          "this is a mistake in nightwatt; please report it");
    default:
      return failed_error(fmt::format("{}: {}", file, text));
  }
}

Result<bool> Statement::step() {
  if (problem_ != nullptr) return problem();
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of(sqlite3_db_handle(statement_.get()), code);
}

void Statement::put(int index, double value) {
  if (std::isnan(value)) problem_ = "does not take a figure that is not a number";
  note(sqlite3_bind_double(statement_.get(), index, value));
}

void Statement::put(int index, std::string_view value) {
  // A null pointer would mean NULL, and an empty view may have one.
  const char* data = value.empty() ? "" : value.data();
  note(sqlite3_bind_text64(statement_.get(), index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::put(int index, Blob value) {
  const char* data = value.bytes.empty() ? "" : value.bytes.data();
  note(sqlite3_bind_blob64(statement_.get(), index, data, value.bytes.size(), SQLITE_STATIC));
}

std::string_view Statement::bytes(int column) {
  // The order matters: the pointer first, then its length.
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr || size <= 0) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

void Statement::get(int column, std::int32_t& out) {
  const std::int64_t value = integer(column);
  if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max()) {
    problem_ = "holds a number that is too large for its column";
    return;
  }
  out = static_cast<std::int32_t>(value);
}

void Statement::note(int code) {
  if (code != SQLITE_OK && problem_ == nullptr) problem_ = "does not take a value of this size";
}

Error Statement::problem() const {
  const char* file = sqlite3_db_filename(sqlite3_db_handle(statement_.get()), "main");
  return failed_error(fmt::format("{} {}", file != nullptr ? file : "run.sqlite", problem_));
}

Result<Database> Database::open(const std::filesystem::path& file, Access access) {
  const int flags = flags_of(access) | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  // An absolute path: the URI form reads "//host" out of others, and errors then name the file without doubt.
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(file, ignored);
  const std::string uri = uri_of(absolute, access == Access::immutable ? "?immutable=1" : "");
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &handle, flags, nullptr);
  if (handle == nullptr) return failed_error("there is not enough memory to open the run");
  Database database(handle);
  if (code != SQLITE_OK) {
    return database_error(file.string(), code, sqlite3_errmsg(handle), sqlite3_system_errno(handle));
  }
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // The file may come from somebody else: no functions from its schema, no writing into it past SQL.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return database;
}

Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(handle_.get(), code);
  return {};
}

Result<std::int64_t> Database::integer(const char* sql) {
  std::int64_t value = 0;
  NW_CHECK(each(sql, [&](Statement& row) { return row.row(value); }));
  return value;
}

Result<std::string> Database::text(const char* sql) {
  std::string value;
  NW_CHECK(each(sql, [&](Statement& row) { return row.row(value); }));
  return value;
}

Result<Statement*> Database::prepared(const char* sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return &found->second;
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error_of(handle_.get(), code);
  return &statements_.emplace(sql, Statement(statement)).first->second;
}

}  // namespace nw::store
