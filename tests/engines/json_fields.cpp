#include "json_fields.h"

#include <fmt/core.h>

#include <charconv>
#include <functional>

namespace nw::fake {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// Walks over JSON text. Every take_ function returns what it passed, or nothing where the text is malformed or ends.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }
  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : text_[at_]; }
  bool take(char wanted) {
    skip_space();
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  std::optional<std::string_view> take_string() {
    if (!take('"')) return std::nullopt;
    const std::size_t begin = at_;
    for (; !done(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        return text_.substr(begin, at_++ - begin);
      }
    }
    return std::nullopt;
  }

  std::optional<std::string_view> take_value() {
    skip_space();
    const std::size_t begin = at_;
    if (!pass_value()) return std::nullopt;
    return text_.substr(begin, at_ - begin);
  }

 private:
  bool pass_value() {
    if (peek() == '"') return take_string().has_value();
    if (peek() == '{' || peek() == '[') return pass_nested();
    at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
    return true;
  }

  // Brackets are only counted: what is inside is looked at when somebody asks for it.
  bool pass_nested() {
    int depth = 0;
    while (!done()) {
      const char c = peek();
      if (c == '"') {
        if (!take_string()) return false;
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return true;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'u') {
      out += "\\u";
    } else {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
    }
  }
  return out;
}

void add_words(std::string_view text, int vocabulary, std::vector<std::int64_t>& out) {
  std::size_t at = 0;
  while ((at = text.find_first_not_of(kSpace, at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    const std::size_t hash = std::hash<std::string_view>()(text.substr(at, end - at));
    out.push_back(static_cast<std::int64_t>(hash % static_cast<std::size_t>(vocabulary)));
    at = end;
  }
}

std::optional<std::int64_t> integer_of(std::string_view raw) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<JsonFields> JsonFields::parse(std::string_view text) {
  Scanner scanner(text);
  JsonFields fields;
  if (!scanner.take('{')) return std::nullopt;
  if (scanner.take('}')) return fields;
  do {
    const auto key = scanner.take_string();
    if (!key || !scanner.take(':')) return std::nullopt;
    const auto value = scanner.take_value();
    if (!value || value->empty()) return std::nullopt;
    fields.raw_[unescaped(*key)] = *value;
  } while (scanner.take(','));
  if (!scanner.take('}')) return std::nullopt;
  return fields;
}

std::string_view JsonFields::raw(const std::string& key) const {
  const auto found = raw_.find(key);
  return found == raw_.end() ? std::string_view() : found->second;
}

std::int64_t JsonFields::integer(const std::string& key, std::int64_t otherwise) const {
  return integer_of(raw(key)).value_or(otherwise);
}

bool JsonFields::flag(const std::string& key, bool otherwise) const {
  return has(key) ? raw(key) == "true" : otherwise;
}

std::string JsonFields::text(const std::string& key) const {
  const std::string_view value = raw(key);
  if (value.size() < 2 || value.front() != '"') return {};
  return unescaped(value.substr(1, value.size() - 2));
}

JsonFields JsonFields::object(const std::string& key) const { return parse(raw(key)).value_or(JsonFields()); }

std::vector<std::int64_t> prompt_tokens(std::string_view raw, int vocabulary) {
  std::vector<std::int64_t> tokens;
  Scanner scanner(raw);
  const bool is_array = scanner.take('[');
  do {
    const auto value = scanner.take_value();
    if (!value || value->empty()) break;
    if (value->front() == '"') {
      add_words(unescaped(value->substr(1, value->size() - 2)), vocabulary, tokens);
    } else if (const auto id = integer_of(*value)) {
      tokens.push_back(*id);
    }
  } while (is_array && scanner.take(','));
  return tokens;
}

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace nw::fake
