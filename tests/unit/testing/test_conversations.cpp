#include "tests/support/counted.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/chaos_transport.hpp>
#include <antiphon/testing/deterministic_context.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Two endpoints that call each other, from the first message to the last, over a connection that does
// whatever a connection may do, in any order of handlers: what must hold however it goes.

namespace asio = boost::asio;
using antiphon::end_reason;
using antiphon::errc;
using antiphon::rpc_errc;
using antiphon::testing::chaos_options;
using antiphon::testing::deterministic_context;
using antiphon::testing::dice;
using antiphon::testing::seeds;
using asio::awaitable;
using std::chrono::milliseconds;
using support::counted;
using support::pause_for;
using namespace std::chrono_literals;

namespace {

constexpr unsigned most_workers = 3;

/// What one side did and saw. `wrong` is the first thing that must not be.
struct side {
  std::string name;
  std::string wrong;
  bool over = false;  // `run` has returned, or the endpoint was destroyed
  std::optional<antiphon::ended> how;
  std::map<std::string, int, std::less<>> answers;  // by the id of each request that came in
  std::array<int, most_workers> notes_sent{};       // by the worker of this side
  std::array<int, most_workers> notes_heard{};      // by the worker of the other side
  int handlers = 0;                                 // that run now
  int workers = 0;
  int failed_calls = 0;

  void fail(std::string what) {
    if (wrong.empty()) wrong = name + ": " + std::move(what);
  }
  std::size_t unanswered() const {
    std::size_t count = 0;
    for (const auto& [id, times] : answers) count += times == 0 ? 1 : 0;
    return count;
  }
};

/// Keeps the books of one side.
class bookkeeper final : public antiphon::middleware {
 public:
  explicit bookkeeper(side& of) : side_(of) {}
  unsigned hooks() const noexcept override { return on_received | on_sent | on_handler_starts; }
  void received(const antiphon::message_event& event) override {
    if (side_.over) side_.fail("received after the end");
    if (event.kind() == antiphon::message_kind::invalid) side_.fail("what came in is no message");
    if (event.kind() != antiphon::message_kind::request) return;
    if (!side_.answers.emplace(event.id(), 0).second) side_.fail("an id came twice");
  }
  void sent(const antiphon::message_event& event) override {
    if (side_.over) side_.fail("sent after the end");
    if (event.kind() != antiphon::message_kind::response &&
        event.kind() != antiphon::message_kind::error_response)
      return;
    const auto found = side_.answers.find(event.id());
    if (found == side_.answers.end()) return side_.fail("answered what wasn't asked");
    if (++found->second > 1) side_.fail("answered twice");
  }
  void handler_starts(const antiphon::handler_event&) override {
    if (side_.over) side_.fail("a handler started after the end");
  }

 private:
  side& side_;
};

antiphon::router make_routes(side& mine) {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_request("fail", [](int code) -> int { throw antiphon::rpc_error(code, "as asked"); });
  routes.on_request("throw", []() -> int { throw std::runtime_error("inside"); });
  routes.on_request("repeat", [](std::string text) { return text; });
  routes.on_request("slow", [&mine](int ms) -> awaitable<int> {
    const counted here(mine.handlers);
    auto sleeping = pause_for(milliseconds(ms));
    co_await std::move(sleeping);
    co_return ms;
  });
  routes.on_request("back", [&mine](antiphon::call_context& call, int n) -> awaitable<int> {
    const counted here(mine.handlers);
    auto calling = call.peer().call<int>("add", n, 1);
    const int answer = co_await std::move(calling);
    co_return answer;
  });
  routes.on_notification("note", [&mine](unsigned worker, int number) -> awaitable<void> {
    const counted here(mine.handlers);
    if (number != mine.notes_heard.at(worker) + 1) mine.fail("a notification came out of turn");
    mine.notes_heard.at(worker) = number;
    if (number % 3 == 0) {
      auto sleeping = pause_for(1ms);
      co_await std::move(sleeping);
    }
  });
  return routes;
}

/// One of several who call on the other side at the same time.
class worker {
 public:
  worker(antiphon::peer to, side& mine, unsigned number, std::uint64_t seed)
      : to_(std::move(to)), mine_(mine), number_(number), dice_(seed) {}

  awaitable<void> work() {
    const counted here(mine_.workers);
    const auto actions = 1 + dice_.below(4);
    for (auto left = actions; left > 0; --left) {
      auto acting = act();
      const bool go_on = co_await std::move(acting);
      if (!go_on) co_return;
    }
  }

