#include "tests/support/sanitized.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/deterministic_context.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

// Two endpoints that both have more to send to each other than may be owed: neither may wait for the other to
// read first.

namespace asio = boost::asio;
using antiphon::rpc_errc;
using asio::awaitable;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

namespace {

/// What one side sends: so many of each, all at once.
struct load {
  load() {}
  std::size_t notifications = 0;
  std::size_t calls = 0;
  std::size_t sent = 1;      // bytes in each
  std::size_t answered = 1;  // bytes in an answer
  milliseconds patience{0};  // of a caller; zero is for ever
  std::string method = "text";
};

class side {
 public:
  side(antiphon::transport_ptr over, const antiphon::endpoint_options& options)
      : endpoint_(std::in_place, std::move(over), make_routes(), options) {}

  /// Sends it, and closes once all of it has ended here and there.
  awaitable<void> run(load what, side& other) {
    open_ = what.notifications + what.calls;
    auto running = endpoint_->run([&, this](antiphon::endpoint&) { return send(what, other); });
    const antiphon::ended how = co_await std::move(running);
    ended = true;
    fine = how.exit_code() == 0;
  }

  bool ended = false;
  bool fine = false;
  std::size_t heard = 0;     // notifications
  std::size_t answered = 0;  // calls of ours, as they should be
  std::size_t refused = 0;
  std::size_t given_up = 0;
  std::size_t wrong = 0;

  antiphon::endpoint_stats stats() const { return endpoint_->stats(); }

 private:
  antiphon::router make_routes() {
    antiphon::router routes;
    const auto text = [](std::size_t size, const std::string&) { return std::string(size, 'a'); };
    routes.on_request("text", text);
    routes.on_request("at once", text, {}, antiphon::route_options(antiphon::order::immediate));
    routes.on_request("later", [](std::size_t size, std::string) -> awaitable<std::string> {
      asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
      co_await timer.async_wait(asio::use_awaitable);
      co_return std::string(size, 'a');
    });
    routes.on_notification("note", [this](const std::string&) { ++heard; });
    return routes;
  }

  awaitable<void> send(load what, side& other) {
    const auto executor = co_await asio::this_coro::executor;
    const std::size_t most = std::max(what.notifications, what.calls);
    for (std::size_t n = 0; n < most; ++n) {
      if (n < what.notifications) asio::co_spawn(executor, tell(what), [](std::exception_ptr) {});
      if (n < what.calls) asio::co_spawn(executor, ask(what), [](std::exception_ptr) {});
    }
    while (open_ > 0 || other.open_ > 0) {
      asio::steady_timer timer(executor, 1ms);
      co_await timer.async_wait(asio::use_awaitable);
    }
  }
  awaitable<void> tell(const load& what) {
    auto telling = endpoint_->notify("note", std::string(what.sent, 'n'));
    co_await std::move(telling);
    --open_;
  }
  awaitable<void> ask(const load& what) {
    const antiphon::call_options options(what.patience);
    auto asking =
        endpoint_->try_call<std::string>(options, what.method, what.answered, std::string(what.sent, 'c'));
    const auto answer = co_await std::move(asking);
    --open_;
    if (answer.has_value()) {
      ++(answer->size() == what.answered ? answered : wrong);
    } else if (answer.error().code == rpc_errc::overloaded) {
      ++refused;
    } else {
      ++(answer.error().code == antiphon::errc::timed_out ? given_up : wrong);
    }
  }

  std::optional<antiphon::endpoint> endpoint_;
  std::size_t open_ = 0;
};

/// Both send the same; false when it stalls.
struct meeting {
  meeting(const antiphon::endpoint_options& options, std::size_t capacity, std::uint64_t seed = 0)
      : context(seed) {
    antiphon::memory_pipe_options pipe;
    pipe.capacity = capacity;
    auto ends = antiphon::make_memory_pipe(context.get_executor(), pipe);
    left.emplace(std::move(ends.first), options);
    right.emplace(std::move(ends.second), options);
  }
  bool play(const load& what) {
    const auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(context.get_executor(), left->run(what, *right), ignore);
    asio::co_spawn(context.get_executor(), right->run(what, *left), ignore);
    return context.run(1min) && left->ended && right->ended && left->fine && right->fine;
  }

  antiphon::testing::deterministic_context context;
  std::optional<side> left;
  std::optional<side> right;
};

antiphon::endpoint_options owing(std::size_t bytes) {
  antiphon::endpoint_options options;
  options.max_outgoing_bytes = bytes;
  return options;
}

}  // namespace

