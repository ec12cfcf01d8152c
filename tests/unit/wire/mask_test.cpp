// Masking is a promise: each test plants a secret and looks for it afterwards.
#include "wire/mask.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nw::wire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kSecret = "Zx81-planted_Secret.77";

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + ' ';
  return text;
}

TEST(SecretName, WordsDecideNotLetters) {
  for (const char* name : {"--api-key",
                           "--hf-token",
                           "-hft",
                           "--token",
                           "--password",
                           "API_KEY",
                           "OPENAI_API_KEY",
                           "HF_TOKEN",
                           "apiKey",
                           "hfToken",
                           "MYAPIKEY",
                           "dbpassword",
                           "X-Auth-Token",
                           "Authorization",
                           "client_secret",
                           "aws_secret_access_key",
                           "PGPASSWORD",
                           "hftoken",
                           "LLAMA_ARG_API_KEY",
                           "secrets",
                           "--auth"}) {
    EXPECT_TRUE(is_secret_name(name)) << name;
  }
  for (const char* name : {"--max-tokens", "n_tokens", "--cache-type-k", "--tokenizer", "tokenize", "--keep",
                           "keep_alive", "--ctx-size", "monkey", "--override-kv", "--port", "OLLAMA_NUM_PARALLEL",
                           "author", "compass", "--api-key-file", "api_key_env", "", "-", "tokens"}) {
    EXPECT_FALSE(is_secret_name(name)) << name;
  }
}

TEST(MaskArgv, EveryFormOfASecretFlag) {
  for (const std::vector<std::string>& argv :
       {std::vector<std::string>{"llama-server", "--api-key", kSecret, "-t", "2"},
        {"llama-server", "--api-key=" + kSecret},
        {"llama-server", "-hft", kSecret},
        {"llama-server", "--hf-token", kSecret},
        {"server", "--token", kSecret},
        {"server", "--password", kSecret},
        {"server", "--password", "-" + kSecret},
        {"server", "--myApiKey", kSecret},
        {"server", "--db.password=" + kSecret},
        {"env", "HF_TOKEN=" + kSecret, "server"},
        {"env", "my_secret=" + kSecret, "server"},
        {"curl", "-H", "Authorization: Bearer " + kSecret},
        {"curl", "-H", "X-Api-Key: " + kSecret},
        {"curl", "--header=Authorization: Bearer " + kSecret},
        {"curl", "http://user:" + kSecret + "@host/x"},
        {"curl", "http://host/x?api_key=" + kSecret + "&n=1"},
        {"curl", "-d", "{\"api_key\":\"" + kSecret + "\"}"},
        {"sh", "-c", "server --api-key " + kSecret + " -t 2"}}) {
    const auto masked = mask_argv(argv);
    EXPECT_EQ(masked.size(), argv.size());
    EXPECT_THAT(joined(masked), Not(HasSubstr(kSecret))) << joined(argv);
    EXPECT_THAT(joined(masked), Not(HasSubstr("planted"))) << joined(argv);
    EXPECT_THAT(joined(masked), HasSubstr("[masked]")) << joined(argv);
    EXPECT_EQ(masked.front(), argv.front());
    const SecretFilter filter(secrets_in_argv(argv));
    EXPECT_THAT(filter.apply("log: -" + kSecret + " end"), Not(HasSubstr("planted"))) << joined(argv);
  }
}

TEST(MaskArgv, OrdinaryCommandsStayAsTheyAre) {
  const std::vector<std::string> argv = {"/usr/bin/llama-server",
                                         "-m",
                                         "/models/qwen3-30b-a3b-q4_k_m.gguf",
                                         "--host",
                                         "127.0.0.1",
                                         "--port",
                                         "8080",
                                         "-ngl",
                                         "99",
                                         "-c",
                                         "8192",
                                         "--cache-type-k",
                                         "q8_0",
                                         "-ctk",
                                         "f16",
                                         "--keep",
                                         "4",
                                         "--n-predict",
                                         "128",
                                         "--alias",
                                         "task-force-sk-light",
                                         "--tokenizer",
                                         "x",
                                         "--api-key-file",
                                         "/etc/keys",
                                         "--auth",
                                         "--verbose",
                                         "--override-kv",
                                         "tokenizer.ggml.add_bos_token=bool:false",
                                         "http://127.0.0.1:8080/v1?n=1"};
  EXPECT_EQ(mask_argv(argv), argv);
}

