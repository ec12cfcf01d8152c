// The tokenizer of a synthetic model. Private to model synth.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/shapes.h"

namespace nw::app {

struct Vocabulary {
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;  // llama.cpp's token types
  std::vector<std::string> merges;
  std::uint32_t end_of_text = 0;  // also the padding
  std::uint32_t begin_of_turn = 0;
  std::uint32_t end_of_turn = 0;  // what stops a chat answer
};

// Every byte of a prompt becomes exactly one token (the first 256 ids), special tokens one each. The rest up to the
// shape's vocabulary is filler that no text can produce; its text is short ASCII, so that a generated token is a word.
[[nodiscard]] Vocabulary make_vocabulary(const model::Shape& shape);

// ChatML, as Qwen writes it, in the template language of GGUF's tokenizer.chat_template.
[[nodiscard]] std::string chat_template();

}  // namespace nw::app
