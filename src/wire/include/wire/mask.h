// Secrets do not leave the machine in a store, a log or a report. Pure functions over text.
//
// Two nets, because each has holes: what looks like a secret by its name or form is masked, and so is every value that
// was seen in a place where secrets live (SecretFilter), wherever else it turns up. Masking too much costs a label;
// masking too little costs somebody's key: where the two compete, the text is masked.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nw::wire {

inline constexpr std::string_view kMasked = "[masked]";

// Whether a flag, a variable, a header or a query parameter of this name holds a secret: one of its words is key,
// token, secret, password, auth or a relative of these. "--hf-token", "OPENAI_API_KEY", "apiKey": yes; "--max-tokens",
// "--cache-type-k", "tokenizer": no; names that end in env, file, path, dir or name speak about a place: no.
[[nodiscard]] bool is_secret_name(std::string_view name);

// A command line with the values of secret flags replaced ("--api-key X", "--api-key=X", "-hft X", "KEY=X",
// "-H 'Authorization: …'"), and every other argument passed through mask_text().
[[nodiscard]] std::vector<std::string> mask_argv(const std::vector<std::string>& argv);

// User info and the values of secret query parameters.
[[nodiscard]] std::string mask_url(std::string_view url);

// What may be stored of an environment: the variables of an allow-list that change how an inference runtime behaves
// (GGML_*, OMP_*, HSA_*, CUDA_*, OLLAMA_*, …). All others are dropped, name and value. A kept variable whose name looks
// secret keeps its name and loses its value.
[[nodiscard]] std::map<std::string, std::string> mask_env(const std::map<std::string, std::string>& env);
[[nodiscard]] bool may_store_env(std::string_view name);

// Free text (logs, TOML, error messages): masks what has the form of a secret: keys with the prefixes of well-known
// vendors (sk-, hf_, ghp_, …), JSON web tokens, "Bearer …", "Authorization: …", user info and secret parameters of
// URLs, and values assigned to a secret name (api_key = "…", "token": "…", --api-key …).
[[nodiscard]] std::string mask_text(std::string_view text);

// The values that a SecretFilter should know.
[[nodiscard]] std::vector<std::string> secrets_in_argv(const std::vector<std::string>& argv);
[[nodiscard]] std::vector<std::string> secrets_in_env(const std::map<std::string, std::string>& env);
[[nodiscard]] std::vector<std::string> secrets_in_url(std::string_view url);
// Of free text such as a campaign file: user info of its URLs and values assigned to secret names.
[[nodiscard]] std::vector<std::string> secrets_in_text(std::string_view text);

// Replaces known secrets, then applies mask_text(). A value shorter than 6 characters is ignored (it would hit ordinary
// words); one of 6 to 11 is replaced where it stands as a word of its own, a longer one anywhere, also in its
// percent-encoded and its JSON form. Immutable after construction: any thread may apply it.
class SecretFilter {
 public:
  SecretFilter() = default;
  explicit SecretFilter(std::vector<std::string> secrets);
  [[nodiscard]] std::string apply(std::string_view text) const;
  // How many values it knows: for a test and for `--verbose`, never the values.
  [[nodiscard]] std::size_t size() const { return secrets_.size(); }

 private:
  std::vector<std::string> secrets_;  // longest first
};

}  // namespace nw::wire
