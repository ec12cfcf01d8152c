// The little JSON that the fake engine must read: the fields of one object, found without building a tree.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nw::fake {

// The raw text of each value of an object, by key. The views point into the text that was parsed.
class JsonFields {
 public:
  // nullopt if `text` is not an object of well-formed strings, numbers, words, arrays and objects.
  [[nodiscard]] static std::optional<JsonFields> parse(std::string_view text);

  [[nodiscard]] bool has(const std::string& key) const { return raw_.count(key) != 0; }
  [[nodiscard]] std::string_view raw(const std::string& key) const;
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t otherwise) const;
  [[nodiscard]] bool flag(const std::string& key, bool otherwise) const;
  // Unescaped as far as the engine cares: \uXXXX stays as it is.
  [[nodiscard]] std::string text(const std::string& key) const;
  // The fields of an object within; none if it is not there.
  [[nodiscard]] JsonFields object(const std::string& key) const;

 private:
  std::map<std::string, std::string_view> raw_;
};

// One number per token of a prompt as llama-server takes it: a string (a token per word), an array of ids, or an array
// of both. Equal words have equal numbers.
[[nodiscard]] std::vector<std::int64_t> prompt_tokens(std::string_view raw, int vocabulary);

// For writing: the text between the quotes.
[[nodiscard]] std::string json_escaped(std::string_view text);

}  // namespace nw::fake
