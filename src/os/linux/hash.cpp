// Hashing what does not change only once.
//
// A file is known by device and inode, and unchanged if its size and modification time are (the test that make, rsync
// and git's index rely on; nanoseconds leave out the writer who is faster than the clock of the file system's ticks,
// about 4 ms). The times are read before and after hashing: a file that is being written gets no entry and an error.
// The entry's file name is device and inode, so that a changed file replaces its old entry and the cache does not grow
// with every rewrite; its content repeats what it holds for, so that a half-written or foreign file is seen as one.
#include "os/hash.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/text.h"
#include "os/fd.h"

namespace nw::os {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kPiece = 4U << 20;

std::string reason(int error) { return std::generic_category().message(error); }

// What must be equal for a remembered hash to hold.
struct Identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t mtime_ns = 0;
  bool operator==(const Identity&) const = default;
};

Result<Identity> identify(int fd, const fs::path& path) {
  struct stat found{};
  if (::fstat(fd, &found) != 0) {
    return failed_error(fmt::format("cannot examine {}: {}", printable(path.string()), reason(errno)));
  }
  if (!S_ISREG(found.st_mode)) {
    return usage_error(fmt::format("{} is not a regular file", printable(path.string())), "name a file");
  }
  return Identity{found.st_dev, found.st_ino, found.st_size,
                  std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

fs::path entry_path(const fs::path& cache, const Identity& id) {
  return cache / fmt::format("{:x}-{}", id.device, id.inode);
}

std::string entry_text(const Identity& id, std::string_view hex) {
  return fmt::format("sha256 {} {} {}\n", id.size, id.mtime_ns, hex);
}

std::optional<std::string> recall(const fs::path& cache, const Identity& id) {
  std::ifstream in(entry_path(cache, id), std::ios::binary);
  std::string line;
  if (!in || !std::getline(in, line) || in.eof()) return std::nullopt;  // eof: the newline is missing
  constexpr std::size_t kDigits = 64;
  if (line.size() < kDigits) return std::nullopt;
  std::string hex = line.substr(line.size() - kDigits);
  if (hex.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  if (line + '\n' != entry_text(id, hex)) return std::nullopt;
  return hex;
}

// Best effort: a cache that cannot be written costs time, not the answer.
void remember(const fs::path& cache, const Identity& id, std::string_view hex) {
  std::error_code ignored;
  fs::create_directories(cache, ignored);
  std::string temporary = (cache / ".new-XXXXXX").string();
  const Fd file(::mkstemp(temporary.data()));
  if (!file) return;
  const std::string text = entry_text(id, hex);
  const bool written = ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written && ::rename(temporary.c_str(), entry_path(cache, id).c_str()) == 0) return;
  ::unlink(temporary.c_str());
}

std::string to_hex(std::span<const unsigned char> bytes) {
  std::string hex;
  for (const unsigned char byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

Result<std::string> digest(int fd, const fs::path& path, const std::stop_token& stop) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    return failed_error("OpenSSL gives no SHA-256");
  }
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  std::vector<unsigned char> piece(kPiece);
  while (true) {
    if (stop.stop_requested()) return interrupted_error();
    const ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed_error(fmt::format("cannot read {}: {}", printable(path.string()), reason(errno)));
    if (n == 0) break;
    if (EVP_DigestUpdate(context.get(), piece.data(), static_cast<std::size_t>(n)) != 1) {
      return failed_error("OpenSSL fails to compute a SHA-256");
    }
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  if (EVP_DigestFinal_ex(context.get(), bytes.data(), &length) != 1) {
    return failed_error("OpenSSL fails to compute a SHA-256");
  }
  return to_hex(std::span(bytes).first(length));
}

}  // namespace

std::optional<fs::path> user_hash_cache() {
  // The XDG base directory specification: a relative path there is to be ignored.
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return fs::path(cache) / "nightwatt" / "hashes";
  const char* const home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return fs::path(home) / ".cache" / "nightwatt" / "hashes";
  return std::nullopt;
}

Result<FileHash> sha256_of_file(const fs::path& path, const std::optional<fs::path>& cache,
                                const std::stop_token& stop) {
  // O_NONBLOCK: a pipe is refused by identify(), not waited for.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    return lacking_error(fmt::format("cannot read {}: {}", printable(path.string()), reason(errno)),
                         "check the name and its permissions");
  }
  NW_TRY(const Identity before, identify(file.get(), path));
  if (cache) {
    if (auto hex = recall(*cache, before)) return FileHash{std::move(*hex), true};
  }
  NW_TRY(std::string hex, digest(file.get(), path, stop));
  NW_TRY(const Identity after, identify(file.get(), path));
  if (!(before == after)) {
    return failed_error(fmt::format("{} changed while it was hashed", printable(path.string())),
                        "wait until whatever writes it is done");
  }
  if (cache) remember(*cache, before, hex);
  return FileHash{std::move(hex), false};
}

}  // namespace nw::os
