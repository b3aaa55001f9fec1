#include "tests/support/transports.hpp"

#include <antiphon/transport/buffer_pool.hpp>
#include <antiphon/transport/memory_pipe.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <thread>

namespace asio = antiphon::asio;
using antiphon::make_memory_pipe;
using antiphon::transport_ptr;
using asio::awaitable;
using namespace support;

namespace {

/// Sends a pattern and receives as much, at once.
awaitable<void> exchange(transport_ptr mine, std::size_t size) {
  const auto executor = co_await asio::this_coro::executor;
  const auto bytes = pattern(size);
  bool sent = false;
  asio::co_spawn(executor, send(*mine, bytes), [&sent](std::exception_ptr e) { sent = !e; });
  auto receiving = receive(*mine, size);
  const auto got = co_await std::move(receiving);
  CHECK(got == bytes);
  while (!sent) {
    auto turn = settle();
    co_await std::move(turn);
  }
}

}  // namespace

TEST_CASE("a memory pipe holds as much as its capacity says") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    antiphon::memory_pipe_options options;
    options.capacity = 10;
    const auto ends = make_memory_pipe(executor, options);
    auto sending = send(*ends.first, "0123456789");
    co_await std::move(sending);
    bool sent = false;
    asio::co_spawn(executor, send(*ends.first, "x"), [&sent](std::exception_ptr) { sent = true; });
    auto turn = settle();
    co_await std::move(turn);
    CHECK_FALSE(sent);
    auto receiving = receive(*ends.second, 11);
    const auto got = co_await std::move(receiving);
    CHECK(got == "0123456789x");
    turn = settle();
    co_await std::move(turn);
    CHECK(sent);
  }());
}

TEST_CASE("a send never runs the receiver from inside the call") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const auto ends = make_memory_pipe(executor);
    bool received = false;
    asio::co_spawn(executor, receive(*ends.second, 1),
                   [&received](std::exception_ptr, std::string) { received = true; });
    auto turn = settle();
    co_await std::move(turn);
    auto sending = send(*ends.first, "x");
    co_await std::move(sending);
    CHECK_FALSE(received);
    turn = settle();
    co_await std::move(turn);
    CHECK(received);
  }());
}

TEST_CASE("the two ends of a memory pipe may be on different threads") {
  for (const std::size_t capacity : {std::size_t{7}, std::size_t{64 * 1024}}) {
    asio::io_context first(1);
    asio::io_context second(1);
    antiphon::memory_pipe_options options;
    options.capacity = capacity;
    auto ends = make_memory_pipe(first.get_executor(), second.get_executor(), options);
    const std::size_t size = capacity == 7 ? 3000 : 1 << 20;
    // An end that waits for the other thread keeps its own loop busy: the pipe's timer is its work.
    std::exception_ptr failures[2];
    start(first, exchange(std::move(ends.first), size), failures[0]);
    start(second, exchange(std::move(ends.second), size), failures[1]);
    std::thread other([&second] { second.run_for(patience); });
    first.run_for(patience);
    other.join();
    CHECK(first.stopped());
    CHECK(second.stopped());
    CHECK_FALSE(failures[0]);
    CHECK_FALSE(failures[1]);
  }
}

TEST_CASE("an end may outlive the other's io_context") {
  asio::io_context first(1);
  transport_ptr survivor;
  {
    asio::io_context second(1);
    auto ends = make_memory_pipe(first.get_executor(), second.get_executor());
    survivor = std::move(ends.first);
    std::exception_ptr ignored;
    start(second, exchange(std::move(ends.second), 1 << 20), ignored);
    second.run_for(std::chrono::milliseconds(1));
  }
  run_on(first, [](transport_ptr& mine) -> awaitable<void> {
    auto sending = error_of(send(*mine, "anyone?"));
    const auto ec = co_await std::move(sending);
    CHECK(ec == asio::error::broken_pipe);
    auto receiving = receive_all(*mine);
    const auto got = co_await std::move(receiving);
    CHECK(got == pattern(1 << 20).substr(0, got.size()));
  }(survivor));
}

TEST_CASE("a memory pipe takes its buffers from where it is told") {
  const auto pool = std::make_shared<antiphon::buffer_pool>();
  asio::io_context context(1);
  antiphon::memory_pipe_options options;
  options.buffers = pool;
  const auto ends = make_memory_pipe(context.get_executor(), options);
  const auto bytes = ends.first->acquire(100);
  CHECK(pool->stats().misses == 1);
}
