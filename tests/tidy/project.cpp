#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "rules.h"

namespace nw::tidy {
namespace {

namespace fs = std::filesystem;

// A NUL byte near the beginning is what other tools take for "not text" too.
bool is_text(const std::string& bytes) { return bytes.substr(0, 8'000).find('\0') == std::string::npos; }

bool is_skipped(const Layers& layers, const std::string& path) {
  const auto found = layers.skipped.find("folders");
  if (found == layers.skipped.end()) return false;
  return std::find(found->second.begin(), found->second.end(), path) != found->second.end();
}

}  // namespace

Result<Tree> read_tree(const std::string& root, const Layers& layers) {
  Tree tree;
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(root, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string path = entry->path().lexically_relative(root).generic_string();
    if (is_skipped(layers, path)) {
      entry.disable_recursion_pending();
      tree.other_paths.insert(path);
      continue;
    }
    if (!entry->is_regular_file() || entry->is_symlink()) {
      tree.other_paths.insert(path);
      continue;
    }
    std::ifstream in(entry->path(), std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (is_text(bytes)) {
      tree.files.emplace(path, std::move(bytes));
    } else {
      tree.other_paths.insert(path);
    }
  }
  if (error) return failed_error(fmt::format("cannot read {}: {}", root, error.message()));
  return tree;
}

}  // namespace nw::tidy
