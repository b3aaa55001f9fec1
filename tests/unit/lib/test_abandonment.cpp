#include "tests/support/counted.hpp"
#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <memory>
#include <string>

// Everything goes away at any moment. Under the address sanitizer these also show that nothing leaks.

using antiphon::errc;
using antiphon::error_code;
using support::awaitable;
using support::counted;
using namespace std::chrono_literals;

namespace {

awaitable<void> wait_for_ever() {
  support::asio::steady_timer timer(co_await support::asio::this_coro::executor);
  timer.expires_at(std::chrono::steady_clock::time_point::max());
  co_await timer.async_wait(support::asio::use_awaitable);
}

antiphon::router routes_counting(int& alive) {
  antiphon::router routes;
  routes.on_request("wait", [&alive](std::string text) -> awaitable<std::string> {
    const counted here(alive);
    auto waiting = wait_for_ever();
    co_await std::move(waiting);
    co_return text;
  });
  routes.on_request("ask", [&alive](antiphon::call_context& call, std::string) -> awaitable<int> {
    const counted here(alive);
    auto calling = call.call<int>("inner");
    const int result = co_await std::move(calling);
    co_return result;
  });
  // Lets the next one start beside it, so that its record is left without work.
  routes.on_notification("soon", [&alive](antiphon::call_context& call) -> awaitable<void> {
    const counted here(alive);
    call.release_order();
    const auto executor = co_await support::asio::this_coro::executor;
    auto going_on = support::asio::post(executor, support::asio::use_awaitable);
    co_await std::move(going_on);
  });
  routes.on_notification("note", [&alive](antiphon::call_context& call) -> awaitable<void> {
    const counted here(alive);
    auto sending = call.notify("large", std::string(1'000'000, 'n'));
    co_await std::move(sending);
  });
  return routes;
}

/// A connection with work of every kind, driven a number of steps.
struct scene {
  /// @param frames_own whether the coroutines own the endpoint, as a program's main coroutine does
  scene(int& count, bool frames_own) : alive(count), owned(frames_own) {
    auto ends = antiphon::make_memory_pipe(context->get_executor());
    peer = std::make_shared<support::wire>(std::move(ends.first));
    antiphon::endpoint_options options;
    options.max_in_flight = 3;
    options.call_timeout = 1h;
    endpoint = std::make_shared<antiphon::endpoint>(std::move(ends.second), routes_counting(count),
                                                    support::in_lines(options));
    spawn(run(share()));
    spawn(talk(peer));
    for (int i = 0; i < 3; ++i) spawn(call(share()));
    spawn(batch(share()));
  }
  void spawn(awaitable<void> what) {
    support::asio::co_spawn(*context, std::move(what), support::asio::detached);
  }
  std::shared_ptr<antiphon::endpoint> share() const { return owned ? endpoint : nullptr; }
  /// False when there was nothing left to do.
  bool step() {
    context->restart();
    return context->poll_one() > 0;
  }

  /// That the steps have led to where they should: calls, handlers, a queue and a writer that wait.
  void check_everything_waits() const {
    const auto stats = endpoint->stats();
    CHECK(stats.requests_received == 6);
    CHECK(stats.in_flight == 3);
    CHECK(stats.pending_calls == 7);  // three calls, a batch of two, two handlers that ask; the third waits
    CHECK(stats.outgoing_bytes > 500'000);
  }

  awaitable<void> run(std::shared_ptr<antiphon::endpoint>) {
    if (!endpoint) co_return;
    const counted here(alive);
    auto running = endpoint->run();
    co_await std::move(running);
  }
  awaitable<void> talk(std::shared_ptr<support::wire> mine) {
    const counted here(alive);
    std::string all;
    for (int id = 1; id <= 6; ++id)
      all += R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" +
             (id % 2 == 0 ? "ask" : "wait") + R"(","params":["text"]})" + "\n";
    all += R"({"jsonrpc":"2.0","method":"soon"})"
           "\n";
    all += R"({"jsonrpc":"2.0","method":"note"})";
    co_await mine->say(all);
    // A message without its end, so that the decoder holds a part.
    auto sending = support::send(mine->transport(), R"([{"jsonrpc":"2.0","id":99,)");
    co_await std::move(sending);
    for (int i = 0; i < 4; ++i) co_await mine->hear();
    co_await wait_for_ever();
  }
  awaitable<void> call(std::shared_ptr<antiphon::endpoint>) {
    if (!endpoint) co_return;
    const counted here(alive);
    auto calling = support::error_of(endpoint->call<int>("outgoing", 1));
    co_await std::move(calling);
  }
  awaitable<void> batch(std::shared_ptr<antiphon::endpoint>) {
    if (!endpoint) co_return;
    const counted here(alive);
    auto many = endpoint->new_batch();
    auto first = support::error_of(many.call<int>("a"));
    auto second = support::error_of(many.call<int>("b"));
    auto sending = support::error_of(many.send());
    co_await std::move(sending);
    co_await std::move(first);
    co_await std::move(second);
  }

