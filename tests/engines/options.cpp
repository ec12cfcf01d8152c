// The command line of the fake engine. Flags of llama-server that campaigns carry (-ngl, -t, -c, …) are accepted, so
// that a test can exchange one program for the other; an unknown one is refused in llama-server's words, because tests
// look at what nightwatt shows of a server that does not start.

#include "options.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdio>
#include <functional>
#include <map>

namespace nw::fake {
namespace {

using Setter = std::function<bool(Options&, const std::string&)>;

template <class T>
bool read_number(const std::string& text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

template <class T>
Setter number(T Options::* field) {
  return [field](Options& o, const std::string& text) { return read_number(text, o.*field); };
}
Setter maybe(std::optional<int> Options::* field) {
  return [field](Options& o, const std::string& text) { return read_number(text, (o.*field).emplace()); };
}
Setter text(std::string Options::* field) {
  return [field](Options& o, const std::string& value) {
    o.*field = value;
    return true;
  };
}

bool set_api(Options& o, const std::string& value) {
  static const std::map<std::string, Api> kApis = {
      {"llama-server", Api::llama_server}, {"openai", Api::openai}, {"ollama", Api::ollama}};
  const auto found = kApis.find(value);
  if (found == kApis.end()) return false;
  o.api = found->second;
  return true;
}

const std::map<std::string, Setter>& valued_flags() {
  static const Setter kIgnored = [](Options&, const std::string&) { return true; };
  static const std::map<std::string, Setter> kFlags = {
      {"--api", set_api},
      {"--host", text(&Options::host)},
      {"--port", number(&Options::port)},
      {"-m", text(&Options::model)},
      {"--model", text(&Options::model)},
      {"-a", text(&Options::alias)},
      {"--alias", text(&Options::alias)},
      {"--api-key", text(&Options::api_key)},
      {"-c", number(&Options::context)},
      {"--ctx-size", number(&Options::context)},
      {"--ready-after", number(&Options::ready_after_s)},
      {"--die-at-start", maybe(&Options::die_at_start)},
      {"--die-after-requests", maybe(&Options::die_after_requests)},
      {"--hang-after-requests", maybe(&Options::hang_after_requests)},
      {"--eos-after", maybe(&Options::eos_after)},
      {"--spin", number(&Options::spin)},
      {"--nap", number(&Options::nap_hz)},
      {"--threads", number(&Options::threads)},
      {"--prefill-rate", number(&Options::prefill_rate)},
      {"--decode-rate", number(&Options::decode_rate)},
      {"--log-secret", text(&Options::log_secret)},
      {"--max-life", number(&Options::max_life_s)},
      {"-t", kIgnored},
      {"-ngl", kIgnored},
      {"-np", kIgnored},
      {"-b", kIgnored},
      {"-ub", kIgnored},
      {"-fa", kIgnored},
      {"-dev", kIgnored},
  };
  return kFlags;
}

const std::map<std::string, bool Options::*>& plain_flags() {
  static const std::map<std::string, bool Options::*> kFlags = {
      {"--never-ready", &Options::never_ready},   {"--spin-after-first", &Options::spin_after_first},
      {"--double-fork", &Options::double_fork},   {"--leak-child", &Options::leak_child},
      {"--ignore-term", &Options::ignore_term},   {"--cache-hit", &Options::cache_hit},
      {"--wrong-tokens", &Options::wrong_tokens}, {"--version", &Options::show_version},
      {"--list-devices", &Options::list_devices},
  };
  return kFlags;
}

}  // namespace

std::optional<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& flag = arguments[i];
    if (const auto plain = plain_flags().find(flag); plain != plain_flags().end()) {
      options.*(plain->second) = true;
      continue;
    }
    const auto valued = valued_flags().find(flag);
    if (valued == valued_flags().end()) {
      fmt::print(stderr, "error: invalid argument: {}\n", flag);
      return std::nullopt;
    }
    if (i + 1 == arguments.size()) {
      fmt::print(stderr, "error: while handling argument \"{}\": expected value for argument\n", flag);
      return std::nullopt;
    }
    if (!valued->second(options, arguments[++i])) {
      fmt::print(stderr, "error: while handling argument \"{}\": '{}' does not fit\n", flag, arguments[i]);
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace nw::fake
