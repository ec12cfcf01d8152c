#include "stats/multiple.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "stats/ratio.h"
#include "unit/stats/normal.h"

namespace nw::stats {
namespace {

using ::testing::ElementsAre;

TEST(RejectedTogether, HandComputed) {
  // Sorted 0.01 ≤ 0.05 / 4, 0.013 ≤ 0.05 / 3, 0.03 > 0.05 / 2: it ends there.
  EXPECT_THAT(rejected_together(std::vector{0.03, 0.013, 0.04, 0.01}), ElementsAre(false, true, false, true));
  EXPECT_THAT(rejected_together(std::vector{0.05}), ElementsAre(true));
  EXPECT_THAT(rejected_together(std::vector{0.051}), ElementsAre(false));
  EXPECT_TRUE(rejected_together({}).empty());
}

// The p-value and the interval of one comparison are two views of one test.
TEST(RejectedTogether, AgreesWithTheIntervalOfOneComparison) {
  Random random(5);
  for (int i = 0; i < 2000; ++i) {
    std::vector<Repeat> a, b;
    const bool paired = i % 2 == 0;
    const int n = 2 + static_cast<int>(random.below(8));
    for (int k = 0; k < n; ++k) {
      a.push_back({k, 100 + 3 * test::normal(random)});
      b.push_back({paired ? k : k + 100, 103 + 5 * test::normal(random)});
    }
    const auto ratio = ratio_of(a, b);
    ASSERT_TRUE(ratio->p);
    EXPECT_EQ(ratio->paired, paired);
    EXPECT_EQ(*ratio->beyond_noise(), *ratio->p < 0.05) << *ratio->p;
  }
}

TEST(RejectedTogether, WithoutSpreadEqualIsEqual) {
  const auto side = [](double value) { return std::vector<Repeat>{{0, value}, {1, value}, {2, value}}; };
  EXPECT_EQ(difference_of(side(2), side(2))->p, 1);
  EXPECT_EQ(difference_of(side(2), side(3))->p, 0);
  EXPECT_FALSE(difference_of(std::vector<Repeat>{{0, 1}}, std::vector<Repeat>{{0, 2}})->p);
}

// Four equal backends, all six pairs: at least one false difference in at most 5 % of the runs, where the rule for one
// comparison has far more.
TEST(RejectedTogether, KeepsTheErrorOfAllPairsTogether) {
  constexpr int kExperiments = 10'000;
  Random random(77);
  int alone = 0, together = 0;
  for (int i = 0; i < kExperiments; ++i) {
    std::vector<std::vector<Repeat>> backends(4);
    for (auto& backend : backends) {
      for (int k = 0; k < 8; ++k) backend.push_back({k, 100 + 3 * test::normal(random)});
    }
    std::vector<double> p;
    bool any = false;
    for (std::size_t a = 0; a < 4; ++a) {
      for (std::size_t b = a + 1; b < 4; ++b) {
        const auto ratio = ratio_of(backends[a], backends[b]);
        p.push_back(*ratio->p);
        any = any || *ratio->beyond_noise();
      }
    }
    alone += any;
    const auto rejected = rejected_together(p);
    together += std::find(rejected.begin(), rejected.end(), true) != rejected.end();
  }
  EXPECT_LT(together, 0.055 * kExperiments);
  EXPECT_GT(together, 0.02 * kExperiments) << "nor much stricter than it has to be";
  EXPECT_GT(alone, 0.15 * kExperiments);
}

}  // namespace
}  // namespace nw::stats
