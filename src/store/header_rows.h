// The part of a run that is known before the first measurement: identity, machine, model, campaign, backends.
#pragma once

#include "base/result.h"
#include "database.h"
#include "model/run_data.h"

namespace nw::store {

// Both inside a transaction of the caller's.
Status save_header(Database& database, const model::Run& run);
Status load_header(Database& database, model::Run& run);

Status save_label(Database& database, int backend, std::string_view name, std::string_view value);

}  // namespace nw::store
