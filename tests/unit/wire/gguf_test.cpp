#include "wire/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "base/random.h"

namespace nw::wire {
namespace {

using ::testing::HasSubstr;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// A header with one of everything.
std::string sample() {
  GgufBuilder builder;
  builder.put_string("general.architecture", "llama");
  builder.put_u32("llama.block_count", 2);
  builder.put_u64("nightwatt.seed", std::numeric_limits<std::uint64_t>::max());
  builder.put_f32("llama.rope.freq_base", 10000.5F);
  builder.put_bool("nightwatt.synthetic", true);
  builder.put_strings("tokenizer.ggml.tokens", std::array<std::string, 3>{"a", "", "long enough"});
  builder.put_i32s("tokenizer.ggml.token_type", std::array<std::int32_t, 3>{1, -3, 6});
  builder.add_tensor("a.weight", std::array<std::uint64_t, 2>{256, 3}, 12, 3 * 144);
  builder.add_tensor("b.weight", std::array<std::uint64_t, 1>{5}, 0, 20);
  return std::move(builder).finish();
}

// Raw bytes for headers that no writer would make.
class Bytes {
 public:
  Bytes& u32(std::uint32_t v) { return append(v); }
  Bytes& u64(std::uint64_t v) { return append(v); }
  Bytes& text(std::string_view s) {
    append(std::uint64_t{s.size()});
    data_ += s;
    return *this;
  }
  Bytes& raw(std::string_view s) {
    data_ += s;
    return *this;
  }
  Bytes& start(std::uint64_t tensors, std::uint64_t entries, std::uint32_t version = 3) {
    return raw("GGUF").u32(version).u64(tensors).u64(entries);
  }
  Bytes& tensor(std::string_view name, std::vector<std::uint64_t> dims, std::uint32_t type, std::uint64_t offset) {
    text(name).u32(static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) u64(dim);
    return u32(type).u64(offset);
  }
  [[nodiscard]] const std::string& str() const { return data_; }

