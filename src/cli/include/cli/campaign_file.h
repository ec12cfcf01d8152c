// A campaign file (TOML, docs/campaign.md) as a model::Campaign.
#pragma once

#include <string>

#include "base/result.h"
#include "model/campaign.h"

namespace nw::cli {

// Pure: reads no file. `path` is only for messages. The first thing wrong is the error (usage): the line, what is
// wrong, and as the hint what it may be instead.
Result<model::Campaign> parse_campaign(const std::string& text, const std::string& path);

// Reads and parses. A campaign is a program: a file that others can write is refused. All errors are usage.
Result<model::Campaign> load_campaign(const std::string& path);

}  // namespace nw::cli
