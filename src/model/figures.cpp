#include "model/figures.h"

#include <algorithm>
#include <cmath>

namespace nw::model {
namespace {

std::optional<double> rate(double tokens, double seconds) {
  return tokens > 0 && seconds > 0 ? std::optional(tokens / seconds) : std::nullopt;
}

// Prompt tokens that were evaluated: without those from the cache, which cost nothing. An engine that states no cached
// tokens is taken at its word that it evaluated the prompt.
std::optional<double> evaluated_tokens(const Request& request) {
  if (!request.prompt_tokens) return std::nullopt;
  return static_cast<double>(*request.prompt_tokens - request.cached_tokens.value_or(0));
}

bool deviates(std::int64_t counted, std::int64_t asked, bool exact) {
  const auto difference = static_cast<double>(std::abs(counted - asked));
  if (difference <= 1) return false;
  return exact || difference > 0.1 * static_cast<double>(asked);
}

bool token_mismatch(const Request& request, const Test& test, bool exact) {
  if (test.prompt > 0) {
    if (!request.prompt_tokens || deviates(*request.prompt_tokens, test.depth + test.prompt, exact)) return true;
  } else if (!request.generated_tokens || deviates(*request.generated_tokens, test.generate, exact)) {
    return true;
  }
  if (test.depth == 0) return false;
  // The depth must really stand in the cache; an engine that says nothing about its cache cannot prove it.
  return !request.cached_tokens || static_cast<double>(*request.cached_tokens) < 0.9 * static_cast<double>(test.depth);
}

bool cache_hit(const Request& request, const Test& test, bool exact) {
  if (!request.cached_tokens) return false;
  const auto beyond = static_cast<double>(*request.cached_tokens - test.depth);
  const auto prompt = static_cast<double>(request.prompt_tokens.value_or(0));
  const double depth_error = exact ? 0 : 0.1 * static_cast<double>(test.depth);
  return beyond > std::max(1.0, 0.01 * prompt) + depth_error;
}

}  // namespace

std::optional<TokenSpan> token_span(const Request& request, const Test& test) {
  if (!request.error.empty()) return std::nullopt;
  if (test.prompt > 0) {
    const auto tokens = evaluated_tokens(request);
    const auto time = ttft_s(request);
    if (!tokens || !time || *tokens <= 0 || *time < 0) return std::nullopt;
    return TokenSpan{*tokens, *time};
  }
  if (!request.generated_tokens || *request.generated_tokens < 2 || request.token_times.size() < 2) return std::nullopt;
  return TokenSpan{static_cast<double>(*request.generated_tokens - 1),
                   to_seconds(request.token_times.back() - request.token_times.front())};
}

std::optional<double> tokens_per_second(const Request& request, const Test& test) {
  const auto span = token_span(request, test);
  return span ? rate(span->tokens, span->seconds) : std::nullopt;
}

std::optional<double> engine_tokens_per_second(const Request& request, const Test& test) {
  if (!request.error.empty()) return std::nullopt;
  if (test.prompt > 0) {
    const auto tokens = evaluated_tokens(request);
    return tokens && request.engine_prompt_s ? rate(*tokens, *request.engine_prompt_s) : std::nullopt;
  }
  if (!request.generated_tokens || !request.engine_generate_s) return std::nullopt;
  return rate(static_cast<double>(*request.generated_tokens - 1), *request.engine_generate_s);
}

std::optional<double> ttft_s(const Request& request) {
  if (!request.first_token) return std::nullopt;
  return to_seconds(*request.first_token - request.sent);
}

std::vector<double> inter_token_s(const Request& request) {
  std::vector<double> gaps;
  for (std::size_t i = 1; i < request.token_times.size(); ++i) {
    gaps.push_back(to_seconds(request.token_times[i] - request.token_times[i - 1]));
  }
  return gaps;
}

std::vector<Reason> reasons_of(const Request& request, const Test& test, bool exact) {
  if (!request.error.empty()) return {Reason::request_failed};
  std::vector<Reason> reasons;
  if (token_mismatch(request, test, exact)) reasons.push_back(Reason::token_mismatch);
  if (cache_hit(request, test, exact)) reasons.push_back(Reason::cache_hit);
  return reasons;
}

}  // namespace nw::model
