#include "os/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace nw::os {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class OutputFileTest : public ::testing::Test {
 protected:
  OutputFileTest() {
    std::string pattern = (fs::temp_directory_path() / "nw-output-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~OutputFileTest() override { fs::remove_all(directory_); }

  [[nodiscard]] fs::path target() const { return directory_ / "model.gguf"; }
  [[nodiscard]] bool directory_is_empty() const { return fs::is_empty(directory_); }
  static std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
  static std::string content(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path directory_;
};

TEST_F(OutputFileTest, AppearsOnlyWhenItIsWhole) {
  auto file = OutputFile::create(target(), 5);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->write(bytes("ab")));
  ASSERT_TRUE(file->write(bytes("cde")));
  EXPECT_FALSE(fs::exists(target()));
  EXPECT_EQ(file->bytes_written(), 5U);
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(content(target()), "abcde");
}

TEST_F(OutputFileTest, WithoutCommitNothingRemains) {
  {
    auto file = OutputFile::create(target(), 1 << 20);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write(bytes("half")));
  }
  EXPECT_TRUE(directory_is_empty());
}

TEST_F(OutputFileTest, SpaceThatWasReservedInVainIsGivenBack) {
  auto file = OutputFile::create(target(), 8 << 20);
  ASSERT_TRUE(file && file->write(bytes("short")) && file->commit());
  struct stat found{};
  ASSERT_EQ(::stat(target().c_str(), &found), 0);
  EXPECT_EQ(found.st_size, 5);
  EXPECT_LT(found.st_blocks * 512, 1 << 20);
}

TEST_F(OutputFileTest, ObeysTheUmask) {
  const mode_t before = ::umask(027);
  auto file = OutputFile::create(target(), 1);
  ::umask(before);
  ASSERT_TRUE(file && file->commit());
  EXPECT_EQ(fs::status(target()).permissions(), fs::perms(0640));
}

TEST_F(OutputFileTest, NeverReplacesAFile) {
  std::ofstream(target()) << "precious";
  const auto file = OutputFile::create(target(), 1);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::usage);
  EXPECT_THAT(file.error().message, HasSubstr("exists already"));
  EXPECT_EQ(content(target()), "precious");
}

TEST_F(OutputFileTest, NeverFollowsADanglingLink) {
  fs::create_symlink(directory_ / "elsewhere", target());
  EXPECT_FALSE(OutputFile::create(target(), 1));
}

TEST_F(OutputFileTest, NeverReplacesAFileThatCameMeanwhile) {
  auto file = OutputFile::create(target(), 1);
  ASSERT_TRUE(file && file->write(bytes("ours")));
  std::ofstream(target()) << "theirs";
  const Status status = file->commit();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("exists already"));
  EXPECT_EQ(content(target()), "theirs");
}

TEST_F(OutputFileTest, SaysThatTheDiskIsTooSmallBeforeWriting) {
  const auto file = OutputFile::create(target(), std::uint64_t{1} << 60);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::failed);
  EXPECT_THAT(file.error().message, HasSubstr("only"));
  EXPECT_TRUE(directory_is_empty());
}

TEST_F(OutputFileTest, SaysThatTheDirectoryIsMissing) {
  const auto file = OutputFile::create(directory_ / "no" / "such" / "model.gguf", 1);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::lacking);
  EXPECT_THAT(file.error().message, HasSubstr("No such file or directory"));
}

// Runs `body` in a child and returns its wait status.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(OutputFileTest, AFailedWriteLeavesNothing) {
  const int status = in_child([this] {
    std::signal(SIGXFSZ, SIG_IGN);  // so that the limit is an error, as a full disk is
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    bool failed = false;
    {
      auto file = OutputFile::create(target(), 0);
      failed = file && !file->write(std::vector<std::byte>(1 << 20));
    }
    ::_exit(failed && directory_is_empty() ? 7 : 1);
  });
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(OutputFileTest, NoSignalLeavesAHalfFile) {
  for (const int number : {SIGINT, SIGTERM, SIGKILL}) {
    const int status = in_child([&] {
      auto file = OutputFile::create(target(), 1 << 20);
      if (!file || !file->write(bytes("half"))) ::_exit(1);
      std::raise(number);
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == number) << number;
    EXPECT_TRUE(directory_is_empty()) << number;
  }
}

TEST_F(OutputFileTest, TheFallbackBehavesLikeTheRealThing) {
  OutputFile::use_named_files_for_test(true);
  {
    auto file = OutputFile::create(target(), 5);
    ASSERT_TRUE(file && file->write(bytes("abc")));
    EXPECT_FALSE(directory_is_empty());
    EXPECT_FALSE(fs::exists(target()));
    ASSERT_TRUE(file->commit());
  }
  EXPECT_EQ(content(target()), "abc");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), {}), 1);
  fs::remove(target());

  {
    ASSERT_TRUE(OutputFile::create(target(), 5));
  }
  EXPECT_TRUE(directory_is_empty());
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    const int status = in_child([&] {
      auto file = OutputFile::create(target(), 1);
      if (!file || !file->write(bytes("half"))) ::_exit(1);
      std::raise(number);
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == number) << number;
    EXPECT_TRUE(directory_is_empty()) << number;
  }
  OutputFile::use_named_files_for_test(false);
}

TEST_F(OutputFileTest, WritesMoreThanItsWindow) {
  const std::vector<std::byte> piece(12 << 20, std::byte{0x5A});
  auto file = OutputFile::create(target(), 16 * piece.size());
  ASSERT_TRUE(file);
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(file->write(piece));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(fs::file_size(target()), 16 * piece.size());
}

}  // namespace
}  // namespace nw::os
