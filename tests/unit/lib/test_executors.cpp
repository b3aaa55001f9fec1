#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

// Callers that run elsewhere than their endpoint.

using support::awaitable;

namespace {

antiphon::router adding() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_notification("note", [](int) {});
  return routes;
}

awaitable<int> many_calls(antiphon::peer server, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) {
    auto calling = server.call<int>("add", i, 1);
    sum += co_await std::move(calling);
    auto notifying = server.notify("note", i);
    co_await std::move(notifying);
  }
  co_return sum;
}

}  // namespace

TEST_CASE("calls from a thread pool hop to the endpoint's executor and come back") {
  support::couple both(antiphon::router(), adding());
  constexpr int callers = 4;
  constexpr int calls = 200;
  std::vector<std::future<int>> sums;
  support::asio::thread_pool pool(callers);
  std::thread::id endpoint_thread;
  auto elsewhere = [&](antiphon::peer server) -> awaitable<bool> {
    auto calling = server.call<int>("add", 1, 1);
    co_await std::move(calling);
    const bool away = std::this_thread::get_id() != endpoint_thread;
    auto failing = server.try_call<int>("add", "x", "y");
    const auto failed = co_await std::move(failing);
    co_return away&& failed.has_error() && std::this_thread::get_id() != endpoint_thread;
  };
  std::future<bool> came_back;
  both.play([&](support::couple& c) -> awaitable<void> {
    endpoint_thread = std::this_thread::get_id();
    for (int i = 0; i < callers; ++i)
      sums.push_back(support::asio::co_spawn(pool, many_calls(*c.left, calls), support::asio::use_future));
    came_back = support::asio::co_spawn(pool, elsewhere(*c.left), support::asio::use_future);
    bool done = false;
    while (!done) {
      co_await support::pause_for(std::chrono::milliseconds(1));
      done = came_back.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
      for (auto& sum : sums)
        done = done && sum.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }
  });
  for (auto& sum : sums) CHECK(sum.get() == calls * (calls - 1) / 2 + calls);
  CHECK(came_back.get());
  pool.join();
}

TEST_CASE("close may be called from another thread") {
  support::couple both;
  support::asio::thread_pool pool(1);
  both.play([&](support::couple& c) -> awaitable<void> {
    support::asio::post(pool, [peer = antiphon::peer(*c.left)] { peer.close(); });
    auto calling = support::error_of(c.left->call("unknown but slow", 1));
    co_await std::move(calling);
  });
  pool.join();
  CHECK(both.left_end->reason == antiphon::end_reason::closed_here);
}

TEST_CASE("two endpoints on two threads talk to each other") {
  support::asio::io_context one(1);
  support::asio::io_context two(1);
  auto ends = antiphon::make_memory_pipe(one.get_executor(), two.get_executor());
  antiphon::endpoint client(std::move(ends.first));
  antiphon::endpoint server(std::move(ends.second), adding());
  int sum = 0;
  std::exception_ptr failure;
  auto serving = [&]() -> awaitable<void> {
    auto running = server.run();
    co_await std::move(running);
  };
  auto calling = [&]() -> awaitable<void> {
    auto body = [&](antiphon::endpoint& peer) -> awaitable<void> {
      auto calls = many_calls(peer, 1000);
      sum = co_await std::move(calls);
    };
    auto running = client.run(std::move(body));
    co_await std::move(running);
  };
  std::exception_ptr other_failure;
  support::start(two, serving(), other_failure);
  std::thread thread([&] { two.run_for(support::patience); });
  support::start(one, calling(), failure);
  one.run_for(support::patience);
  thread.join();
  CHECK(one.stopped());
  CHECK(two.stopped());
  CHECK_FALSE(static_cast<bool>(failure));
  CHECK(sum == 1000 * 999 / 2 + 1000);
}

TEST_CASE("a call may be cancelled from another executor, at any moment") {
  support::couple both(antiphon::router(), adding());
  support::asio::thread_pool pool(2);
  std::atomic<int> ended{0};
  constexpr int calls = 200;
  both.play([&](support::couple& c) -> awaitable<void> {
    for (int i = 0; i < calls; ++i) {
      // All of one call's life is on its strand, except for what the endpoint does for it.
      const auto strand = support::asio::make_strand(pool);
      auto stop = std::make_shared<support::asio::cancellation_signal>();
      auto call = [](antiphon::peer server) -> awaitable<void> {
        auto calling = server.call<int>("add", 1, 2);
        co_await std::move(calling);
      };
      support::asio::post(strand, [=, &ended, server = antiphon::peer(*c.left)]() mutable {
        support::asio::co_spawn(strand, call(server),
                                support::asio::bind_cancellation_slot(
                                    stop->slot(), [stop, &ended](std::exception_ptr) { ++ended; }));
      });
      support::asio::post(strand, [stop] { stop->emit(support::asio::cancellation_type::terminal); });
    }
    while (ended < calls) co_await support::pause_for(std::chrono::milliseconds(1));
    CHECK(c.left->stats().pending_calls == 0);
  });
  pool.join();
}

TEST_CASE("a call that fails at once comes back to its caller's executor too") {
  antiphon::peer ended;
  support::couple both;
  ended = *both.left;
  both.play([](support::couple&) -> awaitable<void> { co_return; });
  support::asio::thread_pool pool(1);
  auto caller = [](antiphon::peer server, std::thread::id& where) -> awaitable<bool> {
    const auto before = std::this_thread::get_id();
    auto calling = server.try_call<int>("add", 1, 2);
    const auto failed = co_await std::move(calling);
    where = std::this_thread::get_id();
    co_return failed.has_error() && where == before;
  };
  std::thread::id where;
  auto came_back = support::asio::co_spawn(pool, caller(ended, where), support::asio::use_future);
  while (came_back.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    both.context->restart();
    both.context->run_for(std::chrono::milliseconds(1));
  }
  CHECK(came_back.get());
  pool.join();
}
