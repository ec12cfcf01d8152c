// Strings, comments and functions are told apart as a compiler would.
#include "source.h"

#include <gtest/gtest.h>

#include "functions.h"

namespace nw::tidy {
namespace {

std::string code(std::string_view text) { return scan(text).code; }

std::string functions(std::string_view text) {
  std::string all;
  for (const auto& f : functions_of(code(text))) {
    all += f.name + ":" + std::to_string(f.line) + "+" + std::to_string(f.lines) + " ";
  }
  return all;
}

TEST(Scan, BlanksCommentsAndTheInsidesOfLiterals) {
  EXPECT_EQ(code("a; // b {\nc"), "a;       \nc");
  EXPECT_EQ(code("a /* b\n{ */ c"), "a     \n     c");
  EXPECT_EQ(code("f(\"x{\\\"{\", '{', '\\'')"), "f(\"     \", ' ', '  ')");
  EXPECT_EQ(code("// a \\\n{ still\nb"), "      \n       \nb");
  EXPECT_EQ(code("a = \"// no comment\"; b"), "a = \"             \"; b");
}

TEST(Scan, KnowsRawStringsAndDigitSeparators) {
  EXPECT_EQ(code("R\"(a\"{)\" + b"), "R\"     \" + b");
  EXPECT_EQ(code("R\"x(a)\" {)x\" + b"), "R\"         \" + b");
  EXPECT_EQ(code("u8R\"(\n{)\";"), "u8R\" \n  \";");
  EXPECT_EQ(code("1'000'000 + '{' + 0xFF'FF"), "1'000'000 + ' ' + 0xFF'FF");
  EXPECT_EQ(code("f(u8'{', L'{')"), "f(u8' ', L' ')");
}

TEST(Scan, TakesDirectivesOut) {
  const Source source = scan("#include \"a/b.h\"  // why\n#  define X(a) \\\n  { a\nint x;\n#if defined(Y)\n");
  ASSERT_EQ(source.directives.size(), 3u);
  EXPECT_EQ(source.directives[0].name, "include");
  EXPECT_EQ(source.directives[0].rest.substr(0, 7), "\"a/b.h\"");
  EXPECT_EQ(source.directives[1].name, "define");
  EXPECT_EQ(source.directives[1].line, 2u);
  EXPECT_EQ(source.directives[2].line, 5u);
  EXPECT_EQ(source.code.find('{'), std::string::npos);
  EXPECT_NE(source.code.find("int x;"), std::string::npos);
}

TEST(Functions, AreFoundWhereverTheyStand) {
  EXPECT_EQ(functions("int main() {\n  return 0;\n}\n"), "main:1+3 ");
  EXPECT_EQ(functions("namespace a::b {\nnamespace {\nvoid f() {}\n}\nvoid g() {\n}\n}"), "f:3+1 g:5+2 ");
  EXPECT_EQ(functions("class A : public B<int(int)> {\n public:\n  int f() const override {\n  }\n  int x = 1;\n};"),
            "f:3+2 ");
  EXPECT_EQ(functions("struct A {\n  int x{1};\n  std::vector<int> v = {1, 2};\n  A() = default;\n};\n"), "");
  EXPECT_EQ(functions("TEST(Store, Opens) {\n}\n"), "TEST(Store, Opens):1+2 ");
  EXPECT_EQ(functions("template <class T>\nauto A<T>::f(int a = {}) -> std::pair<T, T> {\n}\n"), "A<T>::f:1+3 ");
  EXPECT_EQ(functions("extern \"C\" {\nvoid f() {}\n}"), "f:2+1 ");
  EXPECT_EQ(functions("enum class E { a, b };\nconstexpr E k[] = {E::a};\nvoid f() {}"), "f:3+1 ");
}

TEST(Functions, OfDifficultForms) {
  EXPECT_EQ(functions("A::A(int a) : a_{a}, b_(a) {\n  f();\n}\nint g() { return 1; }"), "A::A:1+3 g:4+1 ");
  EXPECT_EQ(functions("A::A() : a_{1}, b_{2} {}\n"), "A::A:1+1 ");
  EXPECT_EQ(functions("bool operator<(A a, A b) { return a.x < b.x; }"), "operator<:1+1 ");
  EXPECT_EQ(functions("struct F {\n  void operator()(int x) const {\n  }\n};"), "operator():2+2 ");
  EXPECT_EQ(functions("const auto k = [](int a) {\n  return a;\n};\nvoid f() {}"), "lambda:1+3 f:4+1 ");
  EXPECT_EQ(functions("[[nodiscard]] int f(std::function<void()> g = [] {}) {\n}\n"), "f:1+2 ");
  EXPECT_EQ(functions("struct alignas(64) A {\n  int f() { return 1; }\n};"), "f:2+1 ");
  EXPECT_EQ(functions("template <class E>\n  requires(std::is_enum_v<E>)\nvoid f(E) {\n}\n"), "f:1+4 ");
  EXPECT_EQ(functions("void f() {\n  struct L {\n    void g() {\n    }\n  };\n  if (x) { auto l = [] {}; }\n}\n"),
            "f:1+7 ");
  EXPECT_EQ(functions("struct tm f() {\n}\nclass A;\n"), "f:1+2 ");
}

TEST(Words, AreWhole) {
  EXPECT_EQ(find_words("ab cab abab ab_ (ab)", "ab"), (std::vector<std::size_t>{0, 17}));
  EXPECT_EQ(line_of("a\nb\nc", 4), 3u);
}

}  // namespace
}  // namespace nw::tidy
