// A tokenizer that every engine accepts, without a real vocabulary (those are under their makers' licences).
//
// GGUF's "gpt2" model is byte-level BPE: text is cut into words by a regular expression, each byte of a word becomes a
// printable character (GPT-2's table: printable Latin-1 bytes stand for themselves, the others for U+0100 onwards in
// order), and merges join neighbours. With a vocabulary whose merges never apply, a byte is a token: prompts of n
// tokens are texts of n bytes, exactly, which is convenient for tests. The merges are there nevertheless, as many as
// in a real file, because engines spend load time and memory on them; each joins two fillers, and since no merge makes
// a filler out of bytes, none ever applies.
//
// Fillers mix letters and digits (" k3fa"): the pre-tokenizers of Qwen and Llama cut between letter and digit, so that
// no word of a text is a filler as a whole, which Llama's ("ignore_merges") would take without any merge.
#include "model_vocab.h"

#include <fmt/format.h>

#include <array>

namespace nw::app {
namespace {

// enum llama_token_type in llama.h.
constexpr std::int32_t kNormal = 1;
constexpr std::int32_t kControl = 3;
constexpr std::int32_t kUnused = 5;

std::string utf8_of_two_bytes(std::uint32_t code) {  // U+0080 to U+07FF
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

std::vector<std::string> byte_tokens() {
  std::vector<std::string> tokens;
  std::uint32_t next = 0x100;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool ascii = byte >= '!' && byte <= '~';
    const bool latin = byte >= 0xA1 && byte != 0xAD;
    if (ascii) tokens.emplace_back(1, static_cast<char>(byte));
    if (latin) tokens.push_back(utf8_of_two_bytes(byte));
    if (!ascii && !latin) tokens.push_back(utf8_of_two_bytes(next++));
  }
  return tokens;
}

// Different for every index below 26 * 10 * 26 * 26 = 175 760, and the same length: a space and four characters.
std::string filler(std::uint32_t index) {
  const auto letter = [&index] {
    const char c = static_cast<char>('a' + index % 26);
    index /= 26;
    return c;
  };
  std::string text = utf8_of_two_bytes(0x120);  // the space, in GPT-2's table
  const char last = letter();
  const char third = letter();
  const char first = letter();
  text += first;
  text += static_cast<char>('0' + index % 10);
  text += third;
  text += last;
  return text;
}

}  // namespace

Vocabulary make_vocabulary(const model::Shape& shape) {
  constexpr std::array<const char*, 3> kSpecials{"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  Vocabulary vocabulary;
  vocabulary.tokens = byte_tokens();
  vocabulary.tokens.reserve(shape.vocab);
  vocabulary.types.assign(shape.first_special, kNormal);
  vocabulary.types.reserve(shape.vocab);
  for (std::uint32_t i = 256; i < shape.first_special; ++i) vocabulary.tokens.push_back(filler(i - 256));
  for (const char* special : kSpecials) {
    vocabulary.tokens.emplace_back(special);
    vocabulary.types.push_back(kControl);
  }
  while (vocabulary.tokens.size() < shape.vocab) {
    vocabulary.tokens.push_back(fmt::format("[PAD{}]", vocabulary.tokens.size()));
    vocabulary.types.push_back(kUnused);
  }
  vocabulary.end_of_text = shape.first_special;
  vocabulary.begin_of_turn = shape.first_special + 1;
  vocabulary.end_of_turn = shape.first_special + 2;
  // One merge per filler, as a real vocabulary has about one per token that is not a byte.
  for (std::uint32_t i = 257; i < shape.first_special; ++i) {
    vocabulary.merges.push_back(vocabulary.tokens[i - 1] + ' ' + vocabulary.tokens[i]);
  }
  return vocabulary;
}

std::string chat_template() {
  return "{%- for message in messages -%}"
         "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
         "{%- endfor -%}"
         "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}";
}

}  // namespace nw::app