 private:
  /// What a call may end with where the method alone wouldn't.
  bool expected(const antiphon::call_failure& failure) {
    ++mine_.failed_calls;
    const auto& code = failure.code;
    return code == errc::closed || code == errc::end_of_input || code == errc::connection_lost ||
           code == errc::cancelled || code == rpc_errc::overloaded || code == rpc_errc::request_cancelled ||
           code == errc::timed_out || code == asio::error::broken_pipe ||
           code == asio::error::connection_reset;
  }
  template <class R>
  void check(const antiphon::call_result<R>& result, const R& wanted, const char* what) {
    if (result.has_value()) {
      if (*result != wanted) mine_.fail(std::string("a wrong answer to ") + what);
    } else if (!expected(result.error())) {
      mine_.fail(std::string(what) + " failed: " + result.error().message);
    }
  }
  void check_error(const antiphon::call_result<int>& result, int code, const char* what) {
    if (result.has_value()) return mine_.fail(std::string("an answer to ") + what);
    if (result.error().code.value() == code) return;
    if (!expected(result.error()))
      mine_.fail(std::string("a wrong error of ") + what + ": " + result.error().message);
  }

  awaitable<bool> act() {
    const int n = static_cast<int>(dice_.below(1000));
    switch (dice_.below(11)) {
      case 0: {
        auto calling = to_.try_call<int>("add", n, 5);
        check(co_await std::move(calling), n + 5, "add");
        break;
      }
      case 1: {
        auto calling = to_.try_call<int>("slow", n % 10);
        check(co_await std::move(calling), n % 10, "slow");
        break;
      }
      case 2: {
        auto calling = to_.try_call<int>("back", n);
        const auto result = co_await std::move(calling);
        // The other side's own call may have failed, which it doesn't tell.
        if (result.has_value() || result.error().code != rpc_errc::internal_error)
          check(result, n + 1, "back");
        break;
      }
      case 3: {
        auto calling = to_.try_call<int>("fail", -n - 1);
        check_error(co_await std::move(calling), -n - 1, "fail");
        break;
      }
      case 4: {
        auto calling = to_.try_call<int>(n % 2 == 0 ? "throw" : "unknown");
        const auto code = n % 2 == 0 ? rpc_errc::internal_error : rpc_errc::method_not_found;
        check_error(co_await std::move(calling), static_cast<int>(code), "throw");
        break;
      }
      case 5: {
        const antiphon::call_options limit(milliseconds(1 + n % 5));
        auto calling = to_.try_call<int>(limit, "slow", n % 10);
        check(co_await std::move(calling), n % 10, "slow with a limit");
        break;
      }
      case 6: {
        auto cancelling = call_and_cancel(n);
        co_await std::move(cancelling);
        break;
      }
      case 7: {
        auto sending = send_batch(n);
        co_await std::move(sending);
        break;
      }
      case 8: {
        const std::string text(static_cast<std::size_t>(n) * (dice_.once_in(20) ? 200 : 5), 'x');
        auto calling = to_.try_call<std::string>("repeat", text);
        check(co_await std::move(calling), text, "repeat");
        break;
      }
      default: {
        auto noting = note();
        const bool noted = co_await std::move(noting);
        co_return noted;
      }
    }
    co_return true;
  }

  awaitable<bool> note() {
    auto telling = to_.notify("note", number_, mine_.notes_sent.at(number_) + 1);
    try {
      ++mine_.notes_sent.at(number_);
      co_await std::move(telling);
    } catch (const boost::system::system_error&) {
      ++mine_.failed_calls;
      co_return false;  // whether it was sent isn't known, so there must be none after it
    }
    co_return true;
  }

  awaitable<void> call_and_cancel(int n) {
    auto stop = std::make_shared<asio::cancellation_signal>();
    const auto executor = co_await asio::this_coro::executor;
    auto calling = call_slow(to_, n % 10);
    asio::co_spawn(executor, std::move(calling),
                   asio::bind_cancellation_slot(stop->slot(), [stop](std::exception_ptr) {}));
    auto sleeping = pause_for(milliseconds(n % 7));
    co_await std::move(sleeping);
    stop->emit(asio::cancellation_type::terminal);
  }
  static awaitable<void> call_slow(antiphon::peer to, int ms) {
    auto calling = to.try_call<int>("slow", ms);
    const auto ignored = co_await std::move(calling);
    static_cast<void>(ignored);
  }

  awaitable<void> send_batch(int n) {
    try {
      auto batch = to_.new_batch();
      auto sum = batch.call<int>("add", n, 1);
      auto slow = batch.call<int>("slow", n % 5);
      auto back = batch.call<int>("back", n);
      if (n % 2 == 0) batch.notify("note", number_, ++mine_.notes_sent.at(number_));
      auto sending = batch.send();
      co_await std::move(sending);
      const int first = co_await std::move(sum);
      const int second = co_await std::move(slow);
      if (first != n + 1 || second != n % 5) mine_.fail("a wrong answer in a batch");
      const int third = co_await std::move(back);
      if (third != n + 1) mine_.fail("a wrong answer to back in a batch");
    } catch (const std::exception&) {
      ++mine_.failed_calls;
    }
  }

