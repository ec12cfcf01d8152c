// One test of the throughput round, against a live server.
//
// A pp test asks for a prompt of N tokens and one generated token; the clock runs from the request to that token. A tg
// test asks for N tokens behind a prompt as short as the dialect can make it. With a depth, an untimed request first
// puts `depth` tokens into the server's cache, and the timed one repeats them in front; the counters then tell whether
// they came from there.
//
// Where the warm-up ends is seen only afterwards, so the figures are looked at after every request: as soon as what
// lies behind the plateau's beginning is enough, the test is over. The first request is warm-up in any case: it pays
// for buffers and for code that runs for the first time.
//
// Texts of the engine end up in Request::error and from there in the store, so they are made printable; secrets are
// masked by the caller, who knows them.
#include "load/throughput.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/text.h"
#include "model/figures.h"
#include "stats/plateau.h"
#include "wire/answer.h"

namespace nw::load {
namespace {

using model::AnswerEvent;
using model::Question;
using model::Reason;

constexpr int kFailuresInARow = 3;
constexpr std::size_t kErrorBody = 16U << 10;

net::Request to_request(model::ApiRequest api) {
  return {std::move(api.method), std::move(api.target), std::move(api.headers), std::move(api.body)};
}

// Takes down one answer while it streams in.
class Recorder {
 public:
  // More chunks than `most_chunks` are an answer without an end.
  Recorder(std::unique_ptr<model::AnswerDecoder> decoder, std::size_t most_chunks)
      : decoder_(std::move(decoder)), most_chunks_(most_chunks) {}

  [[nodiscard]] net::StreamHandler handler() {
    net::StreamHandler handler;
    handler.on_head = [this](const net::Head& head, Moment) {
      status_ = head.status;
      return Status();
    };
    handler.on_bytes = [this](std::string_view bytes, Moment at) { return take(bytes, at); };
    return handler;
  }

  // The record, once the exchange is over.
  model::Request finish(net::StreamEnd end, Moment scheduled);
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  [[nodiscard]] const model::AnswerCounters& counters() const { return decoder_->counters(); }

 private:
  Status take(std::string_view bytes, Moment at);
  void take_events(const std::vector<AnswerEvent>& events, Moment at);
  [[nodiscard]] std::string failure(const net::StreamEnd& end) const;

  std::unique_ptr<model::AnswerDecoder> decoder_;
  std::size_t most_chunks_;
  model::Request request_;
  int status_ = 0;
  bool finished_ = false;
  bool interrupted_ = false;
  std::string engine_error_;
  std::string error_body_;
};

Status Recorder::take(std::string_view bytes, Moment at) {
  if (status_ != 200) {
    error_body_ += bytes.substr(0, kErrorBody - std::min(kErrorBody, error_body_.size()));
    return {};
  }
  NW_TRY(const auto events, decoder_->feed(bytes));
  take_events(events, at);
  if (request_.token_times.size() > most_chunks_) {
    return failed_error(fmt::format("the answer does not end: {} chunks so far", request_.token_times.size()));
  }
  return {};
}

void Recorder::take_events(const std::vector<AnswerEvent>& events, Moment at) {
  for (const AnswerEvent& event : events) {
    switch (event.kind) {
      case AnswerEvent::Kind::content:
      case AnswerEvent::Kind::reasoning:
        request_.token_times.push_back(at);
        break;
      case AnswerEvent::Kind::error:
        engine_error_ = printable(event.text);
        break;
      case AnswerEvent::Kind::finished:
        if (!finished_) request_.end = at;
        finished_ = true;
        break;
    }
  }
}

std::string Recorder::failure(const net::StreamEnd& end) const {
  if (!end.outcome) return end.outcome.error().message;
  if (status_ != 200) {
    const std::string said = wire::error_text(error_body_);
    return fmt::format("the server answered with status {}{}{}", status_, said.empty() ? "" : ": ", said);
  }
  if (!engine_error_.empty()) return fmt::format("the engine reports: {}", engine_error_);
  if (!finished_) return "the answer ended before the engine said that it was complete";
  if (request_.token_times.empty()) return "the answer holds no token";
  return {};
}

model::Request Recorder::finish(net::StreamEnd end, Moment scheduled) {
  if (end.outcome && status_ == 200) {
    auto last = decoder_->finish();
    if (last) {
      take_events(*last, end.end);
    } else {
      end.outcome = std::move(last).error();
    }
  }
  interrupted_ = !end.outcome && end.outcome.error().kind == ErrorKind::interrupted;
  request_.scheduled = scheduled;
  request_.sent = end.sent.value_or(end.end);
  request_.first_byte = end.first_byte;
  if (!request_.token_times.empty()) request_.first_token = request_.token_times.front();
  const model::AnswerCounters& counted = decoder_->counters();
  request_.prompt_tokens = counted.prompt_tokens;
  request_.cached_tokens = counted.cached_tokens;
  request_.generated_tokens = counted.generated_tokens;
  request_.engine_prompt_s = counted.prompt_s;
  request_.engine_generate_s = counted.generate_s;
  request_.error = failure(end);
  return std::move(request_);
}

// The state of one test.
class TestRun {
 public:
  TestRun(const net::Endpoint& endpoint, model::Dialect& dialect, const TestPlan& plan, const Clock& clock,
          int cancel_fd)
      : endpoint_(endpoint), dialect_(dialect), plan_(plan), clock_(clock), client_(clock) {
    options_.cancel_fd = cancel_fd;
    options_.idle = plan.idle_timeout;
    options_.total = Seconds(24 * kSecondsPerHour);
    outcome_.next_nonce = plan.first_nonce;
  }