TEST(MaskArgv, AKnownFlagTakesWhateverFollows) {
  EXPECT_THAT(mask_argv({"server", "--password", "--odd"}), ElementsAre("server", "--password", "[masked]"));
}

TEST(MaskArgv, AFlagAtTheEndHasNothingToMask) {
  EXPECT_THAT(mask_argv({"server", "--api-key"}), ElementsAre("server", "--api-key"));
  EXPECT_TRUE(mask_argv({}).empty());
}

TEST(MaskUrl, UserInfoAndSecretParameters) {
  EXPECT_EQ(mask_url("http://user:pass@h:1/p?x=1"), "http://[masked]@h:1/p?x=1");
  EXPECT_EQ(mask_url("http://h/p?api_key=abc&n=2&token=d#f"), "http://h/p?api_key=[masked]&n=2&token=[masked]#f");
  EXPECT_EQ(mask_url("http://u:p@ss@h"), "http://[masked]@h");
  EXPECT_EQ(mask_url("user:pass@h:80"), "[masked]@h:80");
  EXPECT_EQ(mask_url("http://h/a@b"), "http://h/a@b");
  EXPECT_EQ(mask_url("http://127.0.0.1:8080/v1"), "http://127.0.0.1:8080/v1");
  EXPECT_EQ(mask_url("http://h/?max_tokens=5"), "http://h/?max_tokens=5");
  EXPECT_THAT(secrets_in_url("http://u:passw0rd@h/?token=abc"), ElementsAre("u:passw0rd", "passw0rd", "abc"));
}

TEST(MaskEnv, OnlyTheAllowListIsKept) {
  const auto kept = mask_env({{"OMP_WAIT_POLICY", "active"},
                              {"GOMP_SPINCOUNT", "infinity"},
                              {"GGML_VK_VISIBLE_DEVICES", "0"},
                              {"HSA_OVERRIDE_GFX_VERSION", "11.0.0"},
                              {"LLAMA_ARG_CTX_SIZE", "4096"},
                              {"LLAMA_ARG_API_KEY", kSecret},
                              {"OLLAMA_HOST", "http://u:" + kSecret + "@h"},
                              {"LP_NUM_THREADS", "2"},
                              {"HF_TOKEN", kSecret},
                              {"OPENAI_API_KEY", kSecret},
                              {"HOME", "/home/somebody"},
                              {"PATH", "/bin"},
                              {"SSH_AUTH_SOCK", "/run/x"}});
  EXPECT_EQ(kept.size(), 8U);
  EXPECT_EQ(kept.at("OMP_WAIT_POLICY"), "active");
  EXPECT_EQ(kept.at("LLAMA_ARG_CTX_SIZE"), "4096");
  EXPECT_EQ(kept.at("LLAMA_ARG_API_KEY"), "[masked]");
  EXPECT_EQ(kept.at("OLLAMA_HOST"), "http://[masked]@h");
  for (const auto& [name, value] : kept) EXPECT_THAT(name + value, Not(HasSubstr("planted")));
}