  antiphon::peer to_;
  side& mine_;
  unsigned number_;
  dice dice_;
};

/// How the connection ends.
enum class ending : std::uint8_t { when_done, left_closes, right_closes, breaks, destroyed, cancelled };

class conversation {
 public:
  explicit conversation(std::uint64_t seed) : dice_(seed), context_(seed) {
    left_.name = "left";
    right_.name = "right";
    ending_ = static_cast<ending>(dice_.below(6));
    chaos_options chaos;
    chaos.most_turns = static_cast<unsigned>(dice_.below(4));
    chaos.cut_once_in = static_cast<unsigned>(dice_.below(6));
    chaos.largest_piece = std::size_t{1} << (4 + dice_.below(10));
    if (ending_ == ending::breaks) chaos.break_once_in = 5 + static_cast<unsigned>(dice_.below(60));
    antiphon::memory_pipe_options pipe;
    pipe.capacity = std::size_t{256} << dice_.below(10);
    auto ends = antiphon::make_memory_pipe(context_.get_executor(), pipe);
    const auto framing = draw_framing();
    left_end_.emplace(antiphon::testing::make_chaos_transport(std::move(ends.first), 2 * seed, chaos),
                      make_routes(left_), draw_options(left_, framing));
    right_end_.emplace(antiphon::testing::make_chaos_transport(std::move(ends.second), 2 * seed + 1, chaos),
                       make_routes(right_), draw_options(right_, framing));
  }

  /// What went wrong; empty when nothing did.
  std::string play() {
    begin(right_, *right_end_, [](antiphon::endpoint& right) { return right.run(); });
    const auto body = [this](antiphon::endpoint& left) { return work(left_, left, true); };
    if (ending_ == ending::when_done) {
      begin(left_, *left_end_, [&](antiphon::endpoint& left) { return left.run(body); });
    } else {
      begin(left_, *left_end_, [](antiphon::endpoint& left) { return left.run(); });
      start(work(left_, *left_end_, false));
      start(end_it());
    }
    start(work(right_, *right_end_, false));
    if (!context_.run(10min))
      return "it stalls: " + state_of(left_, left_end_) + state_of(right_, right_end_);
    check();
    return left_.wrong.empty() ? right_.wrong : left_.wrong;
  }
  std::uint64_t handlers_run() const { return context_.handlers_run(); }
  const side& left() const { return left_; }
  const side& right() const { return right_; }

 private:
  std::unique_ptr<antiphon::framing> (*draw_framing())(const antiphon::limits&) {
    switch (dice_.below(3)) {
      case 0: return antiphon::content_length_framing::make;
      case 1: return antiphon::line_framing::make;
      default: return antiphon::sequence_framing::make;
    }
  }

  template <class Framing>
  antiphon::endpoint_options draw_options(side& of, Framing framing) {
    antiphon::endpoint_options options;
    options.framing = framing;
    options.max_in_flight = 1 + dice_.below(4);
    options.max_queued = dice_.below(6);
    options.overload = dice_.once_in(3) ? antiphon::overload::reject : antiphon::overload::wait;
    options.at_close = dice_.once_in(2) ? antiphon::at_close::run_queued : antiphon::at_close::refuse_queued;
    if (dice_.once_in(3))
      options.max_outgoing_bytes = (std::size_t{200} << dice_.below(13)) + dice_.below(500);
    if (dice_.once_in(4)) options.close_timeout = milliseconds(dice_.below(20));
    options.middleware.push_back(std::make_shared<bookkeeper>(of));
    return options;
  }

  void start(awaitable<void> what) {
    asio::co_spawn(context_.get_executor(), std::move(what), [this](std::exception_ptr e) {
      if (e) failed(e);
    });
  }
  void failed(std::exception_ptr what) {
    try {
      std::rethrow_exception(what);
    } catch (const std::exception& e) {
      left_.fail(std::string("an exception: ") + e.what());
    }
  }

  template <class Run>
  void begin(side& of, antiphon::endpoint& endpoint, Run run) {
    start(watch(of, run(endpoint)));
  }
  static awaitable<void> watch(side& of, awaitable<antiphon::ended> running) {
    try {
      of.how = co_await std::move(running);
    } catch (const boost::system::system_error&) {  // it was cancelled
    }
    of.over = true;
  }

