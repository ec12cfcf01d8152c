#include "model/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nw::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kMs = 1'000'000;
const Test kPp = {512, 0, 0, 1};
const Test kTg = {0, 128, 0, 1};

Request pp_request() {
  Request request;
  request.sent = {1000 * kMs};
  request.first_token = Moment{1250 * kMs};
  request.token_times = {{1250 * kMs}};
  request.prompt_tokens = 512;
  request.cached_tokens = 0;
  request.generated_tokens = 1;
  request.engine_prompt_s = 0.2;
  return request;
}

Request tg_request() {
  Request request;
  request.sent = {1000 * kMs};
  request.first_token = Moment{1100 * kMs};
  for (int i = 0; i < 128; ++i) request.token_times.push_back({(1100 + 10 * i) * kMs});
  request.prompt_tokens = 1;
  request.cached_tokens = 0;
  request.generated_tokens = 128;
  request.engine_generate_s = 1.27;
  return request;
}

TEST(Figures, PromptRateIsEvaluatedTokensPerTimeToFirstToken) {
  Request request = pp_request();
  EXPECT_DOUBLE_EQ(tokens_per_second(request, kPp).value_or(0), 2048);
  EXPECT_DOUBLE_EQ(engine_tokens_per_second(request, kPp).value_or(0), 2560);
  EXPECT_DOUBLE_EQ(ttft_s(request).value_or(0), 0.25);
  request.cached_tokens = 256;
  EXPECT_DOUBLE_EQ(tokens_per_second(request, kPp).value_or(0), 1024) << "tokens from the cache were not evaluated";
  request.cached_tokens = 512;
  EXPECT_FALSE(tokens_per_second(request, kPp));
}

TEST(Figures, GenerationRateLeavesTheFirstTokenOut) {
  Request request = tg_request();
  EXPECT_NEAR(tokens_per_second(request, kTg).value_or(0), 100, 1e-9);
  EXPECT_NEAR(engine_tokens_per_second(request, kTg).value_or(0), 100, 1e-9);
  // Pairs of tokens in a chunk do not change it, because the tokens are the engine's and not the chunks.
  std::vector<Moment> pairs = {request.token_times.front()};
  for (std::size_t i = 3; i < request.token_times.size(); i += 2) pairs.push_back(request.token_times[i]);
  request.token_times = pairs;
  EXPECT_NEAR(tokens_per_second(request, kTg).value_or(0), 100, 1e-9);
}

TEST(Figures, WithoutTheEnginesCounterThereIsNoFigure) {
  Request request = tg_request();
  request.generated_tokens.reset();
  EXPECT_FALSE(tokens_per_second(request, kTg) || engine_tokens_per_second(request, kTg));
  EXPECT_THAT(reasons_of(request, kTg, false), ElementsAre(Reason::token_mismatch));
  Request prompt = pp_request();
  prompt.prompt_tokens.reset();
  EXPECT_FALSE(tokens_per_second(prompt, kPp));
}

TEST(Figures, NothingFromAFailedRequestOrFromNoTime) {
  Request request = tg_request();
  request.error = "dropped";
  EXPECT_FALSE(tokens_per_second(request, kTg));
  EXPECT_THAT(reasons_of(request, kTg, true), ElementsAre(Reason::request_failed));
  Request burst = tg_request();
  burst.token_times = {burst.token_times.front()};
  EXPECT_FALSE(tokens_per_second(burst, kTg));
  burst.token_times.push_back(burst.token_times.front());
  EXPECT_FALSE(tokens_per_second(burst, kTg)) << "no time between them";
  EXPECT_FALSE(ttft_s(Request{}));
  EXPECT_THAT(inter_token_s(Request{}), IsEmpty());
}

TEST(Figures, TimesBetweenTokens) {
  Request request;
  request.token_times = {{0}, {10 * kMs}, {30 * kMs}};
  EXPECT_THAT(inter_token_s(request), ElementsAre(0.01, 0.02));
}

TEST(Reasons, ExactDialectsMayBeOffByOne) {
  Request request = pp_request();
  EXPECT_THAT(reasons_of(request, kPp, true), IsEmpty());
  request.prompt_tokens = 513;
  EXPECT_THAT(reasons_of(request, kPp, true), IsEmpty());
  request.prompt_tokens = 514;
  EXPECT_THAT(reasons_of(request, kPp, true), ElementsAre(Reason::token_mismatch));
  EXPECT_THAT(reasons_of(request, kPp, false), IsEmpty());
  request.prompt_tokens = 460;
  EXPECT_THAT(reasons_of(request, kPp, false), ElementsAre(Reason::token_mismatch));
}

TEST(Reasons, AnAnswerThatEndedEarly) {
  Request request = tg_request();
  request.generated_tokens = 100;
  EXPECT_THAT(reasons_of(request, kTg, false), ElementsAre(Reason::token_mismatch));
  request.generated_tokens = 120;
  EXPECT_THAT(reasons_of(request, kTg, false), IsEmpty());
}

TEST(Reasons, CacheHits) {
  Request request = pp_request();
  request.cached_tokens = 5;
  EXPECT_THAT(reasons_of(request, kPp, true), IsEmpty());
  request.cached_tokens = 6;
  EXPECT_THAT(reasons_of(request, kPp, true), ElementsAre(Reason::cache_hit));
  request.cached_tokens.reset();
  EXPECT_THAT(reasons_of(request, kPp, true), IsEmpty()) << "no statement is no hit";
}

TEST(Reasons, AtADepthTheCacheMustHoldIt) {
  const model::Test deep = {128, 0, 1024, 1};
  Request request = pp_request();
  request.prompt_tokens = 1152;
  request.cached_tokens = 1024;
  EXPECT_THAT(reasons_of(request, deep, true), IsEmpty());
  EXPECT_DOUBLE_EQ(tokens_per_second(request, deep).value_or(0), 512);
  request.cached_tokens = 900;
  EXPECT_THAT(reasons_of(request, deep, true), ElementsAre(Reason::token_mismatch));
  request.cached_tokens.reset();
  EXPECT_THAT(reasons_of(request, deep, true), ElementsAre(Reason::token_mismatch)) << "not proven";
  request.cached_tokens = 1100;
  EXPECT_THAT(reasons_of(request, deep, true), ElementsAre(Reason::cache_hit));
  EXPECT_THAT(reasons_of(request, deep, false), IsEmpty()) << "texts are not that exact";
}

}  // namespace
}  // namespace nw::model