TEST(MaskText, FormsOfSecrets) {
  for (const std::string text : {"key sk-proj-abcdefghijklmnop1234 used",
                                 "sk-abcdef123456789",
                                 "(hf_AbCdEfGhIjKlMnOpQrStUvWx)",
                                 "ghp_16C7e42F292c6912E7",
                                 "Authorization: Bearer abc.def-123",
                                 "authorization:   Basic dXNlcjpwYXNz",
                                 "Bearer abcdef123",
                                 "bearer  abcdef123",
                                 "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_123",
                                 "http://user:hunter22@host/",
                                 "see https://tok3nvalue@host",
                                 "GET /x?api_key=hunter22 HTTP/1.1",
                                 "api_key = \"hunter22\"",
                                 "api_key=hunter22",
                                 "\"apiKey\": \"hunter22\"",
                                 "password: hunter22",
                                 "env = { HF_TOKEN = \"hunter22\" }",
                                 "started with --api-key hunter22 -t 2",
                                 "command = [\"llama-server\", \"--api-key\", \"hunter22\"]",
                                 "'hf_token': 'hunter22'",
                                 "api_keys = [\"hunter22\", \"b\"]",
                                 "AWS_SECRET_ACCESS_KEY=hunter22",
                                 "Cookie: session=hunter22",
                                 "token=4f3c2b1a99887766"}) {
    const std::string masked = mask_text(text);
    EXPECT_THAT(masked, HasSubstr("[masked]")) << text;
    for (const char* planted :
         {"hunter22", "abcdef", "AbCdEf", "16C7e42", "dXNlcjpw", "eyJ", "tok3n", "4f3c", "abc.def"}) {
      EXPECT_THAT(masked, Not(HasSubstr(planted))) << text << " -> " << masked;
    }
    EXPECT_EQ(mask_text(masked), masked) << "masking twice changes nothing more";
  }
}

TEST(MaskText, LogsAndFilesOfEnginesStayReadable) {
  for (const std::string text : {"print_info: EOS token        = 151645 '<|im_end|>'",
                                 "print_info: n_tokens = 512, key = q8_0",
                                 "llama_kv_cache: K (f16): 384.00 MiB, V (f16)",
                                 "slot update_slots: id  0 | task 3 | kv cache rm [0, end)",
                                 "main: server is listening on http://127.0.0.1:8080 - starting the main loop",
                                 "load: special tokens cache size = 26",
                                 "key_length: 128",
                                 "tokenizer.ggml.model str = gpt2",
                                 "sampler chain: logits -> top-k -> dist",
                                 "the basic idea",
                                 "bearer of it",
                                 "model = \"models/tiny.gguf\"",
                                 "engine = \"llama-server\"",
                                 "prompt   = [512]",
                                 "api_key_env = \"OPENAI_API_KEY\"",
                                 "- kv  17: tokenizer.ggml.bos_token_id u32 = 1",
                                 "task-12345678 is done",
                                 "disk-abcdefgh",
                                 "a@b.example",
                                 "time: 10:20:30",
                                 "pass 3 of 5",
                                 "-hf Qwen/Qwen3-30B-A3B-GGUF:Q4_K_M"}) {
    EXPECT_EQ(mask_text(text), text);
  }
}

TEST(SecretFilter, KnownValuesGoWhereverTheyTurnUp) {
  const SecretFilter filter({kSecret, "abc123", "hunter", "tiny", "pa\"ss\\word ä&", "one-key-first,second-key-2"});
  for (const std::string& text :
       {"x" + kSecret + "y", "'" + kSecret + "'", kSecret + kSecret, fmt::format("a={}\nb={}", kSecret, kSecret)}) {
    EXPECT_THAT(filter.apply(text), Not(HasSubstr("planted"))) << text;
  }
  EXPECT_EQ(filter.apply("key abc123, abc1234 and xabc123"), "key [masked], abc1234 and xabc123");
  EXPECT_EQ(filter.apply("the hunter hunters"), "the [masked] hunters");
  EXPECT_EQ(filter.apply("tiny"), "tiny") << "too short to be masked";
  EXPECT_EQ(filter.apply("got pa\"ss\\word ä&."), "got [masked].");
  EXPECT_EQ(filter.apply("got pa\\\"ss\\\\word ä&."), "got [masked].") << "its JSON form";
  EXPECT_EQ(filter.apply("got pa%22ss%5Cword%20%C3%A4%26."), "got [masked].") << "its form in a URL";
  EXPECT_EQ(filter.apply("used second-key-2"), "used [masked]") << "one key of a list";
}

