#include "dialect_text.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "base/text.h"
#include "dialect_common.h"

namespace nw::backend {
namespace {

constexpr std::string_view kCorpus =
    "the river runs past our house and in summer children swim there until late while old people sit on the bank and "
    "talk about work or weather some say that water was higher when they were young others remember years without rain "
    "my brother keeps a small boat with two oars and a blue sail he takes friends across for nothing but asks each one "
    "to bring bread cheese or fruit on market days the street is full before seven because farmers come down from the "
    "hills with eggs honey apples beans carrots flour and wool they build long tables put out their goods and call the "
    "price nobody pays the first price a good buyer waits smiles walks away and returns near noon when every seller "
    "wants to go home behind the church stands a school with green doors a wide yard and three tall trees teachers "
    "here "
    "know each family by name on cold mornings one of them lights the stove so that hands are warm enough to write my "
    "sister learned to read from a book about ships stars and far islands later she left for the city studied law came "
    "back after ten years and opened an office above the bakery where the smell of fresh bread makes even angry "
    "clients "
    "calm in winter snow closes the road for days then the mill stops the post does not arrive and neighbours share "
    "what they have soup coffee candles wood music somebody plays the piano somebody sings a young man tells how he "
    "crossed the mountain at night with only a dog and a lamp we have heard it often yet we listen as if it were new "
    "spring brings work again fences need repair fields must be cleared seeds are sorted tools cleaned and every roof "
    "checked for holes by evening backs hurt but spirits are high light stays longer birds return and from the open "
    "windows you can hear plates laughter a radio a clock that is never right visitors ask why anyone would live so "
    "far "
    "from shops cinemas and trains we answer that trains are loud shops are closed on sunday and the best picture is "
    "the valley at sunrise when mist lifts slowly over grass and stone";

// Six letters and digits that change from the first one on when the nonce does.
std::string nonce_word(std::uint64_t seed, std::uint64_t nonce) {
  static constexpr std::string_view kDigits = "abcdefghijkmnpqrstuvwxyz23456789";
  std::uint64_t bits = prompt_seed(seed, nonce);
  std::string word(1, kDigits[(nonce + seed) % kDigits.size()]);
  for (int i = 0; i < 9; ++i, bits /= kDigits.size()) word += kDigits[bits % kDigits.size()];
  return word;
}

}  // namespace

std::string_view corpus() { return kCorpus; }

std::int64_t TextPrompts::words_for(std::int64_t tokens) const {
  const double words = (static_cast<double>(tokens) - fixed_tokens_) / tokens_per_word_;
  return std::max<std::int64_t>(0, std::llround(words));
}

std::string TextPrompts::make(std::int64_t tokens, std::uint64_t nonce) const {
  static const std::vector<std::string_view> kWords = split(kCorpus, ' ');
  std::string text = nonce_word(seed_, nonce);
  Random random(prompt_seed(seed_, nonce));
  for (std::int64_t left = words_for(tokens); left > 0; --left) {
    text += ' ';
    text += kWords[random.below(kWords.size())];
  }
  return text;
}

void TextPrompts::calibrate(const model::Question& asked, std::int64_t counted) {
  const std::int64_t words = words_for(asked.prompt_tokens);
  if (counted <= 0) return;
  if (words == 0) {
    fixed_tokens_ = static_cast<double>(counted);
    return;
  }
  if (words < 16) return;  // too short to say what a word costs
  const double per_word = (static_cast<double>(counted) - fixed_tokens_) / static_cast<double>(words);
  if (per_word > 0.2 && per_word < 100) tokens_per_word_ = per_word;
}

}  // namespace nw::backend
