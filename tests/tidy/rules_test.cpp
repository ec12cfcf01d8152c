// Each rule, shown a small tree that breaks it and one that does not.
#include "rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nw::tidy {
namespace {

using ::testing::HasSubstr;

Layers layers() {
  Layers l;
  l.rooms = {{"base", {}},         {"model", {"base"}},        {"os", {"base"}},          {"net", {"base"}},
             {"store", {"model"}}, {"load", {"net", "model"}}, {"app", {"load", "store"}}};
  l.kinds = {{"pure", {"base", "model"}}, {"door", {"os", "net", "store"}}, {"feature", {"load"}}, {"top", {"app"}}};
  l.third_party = {{"sqlite3", {"store"}}, {"boost/asio", {"net"}}, {"openssl/", {"os", "net"}}};
  l.places = {{"co_await", {"src/net/"}}, {"operating_system", {"src/os/"}}};
  l.function_lines = 5;
  l.file_lines = 9;
  return l;
}

Tree tree(std::map<std::string, std::string> files) { return {std::move(files), {}}; }
Tree one(std::string path, std::string text) { return tree({{std::move(path), std::move(text)}}); }

TEST(Table, IsParsed) {
  const auto parsed = parse_layers(
      "# c\n[rooms]\nbase = []\nmodel = [\"base\"]  # d\napp = [\"base\",\n  \"model\"]\n[limits]\n"
      "function_lines = [\"70\"]\nfile_lines = [\"700\"]\n[third_party]\n\"a#b/\" = [\"x\"]\n");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->rooms.at("app"), (Names{"base", "model"}));
  EXPECT_EQ(parsed->rooms.at("base"), Names{});
  EXPECT_EQ(parsed->third_party.at("a#b/"), Names{"x"});
  EXPECT_EQ(parsed->function_lines, 70u);
  EXPECT_FALSE(parse_layers("[limits]\nfile_lines = [\"7\"]\n"));
  EXPECT_FALSE(parse_layers("[rooms]\nbase = [\n"));
  EXPECT_FALSE(parse_tolerated("a.cpp many\n"));
}

TEST(Table, MustBeSound) {
  EXPECT_EQ(describe(check_table(layers())), "");
  const auto with = [](const std::string& room, const Names& uses) {
    Layers l = layers();
    l.rooms[room] = uses;
    return describe(check_table(l));
  };
  EXPECT_THAT(with("model", {"store"}), HasSubstr("'model' is pure and must not use 'store', which is door"));
  EXPECT_THAT(with("model", {"store"}), HasSubstr("in a circle"));
  EXPECT_THAT(with("store", {"os"}), HasSubstr("'store' is door and must not use 'os'"));
  EXPECT_THAT(with("load", {"app"}), HasSubstr("'load' is feature and must not use 'app', which is top"));
  EXPECT_THAT(with("new", {}), HasSubstr("room 'new' has no kind"));
  EXPECT_THAT(with("app", {"nothing"}), HasSubstr("which is no room"));
}

TEST(CMake, MustAgreeWithTheTable) {
  const std::string good =
      "nw_room(base)\nnw_room(model DEPS base)\nnw_room(os DEPS base LIBS x::y)\nnw_room(net LIBS z)\n"
      "nw_room(store DEPS base\n  model PUBLIC_LIBS s)\nnw_room(load DEPS model net)\nnw_room(app DEPS store load)\n";
  EXPECT_EQ(describe(check_cmake(one("CMakeLists.txt", good), layers())), "");
  const std::string more = good + "# nw_room(commented)\nnw_room(extra)\n";
  EXPECT_EQ(describe(check_cmake(one("CMakeLists.txt", more), layers())),
            "CMakeLists.txt:0: nw_room(extra) is not in layers.toml [cmake]\n");
  const auto said = describe(check_cmake(
      tree({{"CMakeLists.txt", "nw_room(base)\nnw_room(model DEPS os)\n"}, {"src/odd/a.cpp", ""}}), layers()));
  EXPECT_THAT(said, HasSubstr("nw_room(model) has DEPS {\"os\"}, layers.toml has {}"));
  EXPECT_THAT(said, HasSubstr("room 'store' of layers.toml has no nw_room()"));
  EXPECT_THAT(said, HasSubstr("src/odd is no room"));
}

TEST(Rooms, IncludeOnlyWhatTheyMay) {
  const auto check = [](std::string path, std::string text) {
    return describe(check_rooms(one(std::move(path), std::move(text)), layers()));
  };
  EXPECT_EQ(check("src/store/a.cpp", "#include \"base/x.h\"\n#include \"model/x.h\"\n#include \"store/y.h\"\n"), "");
  EXPECT_EQ(check("src/store/a.cpp", "#include \"private.h\"\n#include <net/if.h>\n// #include \"os/x.h\"\n"), "");
  EXPECT_THAT(check("src/store/a.cpp", "\n#include \"os/file.h\"\n"),
              HasSubstr("src/store/a.cpp:2: 'store' must not include \"os/file.h\""));
  EXPECT_THAT(check("src/store/a.cpp", "#include \"../os/file.h\"\n"), HasSubstr("by a relative path"));
  EXPECT_THAT(check("src/app/include/app/a.h", "#include \"net/client.h\"\n"), HasSubstr("'app' must not include"));
  EXPECT_EQ(check("tests/unit/store/a_test.cpp", "#include \"os/file.h\"\n"), "");
}