TEST(SecretFilter, LongerSecretsWinOverTheirParts) {
  const SecretFilter filter({"abcdefghijkl", "abcdefghijklmnopqrst"});
  EXPECT_EQ(filter.apply("abcdefghijklmnopqrst"), "[masked]");
  EXPECT_EQ(filter.apply("abcdefghijklXX"), "[masked]XX");
}

TEST(SecretFilter, AnEmptyOneStillKnowsTheForms) {
  const SecretFilter filter;
  EXPECT_EQ(filter.size(), 0U);
  EXPECT_EQ(filter.apply("Bearer abcdef123456"), "Bearer [masked]");
  EXPECT_EQ(filter.apply(""), "");
  EXPECT_EQ(SecretFilter({"", "a", "12345"}).size(), 0U);
}

// The whole promise: one secret in each place, and no trace of any in what would be stored.
TEST(Masking, PlantedInEveryPlace) {
  const std::string in_env = "EnvSecretValue1";
  const std::string in_flag = "FlagSecretValue2";
  const std::string in_url = "UrlSecretValue3";
  const std::map<std::string, std::string> env = {{"HF_TOKEN", in_env}, {"OMP_NUM_THREADS", "2"}};
  const std::vector<std::string> argv = {"llama-server", "--api-key", in_flag};
  const std::string url = "http://user:" + in_url + "@127.0.0.1:1";
  std::vector<std::string> known = secrets_in_env(env);
  for (const auto& list : {secrets_in_argv(argv), secrets_in_url(url)})
    known.insert(known.end(), list.begin(), list.end());
  const SecretFilter filter(known);
  std::string stored = joined(mask_argv(argv)) + mask_url(url);
  for (const auto& [name, value] : mask_env(env)) stored += name + "=" + value;
  stored += filter.apply("log of the server: " + in_env + ", " + in_flag + ", " + in_url);
  stored += filter.apply("[[backend]]\nurl = \"" + url + "\"\ncommand = [\"x\", \"--api-key\", \"" + in_flag + "\"]");
  for (const std::string& secret : {in_env, in_flag, in_url}) EXPECT_THAT(stored, Not(HasSubstr(secret)));
  EXPECT_THAT(stored, HasSubstr("OMP_NUM_THREADS=2"));
}

// Whatever bytes come, it ends, and does not read beyond the end.
TEST(Masking, OddTextsAreHarmless) {
  const std::string pieces[] = {"api_key", "=", "\"", "'",  "[",   "://", "@", "?",       "&",
                                "Bearer ", ":", "\\", "\n", "sk-", "eyJ", ",", "--token", " "};
  std::uint64_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int k = 0; k < 8; ++k) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      text += pieces[(state >> 33) % std::size(pieces)];
    }
    const std::string masked = mask_text(text);
    EXPECT_LE(masked.size(), text.size() + 8 * kMasked.size());
    EXPECT_LE(mask_url(text).size(), text.size() + 8 * kMasked.size());
    EXPECT_EQ(mask_argv({text, text}).size(), 2U);
  }
}

// PWD is in every environment; as a secret it would mask the paths of the model and of every program.
TEST(MaskNames, TheCurrentFolderIsNoSecret) {
  EXPECT_FALSE(is_secret_name("PWD"));
  EXPECT_FALSE(is_secret_name("OLDPWD"));
  EXPECT_TRUE(is_secret_name("DB_PWD"));
  EXPECT_EQ(secrets_in_env({{"PWD", "/home/me/project"}}), std::vector<std::string>{});
}

}  // namespace
}  // namespace nw::wire
