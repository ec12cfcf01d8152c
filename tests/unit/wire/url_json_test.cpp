#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/json.h"
#include "wire/url.h"

namespace nw::wire {
namespace {

using testing::HasSubstr;

TEST(Url, TheFormsThatPeopleWrite) {
  struct Case {
    std::string_view text, scheme, host;
    int port;
    std::string_view path;
  };
  for (const Case& c :
       {Case{"http://127.0.0.1:8080", "http", "127.0.0.1", 8080, ""},
        Case{"localhost:11434", "http", "localhost", 11434, ""},
        Case{"HTTP://Example.org/", "http", "Example.org", 80, ""},
        Case{"https://api.example.org/v1/", "https", "api.example.org", 443, "/v1"},
        Case{"http://[::1]:8000/api/v1", "http", "::1", 8000, "/api/v1"},
        Case{"[fe80::1%eth0]", "http", "fe80::1%eth0", 80, ""}, Case{" http://h ", "http", "h", 80, ""}}) {
    const auto url = parse_url(c.text);
    ASSERT_TRUE(url) << c.text << ": " << url.error().message;
    EXPECT_EQ(url->scheme, c.scheme);
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->port, c.port);
    EXPECT_EQ(url->path, c.path);
  }
}

TEST(Url, WhatIsNoAddressIsRefusedWithTheNextStep) {
  for (const std::string_view text :
       {"", "ftp://h", "http://", "http://:80", "http://h:0", "http://h:65536", "http://h:x",
        "http://h:", "http://[::1", "http://[::1]x", "::1", "http://h?x=1", "http://h#f", "http://a b",
        "http://h\r\nX: y", "http://h|x", "http://h:-1", "http://h:+1"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().kind, ErrorKind::usage);
    EXPECT_THAT(url.error().hint, HasSubstr("http://127.0.0.1:8080"));
    EXPECT_EQ(url.error().message.find('\n'), std::string::npos);
  }
}

TEST(Url, UserInfoIsKeptApartAndNeverRepeated) {
  const auto url = parse_url("http://user:pa55@word@h:1/x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->user_info, "user:pa55@word");
  EXPECT_EQ(url->host, "h");
  for (const std::string_view text :
       {"http://user:pa55word@h:x", "ftp://user:pa55word@h", "http://user:pa55word@h?q"}) {
    const auto bad = parse_url(text);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().message.find("pa55word"), std::string::npos) << bad.error().message;
  }
}

TEST(Url, HostAndPortForSentences) {
  EXPECT_EQ(host_port("127.0.0.1", 80), "127.0.0.1:80");
  EXPECT_EQ(host_port("::1", 8080), "[::1]:8080");
}

TEST(Json, PathsThatAreNotThereReadAsNothing) {
  const auto document = JsonDocument::parse(R"({"a":{"b":[1,2.5,"x",true,null]},"n":5.0,"big":1e300,"neg":-3})");
  ASSERT_TRUE(document);
  const JsonRef root = document->root();
  EXPECT_EQ(root["a"]["b"].at(0).integer(), 1);
  EXPECT_EQ(root["a"]["b"].at(1).number(), 2.5);
  EXPECT_FALSE(root["a"]["b"].at(1).integer());
  EXPECT_EQ(root["a"]["b"].at(2).text(), "x");
  EXPECT_EQ(root["a"]["b"].at(3).boolean(), true);
  EXPECT_TRUE(root["a"]["b"].at(4).is_null());
  EXPECT_EQ(root["a"]["b"].size(), 5U);
  EXPECT_EQ(root["n"].integer(), 5);
  EXPECT_EQ(root["neg"].integer(), -3);
  EXPECT_FALSE(root["big"].integer());
  EXPECT_FALSE(root["x"]["y"].at(3)["z"].exists());
  EXPECT_FALSE(root["x"]["y"].text() || root["a"].text() || root["n"].text());
  EXPECT_FALSE(JsonRef().exists() || JsonRef().is_null());
}

TEST(Json, WhatIsNotJsonIsAnError) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += '[';
  for (const std::string& text : {std::string(), std::string("{"), std::string("{} x"), std::string("nul"), deep,
                                  std::string("\"\xff\""), std::string("{\"a\":1,}")}) {
    const auto document = JsonDocument::parse(text);
    ASSERT_FALSE(document) << text.substr(0, 20);
    EXPECT_THAT(document.error().message, HasSubstr("not JSON"));
  }
  EXPECT_TRUE(JsonDocument::parse(" {} \r\n"));
}

TEST(Json, QuotesWhatMustBeQuoted) {
  const std::string odd = std::string("a\"b\\c\nd\te\x01") + '\0' + "\x1f\xC3\xA4";
  const auto back = JsonDocument::parse(json_quote(odd));
  ASSERT_TRUE(back) << json_quote(odd);
  EXPECT_EQ(back->root().text(), odd);
}

}  // namespace
}  // namespace nw::wire
