// The splitters: SSE and lines of JSON, split anywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/ndjson.h"
#include "wire/sse.h"

namespace nw::wire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> shown(const std::vector<SseEvent>& events) {
  std::vector<std::string> lines;
  for (const SseEvent& event : events) lines.push_back(event.type + "|" + event.data);
  return lines;
}

std::vector<std::string> sse(std::string_view bytes) {
  SseSplitter splitter;
  std::vector<SseEvent> events;
  EXPECT_TRUE(splitter.feed(bytes, events));
  splitter.finish(events);
  return shown(events);
}

TEST(Sse, EventsEndWithABlankLineWhateverTheLineEnd) {
  EXPECT_THAT(sse("data: a\n\ndata:b\n\n"), ElementsAre("|a", "|b"));
  EXPECT_THAT(sse("data: a\r\n\r\ndata:  b\r\n\r\n"), ElementsAre("|a", "| b"));
  EXPECT_THAT(sse("data: a\r\rdata: b\r\r"), ElementsAre("|a", "|b"));
}

TEST(Sse, SeveralDataLinesAreJoined) {
  EXPECT_THAT(sse("event: x\ndata: one\ndata: two\ndata:\n\n"), ElementsAre("x|one\ntwo\n"));
}

TEST(Sse, CommentsPingsIdsAndUnknownFieldsAreNoEvents) {
  EXPECT_THAT(sse(": ping\n\n:\n\nid: 7\nretry: 10\nfoo: bar\n\nevent: only-a-type\n\ndata: a\n\n"), ElementsAre("|a"));
}

TEST(Sse, AByteOrderMarkIsSkippedOnceOnly) {
  EXPECT_THAT(sse("\xEF\xBB\xBF"
                  "data: a\n\n\xEF\xBB\xBF"
                  "data: b\n\ndata: c\n\n"),
              ElementsAre("|a", "|c"));
}

TEST(Sse, TheOldErrorFieldOfLlamaServer) { EXPECT_THAT(sse("error: {\"x\":1}\n\n"), ElementsAre("error|{\"x\":1}")); }

TEST(Sse, ALastEventWithoutItsBlankLineIsTaken) {
  EXPECT_THAT(sse("data: a\n\ndata: b\n"), ElementsAre("|a", "|b"));
  EXPECT_THAT(sse("data: a\n\ndata: b"), ElementsAre("|a", "|b"));
  EXPECT_THAT(sse("data: a\n\n: bye"), ElementsAre("|a"));
}

TEST(Sse, EverySplitGivesTheSameEvents) {
  const std::string text =
      "\xEF\xBB\xBF: hi\r\nevent: t\r\ndata: one\rdata: two\n\r\n\rdata: {\"a\":\"\xC3\xA4\"}\n\ndata: [DONE]\n\n";
  const auto whole = sse(text);
  ASSERT_EQ(whole.size(), 3U);
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (std::size_t j = i; j <= text.size(); ++j) {
      SseSplitter splitter;
      std::vector<SseEvent> events;
      ASSERT_TRUE(splitter.feed(text.substr(0, i), events));
      ASSERT_TRUE(splitter.feed(text.substr(i, j - i), events));
      ASSERT_TRUE(splitter.feed(text.substr(j), events));
      splitter.finish(events);
      ASSERT_EQ(shown(events), whole) << "split at " << i << " and " << j;
    }
  }
}

TEST(Sse, AnEventBeyondTheBoundIsAnError) {
  for (const std::string_view piece : {"xxxxxxxxxx", "data: xxxx\n"}) {
    SseSplitter splitter(100);
    std::vector<SseEvent> events;
    Status status;
    int fed = 0;
    for (; status && fed < 1000; ++fed) status = splitter.feed(piece, events);
    ASSERT_FALSE(status) << piece;
    EXPECT_LT(fed, 40);
    EXPECT_THAT(status.error().message, HasSubstr("longer than 100 bytes"));
    EXPECT_TRUE(events.empty());
  }
}

TEST(Sse, ALongLineBelowTheBoundPasses) {
  const std::string data(3U << 20, 'x');
  EXPECT_THAT(sse("data: " + data + "\n\n"), ElementsAre("|" + data));
}

TEST(Ndjson, EverySplitGivesTheSameLines) {
  const std::string text = "{\"a\":1}\n\n\r\n{\"b\":2}\r\n{\"c\":3}";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    LineSplitter splitter;
    std::vector<std::string> lines;
    ASSERT_TRUE(splitter.feed(text.substr(0, i), lines));
    ASSERT_TRUE(splitter.feed(text.substr(i), lines));
    splitter.finish(lines);
    EXPECT_THAT(lines, ElementsAre("{\"a\":1}", "{\"b\":2}", "{\"c\":3}")) << i;
  }
}

TEST(Ndjson, ALineBeyondTheBoundIsAnError) {
  LineSplitter splitter(100);
  std::vector<std::string> lines;
  EXPECT_TRUE(splitter.feed(std::string(100, 'x'), lines));
  const Status status = splitter.feed("x", lines);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("longer than 100 bytes"));
}

}  // namespace
}  // namespace nw::wire