  awaitable<void> work(side& mine, antiphon::peer other, bool wait) {
    const auto count = 1 + dice_.below(most_workers);
    const auto executor = co_await asio::this_coro::executor;
    for (unsigned number = 0; number < count; ++number) {
      auto one = std::make_shared<worker>(other, mine, number, dice_.below(1'000'000'000));
      auto working = one->work();
      asio::co_spawn(executor, std::move(working), [this, one](std::exception_ptr e) {
        if (e) failed(e);
      });
    }
    if (!wait) co_return;
    // Those that were spawned begin later than this.
    auto sleeping = pause_for(1ms);
    co_await std::move(sleeping);
    while (mine.workers > 0) {
      sleeping = pause_for(1ms);
      co_await std::move(sleeping);
    }
  }

  awaitable<void> end_it() {
    auto sleeping = pause_for(milliseconds(dice_.below(40)));
    co_await std::move(sleeping);
    switch (ending_) {
      case ending::breaks:
      case ending::left_closes: left_end_->close(); break;
      case ending::right_closes: right_end_->close(milliseconds(dice_.below(30))); break;
      case ending::destroyed: left_end_.reset(); break;
      case ending::cancelled: left_end_->close(0ms); break;
      case ending::when_done: break;
    }
  }

  static std::string state_of(const side& of, const std::optional<antiphon::endpoint>& endpoint) {
    std::string state = of.name + " " + of.wrong + (of.over ? " is over, " : ", ") +
                        std::to_string(of.workers) + " workers, " + std::to_string(of.handlers) + " handlers";
    if (!endpoint) return state + "; ";
    const auto stats = endpoint->stats();
    return state + ", " + std::to_string(stats.in_flight) + " in flight, " + std::to_string(stats.queued) +
           " queued, " + std::to_string(stats.pending_calls) + " calls pending, " +
           std::to_string(stats.outgoing_bytes) + " bytes to send, " +
           std::to_string(stats.requests_received) + " requests received; ";
  }

  void check() {
    check_side(left_, left_end_);
    check_side(right_, right_end_);
    // Whoever closes while the other one listens has answered all that came.
    const bool left_closes =
        ending_ == ending::when_done || ending_ == ending::left_closes || ending_ == ending::cancelled;
    if (left_closes || ending_ == ending::right_closes) {
      side& closer = left_closes ? left_ : right_;
      if (closer.how->reason != end_reason::closed_here) closer.fail("it ended otherwise");
      if (closer.unanswered() > 0) closer.fail("a request was never answered");
    }
    // All that it said has been heard, unless the other one found nobody there when it spoke itself.
    if (ending_ != ending::when_done || right_.how->reason != end_reason::end_of_input) return;
    if (left_.notes_sent != right_.notes_heard) left_.fail("a notification is lost");
  }

  static void check_side(side& mine, const std::optional<antiphon::endpoint>& endpoint) {
    if (!mine.over) mine.fail("run didn't return");
    if (mine.handlers != 0) mine.fail("a handler is still there");
    if (mine.workers != 0) mine.fail("a call hasn't ended");
    if (!endpoint) return;
    const auto stats = endpoint->stats();
    if (stats.pending_calls != 0 || stats.in_flight != 0 || stats.queued != 0) mine.fail("something is left");
  }

  dice dice_;
  ending ending_;
  side left_;
  side right_;
  deterministic_context context_;
  std::optional<antiphon::endpoint> left_end_;
  std::optional<antiphon::endpoint> right_end_;
};

}  // namespace

TEST_CASE("a conversation is right in any order, over any connection, however it ends") {
  const seeds played(10'000);
  unsigned bad = 0;
  std::uint64_t handlers = 0;
  std::size_t requests = 0;
  std::size_t failed = 0;
  for (const std::uint64_t seed : played) {
    conversation one(seed);
    const std::string wrong = one.play();
    handlers += one.handlers_run();
    for (const side* each : {&one.left(), &one.right()}) {
      requests += each->answers.size();
      failed += static_cast<std::size_t>(each->failed_calls);
    }
    if (wrong.empty()) continue;
    if (++bad <= 5) CHECK_MESSAGE(false, "ANTIPHON_SEED=", seed, ": ", wrong);
  }
  MESSAGE(played.count(), " conversations, ", requests, " requests, ", failed, " calls that failed, ",
          handlers, " handlers in any order; ", bad, " bad");
  CHECK(bad == 0);
}

TEST_CASE("a conversation with the same seed is the same conversation") {
  const auto play = [](std::uint64_t seed) {
    conversation one(seed);
    one.play();
    return std::pair(one.handlers_run(), one.right().answers);
  };
  for (std::uint64_t seed = 1; seed <= 100; ++seed) CHECK(play(seed) == play(seed));
}
