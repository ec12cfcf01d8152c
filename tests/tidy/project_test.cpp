// The rules, applied to this project.
#include <gtest/gtest.h>

#include "rules.h"

namespace nw::tidy {
namespace {

// The data files and the tree, read once.
struct Project {
  Layers layers;
  Tree tree;

  static const Project& get() {
    static const Project project = [] {
      Project p;
      // The table says what to skip, so it is read with a table that skips nothing but the largest folders.
      Layers first;
      first.skipped["folders"] = {".git", "build", "runs", "models"};
      p.tree = read_tree(NW_SOURCE_DIR, first).value();
      p.layers = parse_layers(p.tree.files.at("tests/tidy/layers.toml")).value();
      p.tree = read_tree(NW_SOURCE_DIR, p.layers).value();
      return p;
    }();
    return project;
  }
  [[nodiscard]] const std::string& file(const char* path) const { return tree.files.at(path); }
};

TEST(Project, IsThere) {
  EXPECT_GT(Project::get().tree.files.size(), 50u);
  EXPECT_GT(Project::get().layers.rooms.size(), 10u);
}
TEST(Project, TheTableOfRoomsIsSound) { EXPECT_EQ(describe(check_table(Project::get().layers)), ""); }
TEST(Project, CMakeSaysWhatTheTableSays) {
  EXPECT_EQ(describe(check_cmake(Project::get().tree, Project::get().layers)), "");
}
TEST(Project, RoomsIncludeOnlyWhatTheyMay) {
  EXPECT_EQ(describe(check_rooms(Project::get().tree, Project::get().layers)), "");
}
TEST(Project, ThirdPartyStaysInItsRoom) {
  EXPECT_EQ(describe(check_third_party(Project::get().tree, Project::get().layers)), "");
}
TEST(Project, SystemsAreToldApartBelowOsOnly) {
  EXPECT_EQ(describe(check_operating_system(Project::get().tree, Project::get().layers)), "");
}
TEST(Project, CoroutinesStayInNetAndKeepClearOfTheCompiler) {
  EXPECT_EQ(describe(check_co_await(Project::get().tree, Project::get().layers)), "");
}
TEST(Project, HeadersBeginAsTheyShould) { EXPECT_EQ(describe(check_headers(Project::get().tree)), ""); }
TEST(Project, FunctionsAndFilesStaySmall) {
  const auto tolerated = parse_tolerated(Project::get().file("tests/tidy/tolerated.txt"));
  ASSERT_TRUE(tolerated) << tolerated.error().message;
  EXPECT_EQ(describe(check_sizes(Project::get().tree, Project::get().layers, *tolerated)), "");
}
TEST(Project, HasNoStrayWhiteSpace) { EXPECT_EQ(describe(check_white_space(Project::get().tree)), ""); }
TEST(Project, HoldsNoBannedWord) {
  const Names banned = parse_banned(Project::get().file("tests/tidy/banned.txt"));
  EXPECT_FALSE(banned.empty());
  EXPECT_EQ(describe(check_banned(Project::get().tree, banned)), "");
}
TEST(Project, LinksLeadSomewhere) { EXPECT_EQ(describe(check_links(Project::get().tree)), ""); }

}  // namespace
}  // namespace nw::tidy
