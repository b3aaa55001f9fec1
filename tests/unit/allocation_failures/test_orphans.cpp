#include "tests/unit/allocation_failures/failing_new.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <new>
#include <utility>

// Asio destroys a coroutine for which it finds no memory when it is to wait.

using boost::asio::awaitable;
using namespace std::chrono_literals;

namespace {

awaitable<int> wait_without_memory() {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1ms);
  auto sleeping = timer.async_wait(boost::asio::deferred);
  test::fail_allocations(1, 0);
  co_await std::move(sleeping);
  co_return 5;
}

}  // namespace

TEST_CASE("a handler that is destroyed when it waits is answered for at once, and the connection goes on") {
  boost::asio::io_context io(1);
  auto ends = antiphon::make_memory_pipe(io.get_executor());
  antiphon::router routes;
  routes.on_request("wait", wait_without_memory);
  routes.on_request("ping", [] { return 1; });
  antiphon::endpoint server(std::move(ends.second), std::move(routes));
  antiphon::endpoint client(std::move(ends.first));
  bool said = false;
  const auto talk = [&](antiphon::endpoint& to) -> awaitable<void> {
    auto waiting = to.try_call<int>("wait");
    const auto waited = co_await std::move(waiting);
    test::stop_failing();
    CHECK(waited.has_error());
    CHECK(waited.error().code == antiphon::rpc_errc::internal_error);
    auto pinging = to.call<int>("ping");
    const int pinged = co_await std::move(pinging);
    CHECK(pinged == 1);
    said = true;
  };
  boost::asio::co_spawn(io, server.run(), boost::asio::detached);
  boost::asio::co_spawn(io, client.run(talk), boost::asio::detached);
  int escaped = 0;
  for (bool more = true; more;) {
    try {
      io.run();
      more = false;
    } catch (const std::bad_alloc&) {  // as of any handler's
      ++escaped;
    }
  }
  CHECK(escaped == 1);
  CHECK(said);
}