  TestOutcome run(const std::function<void(const model::Request&)>& on_request);

 private:
  [[nodiscard]] Question question() const;
  model::Request ask(const Question& question);
  bool put_depth(const Question& question);
  void ask_once(const std::function<void(const model::Request&)>& on_request);
  [[nodiscard]] bool enough() const;
  struct WarmUp {
    std::size_t length = 1;  // requests to leave out
    std::size_t good = 0;    // requests without an error
    bool settled = false;    // the cut lies before the latest one possible: what follows it is a plateau
    double measured_s = 0;   // from sent to end, of the good requests after the cut
  };
  [[nodiscard]] WarmUp warm_up() const;
  void judge();
  void judge_streaming();
  void add_reason(Reason reason);

  const net::Endpoint& endpoint_;
  model::Dialect& dialect_;
  const TestPlan& plan_;
  const Clock& clock_;
  net::Client client_;
  net::Options options_;
  TestOutcome outcome_;
  int failures_ = 0;  // in a row
  bool interrupted_ = false;
};

Question TestRun::question() const {
  Question question;
  question.prompt_tokens = plan_.test.depth + std::max<std::int64_t>(1, plan_.test.prompt);
  question.generate = std::max<std::int64_t>(1, plan_.test.generate);
  question.nonce = outcome_.next_nonce;
  question.reuse_cache = plan_.test.depth > 0;
  return question;
}

model::Request TestRun::ask(const Question& question) {
  Recorder recorder(dialect_.decoder(), static_cast<std::size_t>(4 * question.generate + 64));
  const net::Request request = to_request(dialect_.ask(question));
  const Moment scheduled = clock_.now();
  model::Request record = recorder.finish(client_.stream(endpoint_, request, recorder.handler(), options_), scheduled);
  interrupted_ = interrupted_ || recorder.interrupted();
  if (record.error.empty()) dialect_.calibrate(question, recorder.counters());
  return record;
}

// Fills the server's cache with the prefix of the question. False: it failed, and that is recorded as a request.
bool TestRun::put_depth(const Question& question) {
  Question prefix = question;
  prefix.prompt_tokens = plan_.test.depth;
  prefix.generate = 1;
  model::Request record = ask(prefix);
  if (record.error.empty()) return true;
  record.error = fmt::format("filling the cache to the depth: {}", record.error);
  record.seq = static_cast<int>(outcome_.requests.size());
  outcome_.requests.push_back(std::move(record));
  return false;
}

void TestRun::ask_once(const std::function<void(const model::Request&)>& on_request) {
  const Question asked = question();
  ++outcome_.next_nonce;
  if (plan_.test.depth == 0 || put_depth(asked)) {
    model::Request record = ask(asked);
    record.seq = static_cast<int>(outcome_.requests.size());
    outcome_.requests.push_back(std::move(record));
  }
  const model::Request& last = outcome_.requests.back();
  failures_ = last.error.empty() ? 0 : failures_ + 1;
  if (on_request && !interrupted_) on_request(last);
}

// What the plateau detector says about the successful requests so far.
TestRun::WarmUp TestRun::warm_up() const {
  std::vector<double> figures;
  std::vector<double> seconds;
  for (const model::Request& request : outcome_.requests) {
    if (!request.error.empty()) continue;
    seconds.push_back(request.end ? to_seconds(*request.end - request.sent) : 0);
    // As seconds a token: a warm-up is slow, and in times it stands out more than in rates. A missing figure must not
    // shift the others; the trial will say what is missing.
    const auto rate = model::tokens_per_second(request, plan_.test);
    figures.push_back(rate ? 1 / *rate : 0);
  }
  const std::size_t n = figures.size();
  const std::size_t cut = stats::warmup_length(figures);
  const std::size_t limit = std::min(n / 2, n > stats::kPlateauMin ? n - stats::kPlateauMin : 0);
  WarmUp warm{std::max<std::size_t>(1, cut), n, cut < limit};
  for (std::size_t i = warm.length; i < n; ++i) warm.measured_s += seconds[i];
  return warm;
}

bool TestRun::enough() const {
  const WarmUp warm = warm_up();
  const std::size_t asked = outcome_.requests.size();
  const bool long_enough = warm.measured_s >= plan_.min_measured.value() || asked >= kMostRequests || failures_ > 0;
  if (!long_enough) return false;
  if (asked >= static_cast<std::size_t>(std::max(plan_.max_requests, plan_.min_requests + 1))) return true;
  return warm.settled && warm.good >= warm.length + static_cast<std::size_t>(plan_.min_requests);
}

TestOutcome TestRun::run(const std::function<void(const model::Request&)>& on_request) {
  const Moment begin = clock_.now();
  while (!interrupted_ && failures_ < kFailuresInARow && !enough()) {
    const bool tried = outcome_.requests.size() > static_cast<std::size_t>(plan_.min_requests);
    if (tried && to_seconds(clock_.now() - begin) > plan_.budget.value()) break;
    ask_once(on_request);
  }
  judge();
  return std::move(outcome_);
}

void TestRun::add_reason(Reason reason) {
  auto& reasons = outcome_.reasons;
  if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) reasons.push_back(reason);
}

// Marks the warm-up and collects what makes the trial invalid. What is wrong with a warm-up request alone does not.
void TestRun::judge() {
  std::size_t left = warm_up().length;
  int counted = 0;
  for (model::Request& request : outcome_.requests) {
    if (request.error.empty() && left > 0) {
      request.warmup = true;
      --left;
      continue;
    }
    for (const Reason reason : model::reasons_of(request, plan_.test, dialect_.exact_lengths())) add_reason(reason);
    counted += request.error.empty() ? 1 : 0;
  }
  if (interrupted_) {
    std::erase(outcome_.reasons, Reason::request_failed);
    add_reason(Reason::interrupted);
  } else if (counted < plan_.min_requests) {
    add_reason(Reason::too_few_samples);
  } else {
    judge_streaming();
  }
}

// Times between tokens say something only if the tokens came one by one: a proxy that gathers, or a client that was
// kept waiting for a CPU, sees them in bursts. The engine's own clock over the same requests shows it.
void TestRun::judge_streaming() {
  double seconds = 0;
  double engine_seconds = 0;
  for (const model::Request& request : outcome_.requests) {
    const auto span = model::token_span(request, plan_.test);
    if (request.warmup || !span) continue;
    seconds += span->seconds;
    const auto engine = plan_.test.prompt > 0 ? request.engine_prompt_s : request.engine_generate_s;
    engine_seconds += engine.value_or(0);
  }
  if (seconds <= 0) return add_reason(Reason::too_few_samples);
  constexpr double kBurst = 0.5;
  if (plan_.test.generate > 0 && seconds < kBurst * engine_seconds) add_reason(Reason::not_streamed);
}

}  // namespace