TEST(ThirdParty, StaysInItsRoom) {
  const auto check = [](std::string path, std::string text) {
    return describe(check_third_party(one(std::move(path), std::move(text)), layers()));
  };
  EXPECT_EQ(check("src/store/a.cpp", "#include <sqlite3.h>\n"), "");
  EXPECT_EQ(check("tests/unit/store/a.h", "#include <sqlite3.h>\n"), "");
  EXPECT_EQ(check("src/net/a.cpp", "#include <boost/asio.hpp>\nboost::asio::x y;\n"), "");
  EXPECT_EQ(check("src/os/a.cpp", "#include <openssl/evp.h>\n"), "");
  EXPECT_THAT(check("src/app/a.cpp", "#include <sqlite3.h>\n"), HasSubstr("<sqlite3.h> belongs into [\"store\"] only"));
  EXPECT_THAT(check("src/store/a.h", "#include \"openssl/evp.h\"\n"), HasSubstr("third-party"));
  EXPECT_THAT(check("src/net/include/net/a.h", "#include <boost/json/value.hpp>\n"), HasSubstr("no Boost header"));
  EXPECT_THAT(check("src/net/include/net/a.h", "\nboost::json::value v;\n"), HasSubstr("a.h:2: no Boost type"));
  EXPECT_EQ(check("src/net/include/net/a.h", "// unlike boost::json\n"), "");
}

TEST(OperatingSystem, IsAskedForBelowOsOnly) {
  const auto check = [](std::string path, std::string text) {
    return describe(check_operating_system(one(std::move(path), std::move(text)), layers()));
  };
  EXPECT_THAT(check("src/net/a.cpp", "int x;\n#ifdef __linux__\n#endif\n"), HasSubstr("a.cpp:2: #ifdef on __linux__"));
  EXPECT_THAT(check("tests/a.h", "#if X && \\\n  !defined(_WIN32)\n#endif\n"), HasSubstr("#if on _WIN32"));
  EXPECT_EQ(check("src/os/a.cpp", "#if defined(__APPLE__)\n#endif\n"), "");
  EXPECT_EQ(check("src/net/a.cpp", "#if __has_include(<x>)\n// #ifdef __linux__\n#endif\n"), "");
}

std::string awaits(const std::string& statement, const std::string& path = "src/net/a.cpp") {
  return describe(check_co_await(one(path, "Task f(int a) {\n  g();\n  " + statement + "\n}\n"), layers()));
}

TEST(CoAwait, StaysInNet) {
  EXPECT_EQ(awaits("co_await run();"), "");
  EXPECT_THAT(awaits("co_await run();", "src/load/a.cpp"), HasSubstr("in src/net only"));
  EXPECT_EQ(awaits("// co_await run({});", "src/load/a.cpp"), "");
}

TEST(CoAwait, KeepsClearOfTemporariesThatTheCompilerBreaks) {
  for (const char* bad :
       {"co_await run([a] { return a; });", "co_await run({.a = 1});", "x = f({1}, co_await run());",
        "x = f(co_await run(), Options{1});", "return g(Options{co_await run()});", "x = y[1] + co_await run();",
        "if (co_await run({1})) {\n}", "f(co_await run(a)).then({1});", "auto x = Options{co_await run()};"}) {
    EXPECT_THAT(awaits(bad), HasSubstr("name the object first")) << bad;
  }
  for (const char* good :
       {"auto x = co_await run(a, b);", "if (co_await run()) {\n  g({1});\n}", "while (!co_await run()) { g(); }",
        "auto [a, b] = co_await run();", "const auto& [a, b] = co_await run();",
        "[[maybe_unused]] auto x = co_await run();", "for (int i = 0; i < co_await run(); ++i) {\n}",
        "auto task = [](int b) -> Task { co_await run(b); };",
        "auto task = [&]() -> boost::awaitable<void> {\n  co_await run();\n};", "{ co_await run(); }",
        "if (a) { g({1}); } else { co_await run(); }", "NW_TRY(auto x, co_await run());", "g({1});\n  co_await run();",
        "switch (co_await run()) {\n  default: break;\n}", "try { co_await run(); } catch (...) {\n}",
        "if (auto [e, n] = g(); e) {\n}\n  co_await run();"}) {
    EXPECT_EQ(awaits(good), "") << good;
  }
}