 private:
  template <class T>
  Bytes& append(T v) {
    for (std::size_t i = 0; i < sizeof v; ++i) data_ += static_cast<char>((v >> (8 * i)) & 0xFF);
    return *this;
  }
  std::string data_;
};

std::string message_of(const Bytes& bytes) {
  const auto parsed = parse_gguf_header(bytes_of(bytes.str()));
  return parsed ? "no error" : parsed.error().message;
}

TEST(Gguf, ReadsWhatItWrote) {
  const std::string file = sample();
  const auto parsed = parse_gguf_header(bytes_of(file));
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_TRUE(parsed->header);
  const GgufHeader& header = *parsed->header;
  EXPECT_EQ(header.version, 3U);
  EXPECT_EQ(header.string_at("general.architecture"), "llama");
  EXPECT_EQ(header.unsigned_at("llama.block_count"), 2U);
  EXPECT_EQ(header.unsigned_at("nightwatt.seed"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(std::get<double>(*header.find("llama.rope.freq_base")), 10000.5);
  EXPECT_EQ(header.bool_at("nightwatt.synthetic"), true);
  EXPECT_EQ(std::get<GgufArray>(*header.find("tokenizer.ggml.tokens")).count, 3U);
  EXPECT_EQ(std::get<GgufArray>(*header.find("tokenizer.ggml.token_type")).integers,
            (std::vector<std::int64_t>{1, -3, 6}));
  ASSERT_EQ(header.tensors.size(), 2U);
  EXPECT_EQ(header.tensors[0].dims, (std::vector<std::uint64_t>{256, 3}));
  EXPECT_EQ(header.tensors[0].bytes, 432U);
  EXPECT_EQ(header.tensors[1].offset, 448U);  // 432 padded to 32
  EXPECT_EQ(header.data_offset, file.size());
  EXPECT_EQ(header.data_end, file.size() + 448 + 20);
}

TEST(Gguf, AsksForTheWrongTypeOrKeyGiveNothing) {
  const std::string file = sample();
  const auto parsed = parse_gguf_header(bytes_of(file));
  ASSERT_TRUE(parsed && parsed->header);
  EXPECT_EQ(parsed->header->unsigned_at("general.architecture"), std::nullopt);
  EXPECT_EQ(parsed->header->string_at("llama.block_count"), std::nullopt);
  EXPECT_EQ(parsed->header->bool_at("missing"), std::nullopt);
  EXPECT_EQ(parsed->header->find("missing"), nullptr);
}

TEST(Gguf, EveryPrefixAsksForMoreAndNeverForLessThanItHas) {
  const std::string file = sample();
  std::size_t header_end = 0;
  for (std::size_t length = 0; length <= file.size(); ++length) {
    const auto parsed = parse_gguf_header(bytes_of(file).first(length));
    ASSERT_TRUE(parsed) << length << ": " << parsed.error().message;
    if (!parsed->header) {
      EXPECT_GT(parsed->need_bytes, length);
      EXPECT_LE(parsed->need_bytes, file.size());
      EXPECT_EQ(header_end, 0U) << "a longer prefix knows less";
    } else if (header_end == 0) {
      header_end = length;
    }
  }
  EXPECT_GT(header_end, 0U);
}

TEST(Gguf, FollowingTheAnswersReachesTheHeader) {
  const std::string file = sample();
  std::uint64_t length = 0;
  int rounds = 0;
  while (true) {
    const auto parsed = parse_gguf_header(bytes_of(file).first(static_cast<std::size_t>(length)));
    ASSERT_TRUE(parsed);
    if (parsed->header) break;
    length = parsed->need_bytes;
    ASSERT_LT(++rounds, 200);
  }
}

TEST(Gguf, RefusesWhatIsNoGgufAtOnce) {
  EXPECT_THAT(message_of(Bytes().raw("PK")), HasSubstr("not a GGUF"));
  EXPECT_THAT(message_of(Bytes().raw("<!DOCTYPE html>")), HasSubstr("not a GGUF"));
  EXPECT_THAT(message_of(Bytes().start(0, 0, 1)), HasSubstr("version is 1"));
  EXPECT_THAT(message_of(Bytes().start(0, 0, 0x03000000)), HasSubstr("big-endian"));
}

TEST(Gguf, RefusesHugeCountsWithoutAllocating) {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_THAT(message_of(Bytes().start(kHuge, 0)), HasSubstr("tensors"));
  EXPECT_THAT(message_of(Bytes().start(0, kHuge)), HasSubstr("metadata entries"));
  EXPECT_THAT(message_of(Bytes().start(0, 1).u64(kHuge)), HasSubstr("key claims"));
  EXPECT_THAT(message_of(Bytes().start(0, 1).text("k").u32(8).u64(kHuge)), HasSubstr("value claims"));
  EXPECT_THAT(message_of(Bytes().start(0, 1).text("k").u32(9).u32(4).u64(kHuge)), HasSubstr("array of"));
  EXPECT_THAT(message_of(Bytes().start(0, 1).text("k").u32(9).u32(10).u64(100'000'000)), HasSubstr("header claims"));
  EXPECT_THAT(message_of(Bytes().start(1, 0).u64(kHuge)), HasSubstr("name claims"));
}

TEST(Gguf, RefusesTypesThatDoNotExist) {
  EXPECT_THAT(message_of(Bytes().start(0, 1).text("k").u32(13)), HasSubstr("type 13"));
  EXPECT_THAT(message_of(Bytes().start(0, 1).text("k").u32(9).u32(77).u64(1)), HasSubstr("type 77"));
}

TEST(Gguf, ReadsNestedArraysButNotWithoutEnd) {
  Bytes nested;
  nested.start(0, 1).text("k").u32(9).u32(9).u64(2);
  nested.u32(4).u64(1).u32(7).u32(8).u64(1).text("x");
  const auto parsed = parse_gguf_header(bytes_of(nested.str()));
  ASSERT_TRUE(parsed && parsed->header);
  Bytes deep;
  deep.start(0, 1).text("k").u32(9);
  for (int i = 0; i < 50; ++i) deep.u32(9).u64(1);
  EXPECT_THAT(message_of(deep), HasSubstr("nests arrays"));
}

TEST(Gguf, KeepsSmallListsOfNumbersOnly) {
  Bytes bytes;
  bytes.start(0, 2).text("small").u32(9).u32(1).u64(2).raw(std::string("\xFF\x02", 2));
  bytes.text("large").u32(9).u32(0).u64(5000).raw(std::string(5000, 'x'));
  const auto parsed = parse_gguf_header(bytes_of(bytes.str()));
  ASSERT_TRUE(parsed && parsed->header);
  EXPECT_EQ(std::get<GgufArray>(*parsed->header->find("small")).integers, (std::vector<std::int64_t>{-1, 2}));
  EXPECT_TRUE(std::get<GgufArray>(*parsed->header->find("large")).integers.empty());
  EXPECT_EQ(std::get<GgufArray>(*parsed->header->find("large")).count, 5000U);
}

TEST(Gguf, RefusesTensorsThatCannotBe) {
  EXPECT_THAT(message_of(Bytes().start(1, 0).text("t").u32(0)), HasSubstr("0 dimensions"));
  EXPECT_THAT(message_of(Bytes().start(1, 0).text("t").u32(5)), HasSubstr("5 dimensions"));
  constexpr std::uint64_t kBig = 1ULL << 40;
  EXPECT_THAT(message_of(Bytes().start(1, 0).tensor("t", {kBig, kBig}, 0, 0)), HasSubstr("overflows"));
  EXPECT_THAT(message_of(Bytes().start(1, 0).tensor("t", {1ULL << 62}, 0, 0)), HasSubstr("overflows"));
  EXPECT_THAT(message_of(Bytes().start(1, 0).tensor("t", {32}, 0, ~31ULL)), HasSubstr("overflows"));
  EXPECT_THAT(message_of(Bytes().start(1, 0).tensor("t", {32}, 0, 7)), HasSubstr("unaligned"));
  EXPECT_THAT(message_of(Bytes().start(1, 0).tensor("t", {100}, 12, 0)), HasSubstr("Q4_K cannot store"));
}

TEST(Gguf, ATypeFromTheFutureHasNoSize) {
  const Bytes bytes = Bytes().start(1, 0).tensor("t", {100}, 999, 64);
  const auto parsed = parse_gguf_header(bytes_of(bytes.str()));
  ASSERT_TRUE(parsed && parsed->header);
  EXPECT_EQ(parsed->header->tensors[0].bytes, std::nullopt);
  EXPECT_EQ(parsed->header->data_end, parsed->header->data_offset + 64);
}

TEST(Gguf, HonoursItsAlignment) {
  const Bytes good = Bytes().start(1, 1).text("general.alignment").u32(4).u32(64).tensor("t", {4}, 0, 64);
  const auto parsed = parse_gguf_header(bytes_of(good.str()));
  ASSERT_TRUE(parsed && parsed->header);
  EXPECT_EQ(parsed->header->data_offset % 64, 0U);
  EXPECT_THAT(message_of(Bytes().start(0, 1).text("general.alignment").u32(4).u32(24)), HasSubstr("power of two"));
  EXPECT_THAT(message_of(Bytes().start(0, 1).text("general.alignment").u32(4).u32(0)), HasSubstr("power of two"));
  EXPECT_THAT(message_of(Bytes().start(0, 1).text("general.alignment").u32(8).text("64")), HasSubstr("power of two"));
}

// Whatever happens to the bytes, the answer is a header, a wish or a sentence: nothing else, least of all a crash.
TEST(Gguf, SurvivesDamage) {
  const std::string file = sample();
  Random random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = file;
    for (std::uint64_t i = 0; i <= random.below(4); ++i) {
      damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    }
    const auto parsed = parse_gguf_header(bytes_of(damaged));
    if (!parsed) {
      ASSERT_FALSE(parsed.error().message.empty());
    } else if (!parsed->header) {
      ASSERT_GT(parsed->need_bytes, damaged.size());
    }
  }
}

}  // namespace
}  // namespace nw::wire