Status introduce(const net::Endpoint& endpoint, model::Dialect& dialect, const Clock& clock, int cancel_fd) {
  net::Client client(clock);
  net::Options options;
  options.cancel_fd = cancel_fd;
  options.idle = Seconds(60);
  std::size_t index = 0;
  for (model::ApiRequest& api : dialect.introductions()) {
    NW_TRY(const net::Response response, client.fetch(endpoint, to_request(std::move(api)), options));
    NW_CHECK(dialect.learn(index, response.head.status, response.body));
    ++index;
  }
  return {};
}

Result<TestOutcome> run_test(const net::Endpoint& endpoint, model::Dialect& dialect, const TestPlan& plan,
                             const Clock& clock, int cancel_fd,
                             const std::function<void(const model::Request&)>& on_request) {
  const std::string name = model::to_string(plan.test);
  if (plan.test.concurrency != 1) {
    return usage_error(fmt::format("{} with {} clients at once is not in this version", name, plan.test.concurrency),
                       "set concurrency = [1] in [workload]");
  }
  if ((plan.test.prompt > 0) == (plan.test.generate > 0) || plan.test.prompt < 0 || plan.test.generate < 0 ||
      plan.test.depth < 0) {
    return usage_error("a test either reads a prompt or generates tokens", "check prompt and generate in [workload]");
  }
  if (plan.test.generate == 1) {
    return usage_error("tg1 has no time between two tokens", "use generate = [16] or more in [workload]");
  }
  if (plan.min_requests < 1) return usage_error("a test needs at least one request");
  TestRun run(endpoint, dialect, plan, clock, cancel_fd);
  return run.run(on_request);
}

}  // namespace nw::load
