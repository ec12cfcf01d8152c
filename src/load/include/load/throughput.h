// The throughput round: one client that asks, waits for the answer and asks again, until the warm-up is behind it and
// enough answers are in.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"
#include "model/dialect.h"
#include "model/run_data.h"
#include "net/client.h"

namespace nw::load {

struct TestPlan {
  model::Test test;
  int min_requests = 3;   // after the warm-up
  int max_requests = 12;  // with the warm-up
  // A test whose requests take milliseconds is noise after three of them: requests go on until this much time has been
  // measured (or kMostRequests), whatever max_requests says.
  Seconds min_measured{0};
  Seconds budget{120};  // no request begins after it; at least min_requests + 1 are tried all the same
  // Nonce of the first request; each request takes the next one. Two tests of one server must not share any, also not
  // over two runs on an attached server: Clock::wall_ns() is a good base.
  std::uint64_t first_nonce = 1;
  Seconds idle_timeout{600};  // longest silence of the server within a request
};

inline constexpr int kMostRequests = 500;

struct TestOutcome {
  std::vector<model::Request> requests;  // in order, warm-up marked, failures with their error
  std::vector<model::Reason> reasons;    // of the trial, each once; empty: valid
  std::uint64_t next_nonce = 1;          // for the next test
};

// Asks the introductions of the dialect and lets it learn. An error names what the server cannot do.
[[nodiscard]] Status introduce(const net::Endpoint& endpoint, model::Dialect& dialect, const Clock& clock,
                               int cancel_fd);

// Blocks until the test is done. `on_request` is called after each timed request, on this thread. A request that fails
// is recorded, not returned; three in a row end the test. A cancel ends it with the reason `interrupted` and keeps what
// is there. An error only for a plan that cannot be carried out (concurrency above 1, nothing to ask).
[[nodiscard]] Result<TestOutcome> run_test(const net::Endpoint& endpoint, model::Dialect& dialect, const TestPlan& plan,
                                           const Clock& clock, int cancel_fd,
                                           const std::function<void(const model::Request&)>& on_request);

}  // namespace nw::load
