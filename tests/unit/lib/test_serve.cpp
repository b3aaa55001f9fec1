#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>

namespace asio = boost::asio;
using antiphon::error_code;
using asio::awaitable;
using namespace std::chrono_literals;

namespace {

antiphon::router make_routes() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  return routes;
}

}  // namespace

TEST_CASE(
    "serving that is cancelled closes the listener first, then each connection, and returns after that") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto opening = antiphon::listen_tcp();
    antiphon::listener at = co_await std::move(opening);
    const std::uint16_t port = at.port();
    asio::cancellation_signal stop;
    bool over = false;
    asio::co_spawn(executor, antiphon::serve(at, make_routes),
                   asio::bind_cancellation_slot(stop.slot(), [&over](std::exception_ptr failure) {
                     CHECK(failure == nullptr);
                     over = true;
                   }));

    auto connecting = antiphon::connect_tcp("127.0.0.1", port);
    antiphon::endpoint client(co_await std::move(connecting));
    std::optional<antiphon::ended> how;
    asio::co_spawn(executor, client.run(),
                   [&how](std::exception_ptr, const antiphon::ended& end) { how = end; });
    auto adding = client.call<int>("add", 40, 2);
    const int sum = co_await std::move(adding);
    CHECK(sum == 42);
    CHECK_FALSE(over);

    stop.emit(asio::cancellation_type::terminal);
    for (int i = 0; i < 1000 && !(over && how); ++i) {
      auto pausing = support::pause_for(5ms);
      co_await std::move(pausing);
    }
    CHECK(over);
    REQUIRE(how);
    CHECK(how->reason == antiphon::end_reason::end_of_input);
    auto late = support::error_of(antiphon::connect_tcp("127.0.0.1", port));
    const error_code refused = co_await std::move(late);
    CHECK(refused == asio::error::connection_refused);
  }());
}
