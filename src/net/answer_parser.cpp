// Beast's basic_parser is used without its streams: it is given bytes and calls back with the head and with pieces of
// the body, whatever their framing. So the moment of a read is known before its bytes are looked at, and no byte of a
// body is copied.
//
// Bounds. The head may have 64 KiB. What the parser leaves unread (half a head, half a chunk header) is kept until the
// next bytes come, and bounded too: Beast has no limit of its own for the extensions of a chunk header. Informational
// answers (1xx) come before the real one and are skipped, a few of them.
// Beast 1.81 asserts that at least five bytes stand behind a final chunk's beginning, which holds only if another chunk
// came before: an answer without any ("0\r\n" now, "\r\n" later) would end the program. Without the assertions it is
// read correctly; tests/fuzz/http.cpp looks for what else that might do.
#define BOOST_DISABLE_ASSERTS
#include "answer_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>
#include <string>

#include "base/text.h"

namespace nw::net {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;
using View = boost::beast::string_view;

constexpr std::uint32_t kMaxHead = 64U << 10;
constexpr std::size_t kMaxPending = 80U << 10;
constexpr int kMaxInformational = 8;

std::string_view to_view(View text) { return {text.data(), text.size()}; }

// Calls a sink from inside the parser: its error is kept, and a code that means nothing else stops the parser.
class Parser final : public http::basic_parser<false> {
 public:
  Parser(const AnswerParser::Sink& sink, bool no_body) : sink_(sink) {
    header_limit(kMaxHead);
    body_limit(boost::none);
    eager(true);
    skip(no_body);
  }
  [[nodiscard]] int status() const { return head_.status; }
  [[nodiscard]] std::optional<Error>& sink_error() { return sink_error_; }

 private:
  void on_request_impl(http::verb, View, View, int, ErrorCode&) override {}
  void on_response_impl(int code, View, int, ErrorCode&) override { head_.status = code; }
  void on_field_impl(http::field, View name, View value, ErrorCode&) override {
    head_.headers.emplace_back(to_view(name), to_view(value));
  }
  void on_header_impl(ErrorCode& code) override {
    if (head_.status / 100 != 1) report(sink_.on_head(head_), code);
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(View body, ErrorCode& code) override {
    report(sink_.on_body(to_view(body)), code);
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, ErrorCode& code) override {
    return on_body_impl(body, code);
  }
  void on_finish_impl(ErrorCode&) override {}

  void report(Status status, ErrorCode& code) {
    if (status) return;
    sink_error_ = std::move(status).error();
    code = boost::system::errc::make_error_code(boost::system::errc::operation_canceled);
  }

  const AnswerParser::Sink& sink_;
  Head head_;
  std::optional<Error> sink_error_;
};

}  // namespace

struct AnswerParser::Impl {
  Impl(bool no_body_, Sink sink_) : no_body(no_body_), sink(std::move(sink_)) { renew(); }
  void renew() { parser.emplace(sink, no_body); }
  Status put(std::string_view& bytes);
  Status explain(const ErrorCode& code);

  bool no_body;
  Sink sink;
  std::optional<Parser> parser;
  std::string pending;
  int informational = 0;
};

Status AnswerParser::Impl::explain(const ErrorCode& code) {
  if (parser->sink_error()) return std::move(*parser->sink_error());
  if (code == http::error::header_limit) {
    return failed_error(fmt::format("answered with a head of more than {} bytes", kMaxHead),
                        "check that the address belongs to an inference server");
  }
  return failed_error(fmt::format("answered with something that is not HTTP/1.1: {}", code.message()),
                      "check that the address belongs to an inference server and not to another service");
}

// Takes from the front of `bytes` what can be read now.
Status AnswerParser::Impl::put(std::string_view& bytes) {
  while (!bytes.empty() && !(parser->is_done() && parser->status() / 100 != 1)) {
    ErrorCode code;
    const std::size_t used = parser->put(boost::asio::const_buffer(bytes.data(), bytes.size()), code);
    bytes.remove_prefix(used);
    if (code == http::error::need_more) return {};
    if (code) return explain(code);
    if (parser->is_done() && parser->status() / 100 == 1) {
      if (++informational > kMaxInformational) return failed_error("sends informational answers without an end");
      renew();
    } else if (used == 0) {
      return {};
    }
  }
  return {};
}

AnswerParser::AnswerParser(bool no_body, Sink sink) : impl_(std::make_unique<Impl>(no_body, std::move(sink))) {}
AnswerParser::~AnswerParser() = default;

Status AnswerParser::feed(std::string_view bytes) {
  Impl& impl = *impl_;
  if (done()) return {};  // bytes behind the end belong to nobody
  if (impl.pending.empty()) {
    NW_CHECK(impl.put(bytes));
    if (!done()) impl.pending = bytes;
  } else {
    impl.pending += bytes;
    std::string_view rest = impl.pending;
    NW_CHECK(impl.put(rest));
    impl.pending.erase(0, impl.pending.size() - rest.size());
  }
  if (impl.pending.size() > kMaxPending) {
    return failed_error(fmt::format("sends a chunk header of more than {} bytes", kMaxPending));
  }
  return {};
}

Status AnswerParser::finish() {
  if (done()) return {};
  if (!impl_->parser->got_some()) {
    return failed_error("closed the connection without an answer", "look at the server's log");
  }
  ErrorCode code;
  if (impl_->parser->is_header_done()) impl_->parser->put_eof(code);
  if (!code && done()) return {};
  return failed_error("closed the connection in the middle of its answer", "look at the server's log");
}

bool AnswerParser::done() const { return impl_->parser->is_done() && impl_->parser->status() / 100 != 1; }
bool AnswerParser::has_head() const { return impl_->parser->is_header_done() && impl_->parser->status() / 100 != 1; }

}  // namespace nw::net
