// The warm-up of a backend (clocks that rise, caches and shaders that fill) is a transient before a level. MSER finds
// its end without a threshold to tune: leaving out a biased beginning lowers the spread of what remains, leaving out
// good values raises its standard error, and the cut with the smallest squared standard error balances the two.
// The tails are visited from the last value backwards, so that Welford's update serves every cut in one pass.
#include "stats/plateau.h"

namespace nw::stats {

std::size_t warmup_length(std::span<const double> series) {
  const std::size_t n = series.size();
  if (n <= kPlateauMin) return 0;
  double mean = 0;
  double squares = 0;  // sum of squared deviations of the tail from its mean
  std::size_t best_cut = 0;
  double best_error = 0;
  bool any = false;
  for (std::size_t cut = n; cut-- > 0;) {
    const std::size_t length = n - cut;
    const double count = static_cast<double>(length);
    const double off = series[cut] - mean;
    mean += off / count;
    squares += off * (series[cut] - mean);
    if (cut > n / 2 || length < kPlateauMin) continue;
    const double error = squares / (count * count);
    if (!any || error <= best_error) any = true, best_error = error, best_cut = cut;
  }
  return best_cut;
}

}  // namespace nw::stats
