// Masking by structure: command lines, environments and URLs say by a name that the value beside it is a secret. Free
// text is left to mask_rules.cpp.
#include "wire/mask.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "mask_rules.h"
#include "wire/json.h"

namespace nw::wire {
namespace {

constexpr auto kNone = std::string_view::npos;

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_name(char c) { return is_alnum(c) || c == '_' || c == '-'; }

std::string with_masked(std::string_view text, const std::vector<Span>& spans) {
  std::string out;
  std::size_t copied = 0;
  for (const Span& span : spans) {
    out += text.substr(copied, span.begin - copied);
    out += kMasked;
    copied = span.end;
  }
  out += text.substr(copied);
  return out;
}

bool is_flag(std::string_view argument) { return argument.size() > 1 && argument.front() == '-'; }

// Flags whose next argument is a secret whatever it looks like.
bool is_known_secret_flag(std::string_view flag) {
  static constexpr std::array<std::string_view, 9> kFlags = {
      "--api-key", "--hf-token", "-hft", "--token", "--password", "--apikey", "--api_key", "--secret", "--auth-token"};
  return std::find(kFlags.begin(), kFlags.end(), flag) != kFlags.end();
}

// Calls found(index, begin of the secret in that argument) for the arguments of a command line that end in a secret.
template <class Found>
void secret_arguments(const std::vector<std::string>& argv, Found found) {
  for (std::size_t i = 0; i < argv.size(); ++i) {
    const std::string_view argument = argv[i];
    const std::size_t equals = argument.find('=');
    if (equals != kNone && equals > 0) {
      const std::string_view name = argument.substr(0, equals);
      const bool is_plain = std::all_of(name.begin(), name.end(), is_name);
      if (is_plain && is_secret_name(name) && equals + 1 < argument.size()) found(i, equals + 1);
      continue;
    }
    if (!is_flag(argument) || i + 1 >= argv.size()) continue;
    const bool known = is_known_secret_flag(argument);
    if (known || (is_secret_name(argument) && argv[i + 1].substr(0, 2) != "--")) found(++i, std::size_t{0});
  }
}

// Spans of the values of secret query parameters and of the user info.
std::vector<Span> secrets_of_url(std::string_view url) {
  std::vector<Span> spans;
  std::size_t begin = url.find("://");
  begin = begin == kNone ? 0 : begin + 3;
  const std::size_t authority_end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::size_t sign = url.substr(0, authority_end).rfind('@');
  if (sign != kNone && sign > begin) spans.push_back({begin, sign});
  std::size_t at = url.find('?', authority_end);
  while (at != kNone && at + 1 < url.size()) {
    const std::size_t name = at + 1;
    const std::size_t end = std::min(url.find_first_of("&#;", name), url.size());
    const std::size_t equals = url.find('=', name);
    if (equals < end && equals + 1 < end && is_secret_name(url.substr(name, equals - name))) {
      spans.push_back({equals + 1, end});
    }
    at = end < url.size() && url[end] != '#' ? end : kNone;
  }
  return spans;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

bool stands_alone(std::string_view text, std::size_t at, std::size_t length) {
  const bool left = at == 0 || !is_alnum(text[at - 1]);
  const bool right = at + length >= text.size() || !is_alnum(text[at + length]);
  return left && right;
}

std::string replaced(std::string text, std::string_view secret) {
  constexpr std::size_t kAnywhere = 12;
  std::size_t at = text.find(secret);
  while (at != std::string::npos) {
    if (secret.size() >= kAnywhere || stands_alone(text, at, secret.size())) {
      text.replace(at, secret.size(), kMasked);
      at += kMasked.size();
    } else {
      ++at;
    }
    at = text.find(secret, at);
  }
  return text;
}

}  // namespace

std::string mask_text(std::string_view text) { return with_masked(text, secret_spans(text)); }

std::vector<std::string> mask_argv(const std::vector<std::string>& argv) {
  std::vector<std::string> masked = argv;
  secret_arguments(argv, [&](std::size_t index, std::size_t begin) {
    masked[index] = masked[index].substr(0, begin) + std::string(kMasked);
  });
  for (std::string& argument : masked) argument = mask_text(argument);
  return masked;
}

std::string mask_url(std::string_view url) { return with_masked(url, secrets_of_url(url)); }

std::map<std::string, std::string> mask_env(const std::map<std::string, std::string>& env) {
  std::map<std::string, std::string> kept;
  for (const auto& [name, value] : env) {
    if (!may_store_env(name)) continue;
    kept[name] = is_secret_name(name) && !value.empty() ? std::string(kMasked) : mask_text(value);
  }
  return kept;
}

std::vector<std::string> secrets_in_argv(const std::vector<std::string>& argv) {
  std::vector<std::string> secrets;
  secret_arguments(argv, [&](std::size_t index, std::size_t begin) { secrets.push_back(argv[index].substr(begin)); });
  for (const std::string& argument : argv) {
    for (std::string& secret : secrets_in_text(argument)) secrets.push_back(std::move(secret));
  }
  return secrets;
}

std::vector<std::string> secrets_in_env(const std::map<std::string, std::string>& env) {
  std::vector<std::string> secrets;
  for (const auto& [name, value] : env) {
    if (is_secret_name(name)) {
      secrets.push_back(value);
    } else {
      for (std::string& secret : secrets_in_text(value)) secrets.push_back(std::move(secret));
    }
  }
  return secrets;
}

std::vector<std::string> secrets_in_url(std::string_view url) {
  std::vector<std::string> secrets;
  for (const Span& span : secrets_of_url(url)) {
    const std::string_view secret = url.substr(span.begin, span.end - span.begin);
    secrets.emplace_back(secret);
    const std::size_t colon = secret.find(':');  // the password alone may turn up elsewhere
    if (colon != kNone && colon + 1 < secret.size()) secrets.emplace_back(secret.substr(colon + 1));
  }
  return secrets;
}

std::vector<std::string> secrets_in_text(std::string_view text) {
  std::vector<std::string> secrets;
  for (const Span& span : secret_spans(text)) {
    const std::string_view secret = text.substr(span.begin, span.end - span.begin);
    secrets.emplace_back(secret);
    for (const std::string_view word : {"Bearer ", "Basic "}) {
      if (starts_with_nocase(secret, word)) secrets.emplace_back(secret.substr(word.size()));
    }
    const std::size_t colon = secret.find(':');
    if (colon != kNone && colon + 1 < secret.size()) secrets.emplace_back(secret.substr(colon + 1));
  }
  return secrets;
}

SecretFilter::SecretFilter(std::vector<std::string> secrets) {
  constexpr std::size_t kShortest = 6;
  for (const std::string& secret : secrets) {
    // A list of keys (llama-server takes "a,b") is masked as a whole and key by key.
    std::vector<std::string> forms = {secret};
    std::size_t from = 0;
    for (std::size_t comma = secret.find(','); comma != std::string::npos; comma = secret.find(',', from)) {
      forms.push_back(secret.substr(from, comma - from));
      from = comma + 1;
    }
    if (from > 0) forms.push_back(secret.substr(from));
    for (const std::string& form : forms) {
      if (form.size() < kShortest) continue;
      const std::string json = json_quote(form);
      secrets_.push_back(form);
      secrets_.push_back(percent_encoded(form));
      secrets_.push_back(json.substr(1, json.size() - 2));
    }
  }
  const auto longer = [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  };
  std::sort(secrets_.begin(), secrets_.end(), longer);
  secrets_.erase(std::unique(secrets_.begin(), secrets_.end()), secrets_.end());
}

std::string SecretFilter::apply(std::string_view text) const {
  std::string out(text);
  for (const std::string& secret : secrets_) out = replaced(std::move(out), secret);
  return mask_text(out);
}

}  // namespace nw::wire