TEST_CASE("two that send each other more requests and notifications than may be owed both get through") {
  for (const std::size_t most : {300u, 1'000u, 10'000u, 100'000u}) {
    for (const std::size_t size : {1u, 300u, 5'000u}) {
      for (const std::size_t capacity : {64u, 1'000u, 64u * 1024u}) {
        CAPTURE(most);
        CAPTURE(size);
        CAPTURE(capacity);
        meeting two(owing(most), capacity);
        load what;
        what.notifications = what.calls = 3 * most / (size + 40) + 5;
        what.sent = size;
        REQUIRE(two.play(what));
        for (const auto* each : {&*two.left, &*two.right}) {
          CHECK(each->heard == what.notifications);
          CHECK(each->answered == what.calls);
        }
      }
    }
  }
}

TEST_CASE("two that owe each other more answers than may be owed both get through") {
  for (const char* method : {"text", "later"}) {
    for (const std::size_t most : {300u, 1'000u, 10'000u, 100'000u}) {
      for (const std::size_t size : {300u, 5'000u, 200'000u}) {
        CAPTURE(method);
        CAPTURE(most);
        CAPTURE(size);
        meeting two(owing(most), 1'000);
        load what;
        what.calls = 40 * most / size + 10;
        what.answered = size;
        what.method = method;
        REQUIRE(two.play(what));
        CHECK(two.left->answered == what.calls);
        CHECK(two.right->answered == what.calls);
      }
    }
  }
}

TEST_CASE("two that refuse each other's requests, more than may be owed, both get through") {
  for (const std::size_t most : {300u, 3'000u, 30'000u, 300'000u}) {
    for (const std::uint64_t seed : {0u, 1u, 2u}) {
      CAPTURE(most);
      CAPTURE(seed);
      if (support::sanitized && most > 30'000) {
        MESSAGE("left out under a sanitizer: 120,000 calls, which take minutes then");
        continue;
      }
      antiphon::endpoint_options options = owing(most);
      options.framing = antiphon::line_framing::make;
      options.overload = antiphon::overload::reject;
      options.max_in_flight = 1;
      options.max_queued = 0;
      meeting two(options, 1'000, seed);
      load what;
      what.calls = 10 * most / 50;
      what.method = "later";
      REQUIRE(two.play(what));
      CHECK(two.left->refused + two.left->answered == what.calls);
      CHECK(two.left->refused > what.calls / 2);
    }
  }
}

TEST_CASE("answers that nobody waits for any more don't make two wait for each other") {
  antiphon::endpoint_options options = owing(1'000);
  options.max_queued = 2;
  meeting two(options, 64);
  load what;
  what.calls = 200;
  what.answered = 500;
  what.method = "later";
  what.patience = 2ms;
  REQUIRE(two.play(what));
  CHECK(two.left->wrong == 0);
  CHECK(two.left->given_up > 0);
}

TEST_CASE("what is owed stays bounded while answers of the peer are expected") {
  // It asks for ever and never reads; we wait for its answer all the while.
  antiphon::testing::deterministic_context context;
  antiphon::memory_pipe_options pipe;
  pipe.capacity = 1'000;
  auto ends = antiphon::make_memory_pipe(context.get_executor(), pipe);
  antiphon::endpoint_options options = owing(10'000);
  options.framing = antiphon::line_framing::make;
  antiphon::endpoint endpoint(std::move(ends.first), antiphon::router(), options);
  const auto ignore = [](std::exception_ptr, auto...) {};
  asio::co_spawn(context.get_executor(), endpoint.run(), ignore);
  asio::co_spawn(context.get_executor(), endpoint.call<int>("never answered"), ignore);
  std::size_t sent = 0;
  const auto ask = [&]() -> awaitable<void> {
    const std::string text = R"({"jsonrpc":"2.0","id":1,"method":"unknown"})"
                             "\n";
    const std::string_view parts[] = {text};
    for (; sent < 1'000'000; ++sent) {
      auto sending = ends.second->send(parts);
      co_await std::move(sending);
    }
  };
  asio::co_spawn(context.get_executor(), ask(), ignore);
  context.run(1s);
  CHECK(sent < 100'000);
  CHECK(endpoint.stats().outgoing_bytes > 4 * 10'000);
  CHECK(endpoint.stats().outgoing_bytes < 4 * (10'000 + 64 * 1024) + 5'000);
}
