// Which columns a record has, said once for writing and for reading: Record<T> names the table, the columns that say
// whose record it is (the keys), the columns of the record itself, and ties the latter to its members in that order.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "database.h"
#include "store/run_store.h"

namespace nw::store {

template <class T>
struct Record;

template <>
struct Record<model::Machine> {
  static constexpr const char *table = "machine", *keys = "only", *order = "only";
  static constexpr const char* columns =
      "id,boot_id,os,kernel,arch,cpu,cpus,cpu_limit,memory_bytes,governor,wsl,virtualization,power_meter";
  static auto tie(auto& m) {
    return std::tie(m.id, m.boot_id, m.os, m.kernel, m.arch, m.cpu, m.cpus, m.cpu_limit, m.memory_bytes, m.governor,
                    m.wsl, m.virtualization, m.power_meter);
  }
};

template <>
struct Record<model::ModelRecord> {
  static constexpr const char *table = "model", *keys = "only", *order = "only";
  static constexpr const char* columns = "path,sha256,arch,quant,name,bytes,synthetic";
  static auto tie(auto& m) { return std::tie(m.path, m.sha256, m.arch, m.quant, m.name, m.bytes, m.synthetic); }
};

template <>
struct Record<model::Campaign> {
  static constexpr const char *table = "campaign", *keys = "only", *order = "only";
  static constexpr const char* columns = "path,text,model,restarts,target,idle_window_s,seed";
  static auto tie(auto& c) {
    return std::tie(c.path, c.text, c.model, c.rounds.restarts, c.rounds.target, c.rounds.idle_window_s, c.rounds.seed);
  }
};

template <>
struct Record<model::BackendSpec> {
  static constexpr const char *table = "backend", *keys = "list,position", *order = "list,position";
  static constexpr const char* columns = "name,engine,url,model,process,api_key_env,port,ready_timeout_s";
  static auto tie(auto& b) {
    return std::tie(b.name, b.engine, b.url, b.model, b.process, b.api_key_env, b.port, b.ready_timeout_s);
  }
};

template <>
struct Record<model::Session> {
  static constexpr const char *table = "session", *keys = "position", *order = "position";
  static constexpr const char* columns =
      "id,boot_id,begin_ns,end_ns,wall_offset_ns,self_cpu_s,tool_version,tool_commit";
  static auto tie(auto& s) {
    return std::tie(s.id, s.boot_id, s.begin, s.end, s.wall_offset_ns, s.self_cpu_s, s.tool_version, s.tool_commit);
  }
};

template <>
struct Record<model::Restart> {
  static constexpr const char *table = "restart", *keys = "id", *order = "id";
  static constexpr const char* columns = "session,backend,repeat,begin_ns,ready_ns,end_ns,status,message";
  static auto tie(auto& r) {
    return std::tie(r.session, r.backend, r.index, r.begin, r.ready, r.end, r.status, r.message);
  }
};

// A trial without what hangs on it, its test spread over four columns.
struct TrialRow {
  std::int64_t restart = 0;
  model::Round round = model::Round::idle;
  std::optional<model::State> state;
  std::optional<std::int64_t> prompt, generate, depth, concurrency;
  Moment begin, end;
  bool finished = false;
};

template <>
struct Record<TrialRow> {
  static constexpr const char *table = "trial", *keys = "id", *order = "id";
  static constexpr const char* columns =
      "restart,round,state,test_prompt,test_generate,test_depth,test_concurrency,begin_ns,end_ns,finished";
  static auto tie(auto& t) {
    return std::tie(t.restart, t.round, t.state, t.prompt, t.generate, t.depth, t.concurrency, t.begin, t.end,
                    t.finished);
  }
};

template <>
struct Record<model::ProcessSample> {
  static constexpr const char *table = "process_sample", *keys = "trial", *order = "rowid";
  static constexpr const char* columns = "at_ns,pid,start_ticks,comm,cpu_ns,resolution_ns,rss_bytes,swap_bytes";
  static auto tie(auto& s) {
    return std::tie(s.at, s.pid, s.start_ticks, s.comm, s.cpu_ns, s.resolution_ns, s.rss_bytes, s.swap_bytes);
  }
};

// The part of a ThreadSample that changes; trial, process, thread and name are in table `thread`.
template <>
struct Record<model::ThreadSample> {
  static constexpr const char *table = "thread_sample", *keys = "thread", *order = "rowid";
  static constexpr const char* columns = "at_ns,cpu_ns,voluntary_switches,involuntary_switches";
  static auto tie(auto& s) { return std::tie(s.at, s.cpu_ns, s.voluntary_switches, s.involuntary_switches); }
};

template <>
struct Record<model::MachineSample> {
  static constexpr const char *table = "machine_sample", *keys = "trial", *order = "rowid";
  static constexpr const char* columns = "at_ns,busy_ns,steal_ns,context_switches,self_cpu_ns,wall_ns";
  static auto tie(auto& s) {
    return std::tie(s.at, s.busy_ns, s.steal_ns, s.context_switches, s.self_cpu_ns, s.wall_ns);
  }
};

// Without its token times, which are bytes in the key's place.
template <>
struct Record<model::Request> {
  static constexpr const char *table = "request", *keys = "trial,token_times", *order = "rowid";
  static constexpr const char* columns =
      "seq,warmup,scheduled_ns,sent_ns,first_byte_ns,first_token_ns,end_ns,prompt_tokens,cached_tokens,"
      "generated_tokens,engine_prompt_s,engine_generate_s,error";
  static auto tie(auto& r) {
    return std::tie(r.seq, r.warmup, r.scheduled, r.sent, r.first_byte, r.first_token, r.end, r.prompt_tokens,
                    r.cached_tokens, r.generated_tokens, r.engine_prompt_s, r.engine_generate_s, r.error);
  }
};

template <>
struct Record<Event> {
  static constexpr const char *table = "event", *keys = "session", *order = "rowid";
  static constexpr const char* columns = "at_ns,level,text";
  static auto tie(auto& e) { return std::tie(e.at, e.level, e.text); }
};

template <class R>
std::string insert_sql() {
  const std::string columns = std::string(R::keys) + "," + R::columns;
  const auto count = std::count(columns.begin(), columns.end(), ',') + 1;
  std::string sql = std::string("INSERT INTO ") + R::table + "(" + columns + ") VALUES(?";
  for (std::ptrdiff_t i = 1; i < count; ++i) sql += ",?";
  return sql + ")";
}

// Writes one record; `keys` are the values of the key columns, in order.
template <class T, class... Keys>
Status insert(Database& database, const T& value, const Keys&... keys) {
  static const std::string sql = insert_sql<Record<T>>();
  return std::apply([&](const auto&... member) { return database.run(sql.c_str(), keys..., member...); },
                    Record<T>::tie(value));
}

// Reads every record of the table, in order: visit(keys..., T&&) -> Status.
template <class T, class... Keys, class Visit>
Status each(Database& database, Visit visit) {
  using R = Record<T>;
  static const std::string sql =
      std::string("SELECT ") + R::keys + "," + R::columns + " FROM " + R::table + " ORDER BY " + R::order;
  return database.each(sql.c_str(), [&](Statement& statement) -> Status {
    std::tuple<Keys...> keys;
    T value{};
    auto all = std::tuple_cat(std::apply([](auto&... key) { return std::tie(key...); }, keys), R::tie(value));
    NW_CHECK(std::apply([&](auto&... column) { return statement.row(column...); }, all));
    return std::apply([&](auto&... key) { return visit(key..., std::move(value)); }, keys);
  });
}

}  // namespace nw::store
