// A whole run out of its file.
#pragma once

#include "database.h"
#include "model/run_data.h"

namespace nw::store {

// Inside a transaction of the caller's, so that a writer at work cannot change the run between two tables.
Result<model::Run> load_run(Database& database);

}  // namespace nw::store
