// What one request says about speed, as formulas over the raw record. Every table and every statistic starts here.
//
// Tokens are always the engine's counters. Chunks are never counted as tokens: a server may put several tokens into one
// chunk or hold one back until its bytes are a whole character. Without the counter there is no figure.
#pragma once

#include <optional>
#include <vector>

#include "model/campaign.h"
#include "model/run_data.h"

namespace nw::model {

// The tokens of a request and the time they took.
struct TokenSpan {
  double tokens = 0;
  double seconds = 0;  // >= 0; 0 when everything arrived in one read
};

// Of a pp test: prompt tokens − cached tokens, and first token − sent. The time holds what a user waits for: the way
// there, the prompt's evaluation, one sampling and the way back.
// Of a tg test: generated − 1, and last chunk − first chunk. The first token belongs to the prompt's evaluation; from
// it to the last one, generated − 1 tokens were made. This holds with several tokens in a chunk only if the first chunk
// and the last each bring one token, and the error is at most the tokens of the first chunk − 1.
// nullopt: the request failed, or a counter or a time is missing.
//
// A time stamp may be late by what the client waited for a CPU. The delays of first and last stamp cancel in the sum
// over many requests, so a rate over requests is Σ tokens / Σ seconds with the spans of 0 in it: to leave those out
// would keep only the requests whose first stamp was late, and overstate the rate.
[[nodiscard]] std::optional<TokenSpan> token_span(const Request& request, const Test& test);

// tokens / seconds of the span; nullopt too when the time is not above zero.
[[nodiscard]] std::optional<double> tokens_per_second(const Request& request, const Test& test);

// The same rate by the engine's own clock, for the comparison: prompt tokens evaluated / engine_prompt_s, or
// (generated − 1) / engine_generate_s. nullopt where the engine gives no times.
[[nodiscard]] std::optional<double> engine_tokens_per_second(const Request& request, const Test& test);

// First token − sent, in seconds.
[[nodiscard]] std::optional<double> ttft_s(const Request& request);

// Times between consecutive chunks, in seconds; one fewer than the chunks. They are times between tokens only where
// the engine sends one token a chunk.
[[nodiscard]] std::vector<double> inter_token_s(const Request& request);

// Why this request does not count: request_failed, token_mismatch, cache_hit; empty when it does.
// `exact`: the dialect sends token ids, so a deviation of more than one token is a mismatch; otherwise one of more than
// 10 % (and more than one token) is. A counter that the engine does not give is a mismatch too where the figure needs
// it. Cached tokens count as a hit when they exceed the test's depth (of a text: by its 10 %) by more than 1 % of the
// prompt and by more than one token; at a depth, fewer than 90 % of it in the cache is a token_mismatch: the depth was
// not there.
[[nodiscard]] std::vector<Reason> reasons_of(const Request& request, const Test& test, bool exact);

}  // namespace nw::model
