// Normal deviates from the project's seeded generator, for simulations (Box and Muller's transformation).
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "base/random.h"

namespace nw::test {

inline double normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(2 * std::numbers::pi * random.unit());
}

inline std::vector<double> normals(Random& random, std::size_t n, double mean, double sd) {
  std::vector<double> values(n);
  for (double& value : values) value = mean + sd * normal(random);
  return values;
}

}  // namespace nw::test
