#include "base/text.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace nw {
namespace {

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(split("a,", ','), (std::vector<std::string_view>{"a", ""}));
}

TEST(Text, NumbersAreWholeOrNothing) {
  EXPECT_EQ(parse_int("-42"), -42);
  EXPECT_FALSE(parse_int("42 "));
  EXPECT_FALSE(parse_int(""));
  EXPECT_FALSE(parse_int("99999999999999999999"));
  EXPECT_EQ(parse_double("0.25"), 0.25);
  EXPECT_FALSE(parse_double("nan"));
  EXPECT_FALSE(parse_double("1e999"));
}

TEST(Text, HumanUnits) {
  EXPECT_EQ(human_bytes(900), "900 B");
  EXPECT_EQ(human_bytes(1'234'000'000), "1.23 GB");
  EXPECT_EQ(human_bytes(18'600'000'000), "18.6 GB");
  EXPECT_EQ(human_seconds(59.4), "59 s");
  EXPECT_EQ(human_seconds(200), "3 min 20 s");
  EXPECT_EQ(human_seconds(7500), "2 h 05 min");
  EXPECT_EQ(human_seconds(-1), "0 s");
}

TEST(Text, PrintableKeepsTextAndShowsTheRest) {
  EXPECT_EQ(printable("Grüße, 日本 🙂"), "Grüße, 日本 🙂");
  EXPECT_EQ(printable("a\x1b[31mred\n"), "a\\x1b[31mred\\x0a");
  EXPECT_EQ(printable("\xC2\x9B"), "\\x9b") << "a C1 control is a terminal escape too";
  EXPECT_EQ(printable("\xFF"), "\xEF\xBF\xBD");
  EXPECT_EQ(printable("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD") << "overlong";
  EXPECT_EQ(printable("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD") << "a surrogate";
}

// Whatever comes in, no byte comes out that a terminal obeys, and printing twice changes nothing.
TEST(Text, PrintableOnAnything) {
  Random random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (std::uint64_t n = random.below(40); n > 0; --n) bytes += static_cast<char>(random.below(256));
    const auto shown = printable(bytes);
    for (const char c : shown) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20);
      EXPECT_NE(static_cast<unsigned char>(c), 0x7F);
    }
    EXPECT_EQ(printable(shown), shown);
  }
}

// The sequence is part of what a seed means: a change of it changes every plan and every synthetic model.
TEST(Random, SequenceIsFixed) {
  Random random(1);
  EXPECT_EQ(random.next(), 0x910A2DEC89025CC1ULL);
  EXPECT_EQ(random.next(), 0xBEEB8DA1658EEC67ULL);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(random.below(10), 10U);
    const double u = random.unit();
    EXPECT_GE(u, 0);
    EXPECT_LT(u, 1);
  }
}

}  // namespace
}  // namespace nw
