// Prompts for engines that take text: of a wanted length, each different from its first word on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/dialect.h"

namespace nw::backend {

// The words that prompts are made of: common English ones, which the tokenizers of most models know as one token each.
// Also the text whose tokens llama-server's answers are drawn from.
[[nodiscard]] std::string_view corpus();

// Makes texts and learns how long they are. How many tokens a word has depends on the model's tokenizer: before the
// first calibration one token a word is assumed, afterwards what the engine counted. One thread.
class TextPrompts {
 public:
  explicit TextPrompts(std::uint64_t seed) : seed_(seed) {}

  // Begins with a word made of the nonce, so that no two prompts share a prefix; the rest is drawn from the corpus by
  // the nonce. The text for fewer tokens is a prefix of the one for more, as long as no calibration lies between them.
  [[nodiscard]] std::string make(std::int64_t tokens, std::uint64_t nonce) const;
  void calibrate(const model::Question& asked, std::int64_t counted);
  [[nodiscard]] double tokens_per_word() const { return tokens_per_word_; }

 private:
  [[nodiscard]] std::int64_t words_for(std::int64_t tokens) const;

  std::uint64_t seed_;
  double fixed_tokens_ = 4;  // of the nonce, and of what the engine puts before a text
  double tokens_per_word_ = 1;
};

}  // namespace nw::backend
