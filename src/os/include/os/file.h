// Small files, whole. For text of /proc and /sys, configuration and results; big files are streamed elsewhere.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace nw::os {

// The text of an errno value, for a message.
[[nodiscard]] std::string errno_text(int error);

// Raises the limit of open files of this process (and of what it starts later) as far as it may, and returns it. Debian
// starts with 1,024, which a thousand streams exceed.
std::uint64_t raise_open_files();

// The first `limit` bytes of a file. nullopt: it is not there or may not be read (for facts that a machine may lack).
[[nodiscard]] std::optional<std::string> read_small(const std::string& path, std::size_t limit = 1 << 20);
// The same, for a file that the user named: says why not.
Result<std::string> read_file(const std::string& path, std::size_t limit = 1 << 20);

// Replaces a file as a whole: a reader sees the old or the new text, never half of it.
Status write_file(const std::string& path, std::string_view text);

// Whether others could change what this file says: the reason as the end of a sentence ("is writable by everybody"),
// or nullopt when only its owner, who must be this user or root, can. Follows links; looks at the folder too.
[[nodiscard]] std::optional<std::string> writable_by_others(const std::string& path);

// The absolute path of a program as execvp would find it in the given PATH, or nullopt.
[[nodiscard]] std::optional<std::string> find_program(std::string_view name, std::string_view path);

}  // namespace nw::os
