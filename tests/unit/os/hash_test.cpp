#include "os/hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace nw::os {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Of "abc": the first example of FIPS 180-2.
constexpr std::string_view kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class HashTest : public ::testing::Test {
 protected:
  HashTest() {
    std::string pattern = (fs::temp_directory_path() / "nw-hash-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    std::ofstream(file()) << "abc";
  }
  ~HashTest() override { fs::remove_all(directory_); }
  [[nodiscard]] fs::path file() const { return directory_ / "file"; }
  [[nodiscard]] fs::path cache() const { return directory_ / "deep" / "hashes"; }
  [[nodiscard]] fs::path entry() const { return fs::directory_iterator(cache())->path(); }

  fs::path directory_;
};

TEST_F(HashTest, HashesAndRemembers) {
  const auto first = sha256_of_file(file(), cache());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->hex, kAbc);
  EXPECT_FALSE(first->remembered);
  const auto second = sha256_of_file(file(), cache());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->hex, kAbc);
  EXPECT_TRUE(second->remembered);
  EXPECT_EQ(std::distance(fs::directory_iterator(cache()), {}), 1);
}

TEST_F(HashTest, AnotherTimeOrSizeIsHashedAgain) {
  ASSERT_TRUE(sha256_of_file(file(), cache()));
  fs::last_write_time(file(), fs::last_write_time(file()) + std::chrono::nanoseconds(1));
  const auto touched = sha256_of_file(file(), cache());
  ASSERT_TRUE(touched);
  EXPECT_FALSE(touched->remembered);

  const auto time = fs::last_write_time(file());
  std::ofstream(file(), std::ios::app) << "d";
  fs::last_write_time(file(), time);
  const auto longer = sha256_of_file(file(), cache());
  ASSERT_TRUE(longer);
  EXPECT_FALSE(longer->remembered);
  EXPECT_NE(longer->hex, kAbc);
  EXPECT_EQ(std::distance(fs::directory_iterator(cache()), {}), 1) << "an old entry is replaced";
}

TEST_F(HashTest, ADamagedEntryIsNotBelieved) {
  ASSERT_TRUE(sha256_of_file(file(), cache()));
  std::string text;
  std::getline(std::ifstream(entry()), text);
  for (const std::string& damaged : {std::string(), std::string("sha256"), text, text.substr(0, 40) + "\n",
                                     text.substr(0, text.size() - 1) + "X\n", "x" + text + "\n"}) {
    std::ofstream(entry(), std::ios::trunc) << damaged;
    const auto again = sha256_of_file(file(), cache());
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->remembered) << damaged;
    EXPECT_EQ(again->hex, kAbc);
  }
}

TEST_F(HashTest, WorksWithoutACache) {
  const auto none = sha256_of_file(file(), std::nullopt);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->hex, kAbc);
  const auto impossible = sha256_of_file(file(), file() / "below-a-file");
  ASSERT_TRUE(impossible);
  EXPECT_EQ(impossible->hex, kAbc);
}

TEST_F(HashTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(sha256_of_file(directory_ / "missing", cache()).error().kind, ErrorKind::lacking);
  EXPECT_THAT(sha256_of_file(directory_, cache()).error().message, HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo((directory_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(sha256_of_file(directory_ / "pipe", cache()).error().message, HasSubstr("not a regular file"));
}

TEST_F(HashTest, CanBeStopped) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(sha256_of_file(file(), cache(), stop.get_token()).error().kind, ErrorKind::interrupted);
}

TEST(HashCache, FollowsTheXdgSpecification) {
  ::setenv("XDG_CACHE_HOME", "/x/cache", 1);
  EXPECT_EQ(user_hash_cache(), fs::path("/x/cache/nightwatt/hashes"));
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  ::setenv("HOME", "/home/someone", 1);
  EXPECT_EQ(user_hash_cache(), fs::path("/home/someone/.cache/nightwatt/hashes"));
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("HOME");
  EXPECT_EQ(user_hash_cache(), std::nullopt);
}

}  // namespace
}  // namespace nw::os