  int& alive;
  bool owned;
  std::unique_ptr<support::asio::io_context> context = std::make_unique<support::asio::io_context>(1);
  std::shared_ptr<support::wire> peer;
  std::shared_ptr<antiphon::endpoint> endpoint;
};

}  // namespace

TEST_CASE("an endpoint may be destroyed at any moment, and the rest ends by itself") {
  bool more = true;
  int steps = 0;
  for (; more; ++steps) {
    CAPTURE(steps);
    int alive = 0;
    {
      scene s(alive, false);
      for (int i = 0; i < steps && more; ++i) more = s.step();
      if (!more) s.check_everything_waits();
      s.endpoint.reset();
      const auto deadline = std::chrono::steady_clock::now() + 20s;
      // Only the peer's own coroutine goes on: it waits for ever.
      while (alive > 1 && std::chrono::steady_clock::now() < deadline) {
        s.context->restart();
        s.context->run_for(1ms);
      }
      CHECK(alive <= 1);
    }
    REQUIRE(alive == 0);
    REQUIRE(steps < 5000);
  }
  CHECK(steps > 10);
}

TEST_CASE("an io_context may be destroyed at any moment, with everything suspended on it") {
  bool more = true;
  int steps = 0;
  for (; more; ++steps) {
    CAPTURE(steps);
    int alive = 0;
    {
      scene s(alive, true);
      for (int i = 0; i < steps && more; ++i) more = s.step();
      if (!more) s.check_everything_waits();
      // From here on the coroutines' frames are the only owners.
      s.endpoint.reset();
      s.peer.reset();
      s.context.reset();
      CHECK(alive == 0);
    }
    REQUIRE(alive == 0);
    REQUIRE(steps < 5000);
  }
  CHECK(steps > 10);
}

TEST_CASE("calls that wait when their endpoint is destroyed end with closed") {
  support::session session;
  error_code called;
  error_code notified;
  session.play([&](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    auto caller = [&]() -> awaitable<void> {
      auto calling = support::error_of(s.endpoint->call<int>("m"));
      called = co_await std::move(calling);
    };
    auto notifier = [&]() -> awaitable<void> {
      auto notifying = support::error_of(s.endpoint->notify("m", std::string(200'000, 'x')));
      notified = co_await std::move(notifying);
    };
    support::start(*s.context, caller(), failure);
    support::start(*s.context, notifier(), failure);
    co_await support::settle();
    s.endpoint.reset();
    co_await support::settle();
    CHECK(called == errc::closed);
    CHECK(static_cast<bool>(notified));
  });
  CHECK(session.how->reason == antiphon::end_reason::closed_here);
}

TEST_CASE("a call from another io_context ends with closed when that of the endpoint is gone") {
  support::asio::io_context here(1);
  auto there = std::make_unique<support::asio::io_context>(1);
  auto ends = antiphon::make_memory_pipe(there->get_executor());
  antiphon::endpoint endpoint(std::move(ends.first));
  int alive = 0;
  error_code called;
  auto caller = [&]() -> awaitable<void> {
    const counted frame(alive);
    auto calling = support::error_of(endpoint.call<int>("m"));
    called = co_await std::move(calling);
  };
  std::exception_ptr failure;
  support::asio::co_spawn(*there, endpoint.run(), support::asio::detached);
  support::start(here, caller(), failure);
  here.poll();
  there->poll();
  CHECK(endpoint.stats().requests_sent == 1);
  CHECK(alive == 1);
  ends.second.reset();
  there.reset();
  here.restart();
  here.poll();
  CHECK(called == errc::closed);
  CHECK(alive == 0);
}

TEST_CASE("an endpoint destroyed by its own handler is gone when the handler returns") {
  antiphon::router routes;
  support::session* current = nullptr;
  routes.on_request("suicide", [&](antiphon::call_context& call) -> awaitable<int> {
    const antiphon::peer other = call.peer();
    co_await support::settle();
    current->endpoint.reset();
    auto calling = support::error_of(other.call("m"));
    const error_code error = co_await std::move(calling);
    CHECK(static_cast<bool>(error));
    co_return 1;
  });
  support::session session(std::move(routes));
  current = &session;
  session.play([](support::session& s) -> awaitable<void> {
    const auto answer = co_await s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"suicide"})");
    CHECK(answer.is_null());
  });
}

TEST_CASE("an endpoint that never ran closes its transport, and fails the calls made on it") {
  support::asio::io_context context(1);
  auto ends = antiphon::make_memory_pipe(context.get_executor());
  auto endpoint = std::make_unique<antiphon::endpoint>(std::move(ends.first));
  error_code called;
  std::string left;
  auto script = [&]() -> awaitable<void> {
    std::exception_ptr failure;
    auto caller = [&]() -> awaitable<void> {
      auto calling = support::error_of(endpoint->call("m"));
      called = co_await std::move(calling);
    };
    support::start(context, caller(), failure);
    co_await support::settle();
    endpoint.reset();
    auto receiving = support::receive_all(*ends.second);
    left = co_await std::move(receiving);
    co_await support::settle();
  };
  support::run_on(context, script());
  CHECK(left.empty());
  CHECK(called == errc::closed);
}
