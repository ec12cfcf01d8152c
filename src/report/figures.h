// Private to the room: from raw records to the figures of one backend.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/report.h"

namespace nw::report {

// What one request of the campaign's workload is: the first prompt and the first generate length. output_tokens is 0
// when the campaign generates nothing: then there is no bill.
[[nodiscard]] cost::RequestShape request_shape(const model::Campaign& campaign);

// The reason of an idle state that nobody asked for.
inline constexpr std::string_view kNotInCampaign = "not in the campaign's idle_states";

[[nodiscard]] BackendReport backend_report(const model::Run& run, std::size_t backend);
// Cores of the machine without any backend and without nightwatt.
[[nodiscard]] IdleRow absent_row(const model::Run& run);
[[nodiscard]] std::vector<ThroughputRow> throughput_rows(const model::Run& run, std::size_t backend);

// "window_not_bracketed, sampling_gap"; empty for none.
[[nodiscard]] std::string join(const std::vector<model::Reason>& reasons);

}  // namespace nw::report