TEST(Headers, BeginWithACommentAndPragmaOnce) {
  EXPECT_EQ(describe(check_headers(one("a.h", "// What for.\n#pragma once\n#include <x>\n"))), "");
  EXPECT_EQ(describe(check_headers(one("a.cpp", "int x;\n"))), "");
  EXPECT_THAT(describe(check_headers(one("a.h", "#pragma once\n"))), HasSubstr("begins with a comment"));
  EXPECT_THAT(describe(check_headers(one("a.h", "// A.\n#include <x>\n#pragma once\n"))), HasSubstr("#pragma once"));
  EXPECT_THAT(describe(check_headers(one("a.h", "// A.\nint x;\n#pragma once\n"))), HasSubstr("#pragma once"));
  EXPECT_THAT(describe(check_headers(one("a.h", ""))), HasSubstr("#pragma once"));
}

TEST(Sizes, AreARatchet) {
  const std::string small = "void f() {\n\n\n\n}\n";
  const std::string large = "void f() {\n\n\n\n\n}\n";
  EXPECT_EQ(describe(check_sizes(one("a.cpp", small), layers(), {})), "");
  EXPECT_EQ(describe(check_sizes(one("a.md", std::string(50, '\n')), layers(), {})), "");
  EXPECT_EQ(describe(check_sizes(one("a.cpp", large), layers(), {})),
            "a.cpp:1: a.cpp:f has 6 lines, the limit is 5: split it [size]\n");
  EXPECT_EQ(describe(check_sizes(one("a.cpp", large), layers(), {{"a.cpp:f", 6}})), "");
  EXPECT_THAT(describe(check_sizes(one("a.cpp", large + "\n"), layers(), {{"a.cpp:f", 7}})), HasSubstr("write that"));
  EXPECT_THAT(describe(check_sizes(one("a.cpp", "\n\n" + small + "\n\n\n"), layers(), {})),
              HasSubstr("a.cpp has 10 lines, the limit is 9"));
  EXPECT_THAT(describe(check_sizes(one("a.cpp", std::string(12, '\n')), layers(), {{"a.cpp", 11}})),
              HasSubstr("grew from 11 to 12 lines"));
  EXPECT_THAT(describe(check_sizes(one("a.cpp", small), layers(), {{"a.cpp:f", 6}})),
              HasSubstr("need not be tolerated"));
}

TEST(WhiteSpace, IsNotStray) {
  EXPECT_EQ(describe(check_white_space(one("a.md", "a b\n\n"))), "");
  EXPECT_EQ(describe(check_white_space(one("Makefile", "a:\n\tb\n"))), "");
  EXPECT_THAT(describe(check_white_space(one("a.md", "a\nb \n"))), HasSubstr("a.md:2: white space at the end"));
  EXPECT_THAT(describe(check_white_space(one("a.md", "a\r\n"))), HasSubstr("white space at the end"));
  EXPECT_THAT(describe(check_white_space(one("a.cpp", "\tb\n"))), HasSubstr("a tab"));
  EXPECT_THAT(describe(check_white_space(one("a.md", "a"))), HasSubstr("no line feed"));
}

TEST(Banned, IsFoundAsAWord) {
  const Names banned = parse_banned("# why\nLATER\n\nfor now\n");
  EXPECT_EQ(banned, (Names{"LATER", "for now"}));
  EXPECT_EQ(describe(check_banned(one("a.md", "later\nLATERAL\n"), banned)), "");
  EXPECT_EQ(describe(check_banned(one("tests/tidy/banned.txt", "LATER\n"), banned)), "");
  EXPECT_EQ(describe(check_banned(one("a.sh", "x\n# (LATER)\n"), banned)), "a.sh:2: holds 'LATER' [banned]\n");
  EXPECT_THAT(describe(check_banned(one("a.sh", "good for now.\n"), banned)), HasSubstr("'for now'"));
}

TEST(Links, LeadSomewhere) {
  Tree t = tree({{"docs/a.md", ""}, {"README.md", ""}});
  t.other_paths = {"docs", "docs/x.png"};
  const auto check = [&](const char* path, const char* text) {
    t.files[path] = text;
    return describe(check_links(t));
  };
  EXPECT_EQ(check("README.md", "[a](docs/a.md) [b](docs/) [c](#here) [d](https://x.y/z) [e](docs/a.md#part)\n"), "");
  EXPECT_EQ(check("docs/a.md", "[up](../README.md) ![p](x.png)\n[r]: a.md\n`[code](no.md)`\n```\n[n](no.md)\n```\n"),
            "");
  EXPECT_THAT(check("docs/a.md", "\n[up](README.md)\n"), HasSubstr("docs/a.md:2: 'README.md' leads nowhere"));
  EXPECT_THAT(check("docs/a.md", "[r]: b.md\n"), HasSubstr("'b.md' leads nowhere"));
}

}  // namespace
}  // namespace nw::tidy
