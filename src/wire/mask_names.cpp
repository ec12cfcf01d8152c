// Which names mean a secret, and which environment variables may be stored at all.
#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "wire/mask.h"

namespace nw::wire {
namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }
bool is_upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }
bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// "--hfToken" → hf, token; "OPENAI_API_KEY" → openai, api, key.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool hump = i > 0 && is_upper(name[i]) && !is_upper(name[i - 1]);
    if ((!is_alnum(name[i]) || hump) && !words.back().empty()) words.emplace_back();
    if (is_alnum(name[i])) words.back() += lower(name[i]);
  }
  if (words.size() > 1 && words.back().empty()) words.pop_back();
  return words;
}

constexpr std::array<std::string_view, 24> kSecretWords = {
    "key",       "keys",   "apikey",     "apikeys",     "token",     "secret", "secrets",    "password",
    "passwords", "passwd", "passphrase", "pass",        "pwd",       "pw",     "auth",       "authorization",
    "bearer",    "cookie", "credential", "credentials", "accesskey", "hft",    "privatekey", "authtoken"};
// Words so long and clear that they mean it inside another word too: MYAPIKEY, hftoken2, dbpassword.
constexpr std::array<std::string_view, 5> kSecretParts = {"apikey", "password", "passwd", "secret", "credential"};
// A name that ends so speaks about where something is, not what it is.
constexpr std::array<std::string_view, 8> kPlaces = {"env", "file", "path", "dir", "name", "files", "paths", "names"};

template <class Table>
bool contains(const Table& table, std::string_view word) {
  return std::find(table.begin(), table.end(), word) != table.end();
}

bool ends_like_a_token(std::string_view word) {  // hftoken, mytoken; not detokenizer and not maxtokens
  return word.size() > 5 && word.substr(word.size() - 5) == "token";
}

constexpr std::array<std::string_view, 33> kEnvPrefixes = {
    "GGML_",     "GOMP_", "OMP_",  "KMP_",    "HSA_",    "HIP_",       "ROCR_",      "ROC_",     "AMD_",
    "AMDGPU_",   "GPU_",  "CUDA_", "NVIDIA_", "CUBLAS_", "ROCBLAS_",   "HIPBLASLT_", "TENSILE_", "MIOPEN_",
    "VK_",       "MESA_", "RADV_", "ANV_",    "LP_",     "LLAMA_ARG_", "LLAMACPP_",  "OLLAMA_",  "LEMONADE_",
    "OPENBLAS_", "MKL_",  "BLIS_", "NUMA_",   "SYCL_",   "ZE_"};
constexpr std::array<std::string_view, 13> kEnvNames = {"LD_LIBRARY_PATH",
                                                        "LD_PRELOAD",
                                                        "LIBGL_ALWAYS_SOFTWARE",
                                                        "MALLOC_ARENA_MAX",
                                                        "MALLOC_CONF",
                                                        "MAX_HIP_QUEUES",
                                                        "OCL_ICD_VENDORS",
                                                        "ONEAPI_DEVICE_SELECTOR",
                                                        "PYTORCH_HIP_ALLOC_CONF",
                                                        "PYTORCH_CUDA_ALLOC_CONF",
                                                        "RUSTICL_ENABLE",
                                                        "WSL_DISTRO_NAME",
                                                        "XNACK"};

}  // namespace

bool is_secret_name(std::string_view name) {
  // The shell's current folder and the one before: they would mask every path of a report.
  if (name == "PWD" || name == "OLDPWD") return false;
  const std::vector<std::string> words = words_of(name);
  if (words.empty() || contains(kPlaces, words.back())) return false;
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    const auto has = [&](std::string_view part) { return word.find(part) != std::string::npos; };
    return contains(kSecretWords, word) || ends_like_a_token(word) ||
           std::any_of(kSecretParts.begin(), kSecretParts.end(), has);
  });
}

bool may_store_env(std::string_view name) {
  if (contains(kEnvNames, name)) return true;
  return std::any_of(kEnvPrefixes.begin(), kEnvPrefixes.end(),
                     [&](std::string_view prefix) { return name.substr(0, prefix.size()) == prefix; });
}

}  // namespace nw::wire
