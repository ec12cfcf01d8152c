// The layout of run.sqlite and how an older one becomes the current one.
#pragma once

#include <array>

#include "store/run_store.h"

namespace nw::store {

// "nwat": tells a run from any other SQLite file; file(1) shows it.
inline constexpr int kApplicationId = 0x6E776174;

// Brings a file from version `to` - 1 to version `to`. An empty file is version 0.
struct Migration {
  int to;
  const char* sql;
};

extern const char* const kSchemaV1;

// A new version is one more entry here and a higher kSchemaVersion. Entries are never edited once they were released: a
// test compares what version 1 makes with tests/unit/store/schema_v1.sql.
inline const std::array kMigrations = {Migration{1, kSchemaV1}};
static_assert(std::tuple_size_v<decltype(kMigrations)> == kSchemaVersion);

}  // namespace nw::store
