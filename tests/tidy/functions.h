// Where the functions of a C++ file are, and how long.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nw::tidy {

struct Function {
  std::string name;       // as written: "RunStore::open", "TEST(Store, Opens)"
  std::size_t line = 0;   // of its first line
  std::size_t lines = 0;  // from there to the closing brace
};

// `code` is Source::code. Lambdas and local types count for the function that holds them.
[[nodiscard]] std::vector<Function> functions_of(std::string_view code);

}  // namespace nw::tidy
