// The lists of a campaign (tests, states, rounds) are rows of one table with the list's name, since they are short and
// are only ever read together. Backends are kept twice, as the campaign has them and as they were run, since a run may
// complete what the campaign leaves open; `list` tells the two apart.
#include "header_rows.h"

#include <map>
#include <string>
#include <vector>

#include "records.h"

namespace nw::store {
namespace {

constexpr int kOnly = 0;
constexpr std::string_view kOfCampaign = "campaign";
constexpr std::string_view kOfRun = "run";

template <class T>
Status save_list(Database& database, std::string_view list, const std::vector<T>& values) {
  int position = 0;
  for (const T& value : values) {
    NW_CHECK(database.run("INSERT INTO campaign_list(list,position,value) VALUES(?,?,?)", list, position++, value));
  }
  return {};
}

template <class T>
Status load_list(Database& database, std::string_view list, std::vector<T>& values) {
  values.clear();
  return database.each(
      "SELECT value FROM campaign_list WHERE list = ? ORDER BY position",
      [&](Statement& row) { return row.row(values.emplace_back()); }, list);
}

Status save_backend(Database& database, std::string_view list, int position, const model::BackendSpec& spec) {
  NW_CHECK(insert(database, spec, list, position));
  int argument = 0;
  for (const std::string& value : spec.command) {
    NW_CHECK(database.run("INSERT INTO backend_argument(list,backend,position,value) VALUES(?,?,?,?)", list, position,
                          argument++, value));
  }
  for (const auto& [name, value] : spec.env) {
    NW_CHECK(database.run("INSERT INTO backend_environment(list,backend,name,value) VALUES(?,?,?,?)", list, position,
                          name, value));
  }
  return {};
}

// Rows of a name and a value.
template <class... Where>
Status load_map(Database& database, std::map<std::string, std::string>& map, const char* sql, const Where&... where) {
  return database.each(
      sql,
      [&](Statement& row) -> Status {
        std::string name, value;
        NW_CHECK(row.row(name, value));
        map.emplace(std::move(name), std::move(value));
        return {};
      },
      where...);
}

// Rows of one text each.
template <class... Where>
Status load_texts(Database& database, std::vector<std::string>& texts, const char* sql, const Where&... where) {
  return database.each(sql, [&](Statement& row) { return row.row(texts.emplace_back()); }, where...);
}

Status load_command_and_env(Database& database, std::string_view list, int position, model::BackendSpec& spec) {
  NW_CHECK(load_texts(database, spec.command,
                      "SELECT value FROM backend_argument WHERE list = ? AND backend = ? ORDER BY position", list,
                      position));
  return load_map(database, spec.env, "SELECT name,value FROM backend_environment WHERE list = ? AND backend = ?", list,
                  position);
}

Status load_backends(Database& database, model::Run& run) {
  NW_CHECK((each<model::BackendSpec, std::string, int>(
      database, [&](const std::string& list, int, model::BackendSpec&& spec) -> Status {
        if (list == kOfCampaign) {
          run.campaign.backends.push_back(std::move(spec));
        } else {
          run.backends.push_back({std::move(spec), {}, {}});
        }
        return {};
      })));
  int position = 0;
  for (auto& spec : run.campaign.backends) {
    NW_CHECK(load_command_and_env(database, kOfCampaign, position++, spec));
  }
  position = 0;
  for (auto& backend : run.backends) NW_CHECK(load_command_and_env(database, kOfRun, position++, backend.spec));
  return {};
}

Status load_labels_and_notes(Database& database, model::Run& run) {
  int position = 0;
  for (auto& backend : run.backends) {
    NW_CHECK(load_map(database, backend.labels, "SELECT name,value FROM backend_label WHERE backend = ?", position));
    NW_CHECK(load_texts(database, backend.notes, "SELECT text FROM backend_note WHERE backend = ? ORDER BY position",
                        position));
    ++position;
  }
  return {};
}

Status save_backend_record(Database& database, int position, const model::BackendRecord& record) {
  NW_CHECK(save_backend(database, kOfRun, position, record.spec));
  for (const auto& [name, value] : record.labels) NW_CHECK(save_label(database, position, name, value));
  int note = 0;
  for (const std::string& text : record.notes) {
    NW_CHECK(database.run("INSERT INTO backend_note(backend,position,text) VALUES(?,?,?)", position, note++, text));
  }
  return {};
}

Status save_campaign(Database& database, const model::Campaign& campaign) {
  NW_CHECK(insert(database, campaign, kOnly));
  NW_CHECK(save_list(database, "order", campaign.rounds.order));
  NW_CHECK(save_list(database, "idle_states", campaign.rounds.idle_states));
  NW_CHECK(save_list(database, "prompt", campaign.workload.prompt));
  NW_CHECK(save_list(database, "generate", campaign.workload.generate));
  NW_CHECK(save_list(database, "depth", campaign.workload.depth));
  NW_CHECK(save_list(database, "concurrency", campaign.workload.concurrency));
  int position = 0;
  for (const auto& spec : campaign.backends) NW_CHECK(save_backend(database, kOfCampaign, position++, spec));
  return {};
}

// A table of one row.
template <class T>
Status load_only(Database& database, T& record) {
  return each<T, int>(database, [&](int, T&& read) -> Status {
    record = std::move(read);
    return {};
  });
}

Status load_campaign(Database& database, model::Campaign& campaign) {
  NW_CHECK(load_only(database, campaign));
  NW_CHECK(load_list(database, "order", campaign.rounds.order));
  NW_CHECK(load_list(database, "idle_states", campaign.rounds.idle_states));
  NW_CHECK(load_list(database, "prompt", campaign.workload.prompt));
  NW_CHECK(load_list(database, "generate", campaign.workload.generate));
  NW_CHECK(load_list(database, "depth", campaign.workload.depth));
  return load_list(database, "concurrency", campaign.workload.concurrency);
}

}  // namespace

Status save_label(Database& database, int backend, std::string_view name, std::string_view value) {
  return database.run_one("INSERT OR REPLACE INTO backend_label(backend,name,value) VALUES(?,?,?)", backend, name,
                          value);
}

Status save_header(Database& database, const model::Run& run) {
  NW_CHECK(database.run("INSERT INTO run(only,id,started_at,complete,stop_reason) VALUES(0,?,?,?,?)", run.id,
                        run.started_at, run.complete, run.stop_reason));
  NW_CHECK(insert(database, run.machine, kOnly));
  NW_CHECK(insert(database, run.model, kOnly));
  NW_CHECK(save_campaign(database, run.campaign));
  int position = 0;
  for (const auto& record : run.backends) NW_CHECK(save_backend_record(database, position++, record));
  return {};
}

Status load_header(Database& database, model::Run& run) {
  bool found = false;
  NW_CHECK(database.each("SELECT id,started_at,complete,stop_reason FROM run", [&](Statement& row) {
    found = true;
    return row.row(run.id, run.started_at, run.complete, run.stop_reason);
  }));
  if (!found) return failed_error("the run has no header", "its file was changed by another program");
  NW_CHECK(load_only(database, run.machine));
  NW_CHECK(load_only(database, run.model));
  NW_CHECK(load_campaign(database, run.campaign));
  NW_CHECK(load_backends(database, run));
  return load_labels_and_notes(database, run);
}

}  // namespace nw::store
