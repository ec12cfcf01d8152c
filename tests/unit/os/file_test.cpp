#include "os/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace nw::os {
namespace {

namespace fs = std::filesystem;

class File : public ::testing::Test {
 protected:
  File() {
    std::string name = testing::TempDir() + "nightwatt-file-XXXXXX";
    folder = ::mkdtemp(name.data());
  }
  ~File() override { fs::remove_all(folder); }
  fs::path folder;
};

TEST_F(File, IsReplacedAsAWhole) {
  const auto path = (folder / "a").string();
  ASSERT_TRUE(write_file(path, "one"));
  ASSERT_TRUE(write_file(path, "two"));
  EXPECT_EQ(read_small(path), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1) << "no temporary file is left";
}

TEST_F(File, ALinkStaysALink) {
  ASSERT_TRUE(write_file((folder / "target").string(), "old"));
  fs::create_symlink("target", folder / "link");
  ASSERT_TRUE(write_file((folder / "link").string(), "new"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_small((folder / "target").string()), "new");
}

// As root a rename over /dev/null would break the machine.
TEST_F(File, WhatIsNoFileIsWrittenInto) {
  const auto pipe = (folder / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_TRUE(write_file(pipe, "text"));
  char buffer[8] = {};
  EXPECT_EQ(::read(reader, buffer, sizeof buffer), 4);
  ::close(reader);
  EXPECT_TRUE(fs::is_fifo(pipe));
  ASSERT_TRUE(write_file("/dev/null", "text"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  const auto full = write_file("/dev/full", "text");
  ASSERT_FALSE(full);
  EXPECT_NE(full.error().message.find("No space left"), std::string::npos);
}

TEST_F(File, SaysWhyNot) {
  EXPECT_EQ(write_file(folder.string(), "x").error().kind, ErrorKind::usage);
  EXPECT_FALSE(write_file((folder / "none" / "x").string(), "x"));
  EXPECT_FALSE(read_file((folder / "none").string()));
  EXPECT_FALSE(read_small((folder / "none").string()));
}

TEST_F(File, WhoElseCanWrite) {
  const auto path = (folder / "a").string();
  ASSERT_TRUE(write_file(path, "x"));
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_FALSE(writable_by_others(path));
  fs::permissions(path, fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(writable_by_others(path), "is writable by everybody");
  fs::permissions(path, fs::perms::others_write, fs::perm_options::remove);
  fs::permissions(folder, fs::perms::all);
  EXPECT_EQ(writable_by_others(path), "is in a folder that everybody can write");
}

}  // namespace
}  // namespace nw::os
