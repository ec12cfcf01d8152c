#include "backend/log_pump.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

namespace nw::backend {
namespace {

std::string path_in_temp(const char* name) {
  const std::string path = testing::TempDir() + name;
  std::remove(path.c_str());
  return path;
}

std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void write_text(int fd, std::string_view text) {
  ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

TEST(LogPump, MasksASecretThatComesInTwoPieces) {
  const auto path = path_in_temp("pump1.log");
  auto pump = LogPump::start(path, wire::SecretFilter({"hunter2-secret"}));
  ASSERT_TRUE(pump);
  write_text((*pump)->input(), "key is hunter");
  write_text((*pump)->input(), "2-secret, go\nlast without end");
  (*pump)->finish();
  EXPECT_EQ(text_of(path), "key is [masked], go\nlast without end\n");
  EXPECT_EQ((*pump)->tail(1), std::vector<std::string>{"last without end"});
  struct stat s{};
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600U);
}

TEST(LogPump, TailAndHead) {
  auto pump = LogPump::start(path_in_temp("pump2.log"), {});
  ASSERT_TRUE(pump);
  for (int i = 0; i < 1000; ++i) write_text((*pump)->input(), std::to_string(i) + "\n");
  (*pump)->finish();
  EXPECT_EQ((*pump)->tail(2), (std::vector<std::string>{"998", "999"}));
  EXPECT_EQ((*pump)->head().front(), "0");
  EXPECT_EQ((*pump)->head().size(), 400U);
}

// A line without an end is cut, and what is cut must not show half of a secret.
TEST(LogPump, ASecretAcrossTheCut) {
  const std::string secret = "PLANTED-secret-value";
  for (const std::size_t before : {16380U, 16384U, 32760U, 65530U}) {
    const auto path = path_in_temp("pump3.log");
    auto pump = LogPump::start(path, wire::SecretFilter({secret}));
    ASSERT_TRUE(pump);
    std::thread writer([&] {
      write_text((*pump)->input(), std::string(before, 'y') + secret + std::string(70'000, 'z') + "\nnext\n");
    });
    writer.join();
    (*pump)->finish();
    const auto text = text_of(path);
    EXPECT_EQ(text.find("PLANT"), std::string::npos) << before;
    EXPECT_NE(text.find("[the rest of this line is left out]\nnext\n"), std::string::npos) << before;
  }
}

// A daemon that holds the other end must not hold us.
TEST(LogPump, EndsThoughThePipeStaysOpen) {
  auto pump = LogPump::start(path_in_temp("pump4.log"), {});
  ASSERT_TRUE(pump);
  const int held = ::dup((*pump)->input());
  write_text(held, "last words\n");
  (*pump)->finish();
  EXPECT_EQ((*pump)->tail(1), std::vector<std::string>{"last words"});
  ::close(held);
}

TEST(LogPump, AFolderThatIsNotThere) {
  const auto pump = LogPump::start("/nonexistent/x.log", {});
  ASSERT_FALSE(pump);
  EXPECT_NE(pump.error().message.find("/nonexistent/x.log"), std::string::npos);
}

}  // namespace
}  // namespace nw::backend
