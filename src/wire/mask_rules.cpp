// Free text is scanned once from the left; at each position a few rules may say "from here to there stands a secret".
// The rules look for what surrounds secrets (a scheme and an '@', "Bearer", a secret name and '=') and for the prefixes
// that vendors gave their keys so that scanners can find them.
//
// Free text is also where false alarms live: a log of llama.cpp says "n_tokens = 12" and "EOS token = 2". A name that
// holds one of the weaker words (key, token, pass …) needs a value that looks like a secret here; in structured places
// (mask.cpp) it does not.
#include "mask_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "wire/mask.h"

namespace nw::wire {
namespace {

constexpr auto kNone = std::string_view::npos;

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_name(char c) { return is_alnum(c) || c == '_' || c == '-'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
// What a key, a token or a password in free text consists of.
bool is_token(char c) {
  return c > ' ' && c != 0x7F && c != '"' && c != '\'' && c != ',' && c != ';' && c != '`' && c != '<' && c != '>' &&
         c != ')' && c != ']' && c != '}';
}
bool is_key(char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.' || c == '+' || c == '/' || c == '='; }

template <class Predicate>
std::size_t run_of(std::string_view text, std::size_t from, Predicate predicate) {
  std::size_t end = from;
  while (end < text.size() && predicate(text[end])) ++end;
  return end - from;
}

bool looks_random(std::string_view value) {
  const bool digit = std::any_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  const bool letter =
      std::any_of(value.begin(), value.end(), [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; });
  return value.size() >= 8 && ((digit && letter) || value.size() >= 20);
}

// sk-…, hf_…, ghp_… and other prefixes that vendors chose.
std::optional<Span> vendor_key(std::string_view text, std::size_t at) {
  static constexpr std::array<std::string_view, 20> kPrefixes = {
      "sk-", "sk_", "hf_",    "ghp_",  "gho_",  "ghs_",  "ghu_", "github_pat_", "glpat-", "gsk_",
      "pk-", "rk_", "nvapi-", "xoxb-", "xoxp-", "xoxa-", "AKIA", "AIza",        "r8_",    "tgp_v1_"};
  if (at > 0 && (is_alnum(text[at - 1]) || text[at - 1] == '_')) return std::nullopt;
  for (const std::string_view prefix : kPrefixes) {
    if (text.substr(at, prefix.size()) != prefix) continue;
    const std::size_t length =
        run_of(text, at + prefix.size(), [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
    const std::string_view rest = text.substr(at + prefix.size(), length);
    // "sk-" with words behind it may be a language code or a file: a key has a long run without separators.
    const std::size_t solid = run_of(rest, 0, is_alnum);
    if (length >= 8 && (solid >= 8 || looks_random(rest))) return Span{at, at + prefix.size() + length};
  }
  return std::nullopt;
}

// JSON web tokens: base64 of {" is eyJ, three parts.
std::optional<Span> web_token(std::string_view text, std::size_t at) {
  if (text.substr(at, 3) != "eyJ" || (at > 0 && is_alnum(text[at - 1]))) return std::nullopt;
  const std::size_t length = run_of(text, at, is_key);
  const std::string_view token = text.substr(at, length);
  if (length < 20 || token.find('.') == kNone) return std::nullopt;
  return Span{at, at + length};
}

// "Bearer X", "Basic X".
std::optional<Span> bearer(std::string_view text, std::size_t at) {
  if (at > 0 && is_name(text[at - 1])) return std::nullopt;
  for (const std::string_view word : {"bearer", "basic"}) {
    if (!starts_with_nocase(text.substr(at), word)) continue;
    const std::size_t blanks = run_of(text, at + word.size(), is_blank);
    const std::size_t begin = at + word.size() + blanks;
    const std::size_t length = run_of(text, begin, is_token);
    const bool plain = word == "basic" && !looks_random(text.substr(begin, length));
    if (blanks > 0 && length >= 6 && !plain) return Span{begin, begin + length};
  }
  return std::nullopt;
}

// user:password@ behind "://".
std::optional<Span> user_info(std::string_view text, std::size_t at) {
  if (text.substr(at, 3) != "://") return std::nullopt;
  const std::size_t begin = at + 3;
  // A password may hold any character that a person typed there; the last '@' before the path ends it.
  const std::size_t length =
      run_of(text, begin, [](char c) { return is_token(c) && c != '/' && c != '?' && c != '#'; });
  const std::size_t sign = text.substr(begin, length).rfind('@');
  if (sign == kNone || sign == 0) return std::nullopt;
  return Span{begin, begin + sign};
}

// "Authorization: …", "X-Api-Key: …" to the end of the line or of the quoted text.
std::optional<Span> header_line(std::string_view text, std::size_t at) {
  static constexpr std::array<std::string_view, 7> kHeaders = {
      "authorization", "proxy-authorization", "x-api-key", "api-key", "x-auth-token", "cookie", "set-cookie"};
  if (at > 0 && is_name(text[at - 1])) return std::nullopt;
  for (const std::string_view header : kHeaders) {
    if (!starts_with_nocase(text.substr(at), header)) continue;
    std::size_t begin = at + header.size();
    begin += run_of(text, begin, is_blank);
    if (begin >= text.size() || text[begin] != ':') continue;
    ++begin;
    begin += run_of(text, begin, is_blank);
    const std::size_t length =
        run_of(text, begin, [](char c) { return c != '\r' && c != '\n' && c != '"' && c != '\''; });
    if (length > 0) return Span{begin, begin + length};
  }
  return std::nullopt;
}

// Names that mean a secret even in a log, whatever the value looks like.
bool is_strong_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (is_alnum(c)) plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  static constexpr std::array<std::string_view, 13> kStrong = {
      "apikey",    "password",  "passwd",     "passphrase", "secret",        "hftoken",    "accesstoken",
      "authtoken", "accesskey", "privatekey", "credential", "authorization", "bearertoken"};
  return std::any_of(kStrong.begin(), kStrong.end(),
                     [&](std::string_view part) { return plain.find(part) != std::string::npos; });
}

// The value that begins at `at`, in quotes or not: its content.
std::optional<Span> value_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return std::nullopt;
  const char quote = text[at];
  if (quote != '"' && quote != '\'') {
    const std::size_t length = run_of(text, at, [](char c) { return is_token(c) && c != '&'; });
    return length == 0 ? std::nullopt : std::optional(Span{at, at + length});
  }
  std::size_t end = at + 1;
  while (end < text.size() && text[end] != quote && text[end] != '\n')
    end += text[end] == '\\' && quote == '"' ? std::size_t{2} : std::size_t{1};
  end = std::min(end, text.size());
  return end == at + 1 ? std::nullopt : std::optional(Span{at + 1, end});
}

// A list of quoted values in brackets, as TOML has it: api_keys = ["a", "b"].
std::optional<Span> list_at(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != '[') return std::nullopt;
  const std::size_t end = text.find(']', at);
  const std::string_view inside = text.substr(at + 1, end == kNone ? kNone : end - at - 1);
  if (inside.find_first_of("\"'") == kNone) return std::nullopt;
  return Span{at + 1, at + 1 + inside.size()};
}

// name = value, "name": value, name: value, --name value, --name=value, ?name=value, where the name means a secret.
std::optional<Span> assignment(std::string_view text, std::size_t at) {
  if (!is_name(text[at]) || (at > 0 && is_name(text[at - 1]))) return std::nullopt;
  const std::size_t length = run_of(text, at, is_name);
  const std::string_view name = text.substr(at, length);
  if (!is_secret_name(name)) return std::nullopt;
  std::size_t next = at + length;
  if (next < text.size() && (text[next] == '"' || text[next] == '\'')) ++next;
  // A command line written as a list of quoted words: "--api-key", "X".
  const bool listed = next > at + length && next < text.size() && text[next] == ',';
  const std::size_t blanks = run_of(text, next, is_blank);
  next += blanks;
  const bool sign = next < text.size() && (text[next] == '=' || text[next] == ':' || (listed && text[next] == ','));
  if (sign) ++next;
  next += run_of(text, next, is_blank);
  const bool flag = name.front() == '-' && (blanks > 0 || listed);
  if (!sign && !flag) return std::nullopt;
  if (next < text.size() && text[next] == '[') return list_at(text, next);
  const auto value = value_at(text, next);
  if (!value) return std::nullopt;
  const std::string_view content = text.substr(value->begin, value->end - value->begin);
  const bool parameter = at > 0 && (text[at - 1] == '?' || text[at - 1] == '&');
  const bool quoted = text[next] == '"' || text[next] == '\'';
  // `quoted`: files and JSON quote their texts; in logs, quoted values of short words are pieces of a vocabulary.
  const bool wide = flag || parameter || is_strong_name(name) || (quoted && content.size() >= 6);
  return wide || looks_random(content) ? value : std::nullopt;
}

std::optional<Span> secret_at(std::string_view text, std::size_t at) {
  for (const auto rule : {header_line, bearer, vendor_key, web_token, user_info, assignment}) {
    if (const auto span = rule(text, at)) return span;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Span> secret_spans(std::string_view text) {
  std::vector<Span> spans;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto span = secret_at(text, at);
    if (!span || span->end <= at) {
      ++at;
      continue;
    }
    // What is masked already stays as it is: masking twice must change nothing.
    if (text.substr(span->begin, kMasked.size()) != kMasked) spans.push_back(*span);
    at = span->end;
  }
  return spans;
}

bool starts_with_nocase(std::string_view text, std::string_view prefix) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return text.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), text.begin(), same);
}

}  // namespace nw::wire
