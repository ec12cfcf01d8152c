// Two lines a + b x and c + d x, each repeat with its own level and slope. With u = a − c (levels) and v = d − b
// (slopes) the lines meet at x = mean(u) / mean(v). At any x, the mean of u − v x is normal with variance
// V(u) − 2 x C(u, v) + x² V(v), so "the lines are equal at x" is not rejected while
//
//   (u − v x)² ≤ t² (V(u) − 2 x C(u, v) + x² V(v))
//
// which is a quadratic in x: Fieller, E. C. (1954), Some problems in interval estimation, JRSS B 16. Its set is bounded
// exactly when v differs from 0 beyond noise. A resampling of N* would need the same moments, a generator, and would
// still have no answer where the slopes cannot be told apart.
#include "stats/fieller.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pairing.h"

namespace nw::stats {
namespace {

struct Moments {
  double u = 0, v = 0;            // means
  double uu = 0, uv = 0, vv = 0;  // variances and covariance of the means
  double dof = 0;
};

Moments moments_of(std::span<const Line> lines) {
  Moments m;
  const double n = static_cast<double>(lines.size());
  for (const Line& line : lines) m.u += line.level / n, m.v += line.slope / n;
  m.dof = n - 1;
  if (lines.size() < 2) return m;
  const double scale = 1 / (n * (n - 1));
  for (const Line& line : lines) {
    const double du = line.level - m.u, dv = line.slope - m.v;
    m.uu += du * du * scale, m.uv += du * dv * scale, m.vv += dv * dv * scale;
  }
  return m;
}

// u = level(a) − level(b), v = slope(b) − slope(a).
Moments compare(std::span<const Line> a, std::span<const Line> b) {
  const auto pairs = pairs_by_index(a, b);
  if (!pairs.empty()) {
    std::vector<Line> differences;
    for (const auto& [left, right] : pairs) {
      differences.push_back({left.index, left.level - right.level, right.slope - left.slope});
    }
    return moments_of(differences);
  }
  const Moments left = moments_of(a), right = moments_of(b);
  // Of the side b the level enters with −1 and the slope with +1, of a the other way round: the covariance changes its
  // sign in both.
  return {left.u - right.u,    right.v - left.v,   left.uu + right.uu,
          -left.uv - right.uv, left.vv + right.vv, std::min(left.dof, right.dof)};
}

}  // namespace

std::optional<Crossing> crossing_of(std::span<const Line> a, std::span<const Line> b) {
  if (a.empty() || b.empty()) return std::nullopt;
  const Moments m = compare(a, b);
  Crossing result;
  if (m.v != 0) result.at = m.u / m.v;
  if (m.dof < 1) return result;
  const double t = t95(m.dof);
  // p x² − 2 q x + r ≤ 0
  const double p = m.v * m.v - t * t * m.vv;
  const double q = m.u * m.v - t * t * m.uv;
  const double r = m.u * m.u - t * t * m.uu;
  if (p <= 0) return result;
  const double root = std::sqrt(std::max(0.0, q * q - p * r));
  result.ci95 = Interval{(q - root) / p, (q + root) / p};
  return result;
}

}  // namespace nw::stats
