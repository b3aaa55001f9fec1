#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <malloc.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

// What a connection that has nothing to do holds.

using namespace std::chrono_literals;

TEST_CASE("a connection at rest has given back what it wrote with") {
  constexpr std::size_t many = 64;
  // A coroutine's frame, with what it and its transport keep for a write.
  constexpr std::size_t least = 500;
  boost::asio::io_context io(1);
  std::vector<std::unique_ptr<antiphon::endpoint>> endpoints;
  std::vector<std::unique_ptr<support::wire>> peers;
  for (std::size_t i = 0; i < many; ++i) {
    auto ends = antiphon::make_memory_pipe(io.get_executor());
    antiphon::router routes;
    routes.on_request("ping", [] { return 1; });
    endpoints.push_back(
        std::make_unique<antiphon::endpoint>(std::move(ends.first), std::move(routes), support::in_lines()));
    peers.push_back(std::make_unique<support::wire>(std::move(ends.second)));
    boost::asio::co_spawn(io, endpoints.back()->run(), boost::asio::detached);
  }
  std::size_t given_back = 0;
  const auto script = [&]() -> support::awaitable<void> {
    for (const auto& one : peers) {
      auto asking = one->ask(support::request(1, "ping"));
      const auto answer = co_await std::move(asking);
      CHECK(answer.at("result") == 1);
    }
    const std::size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 1000 && given_back < many * least; ++i) {
      auto pausing = support::pause_for(10ms);
      co_await std::move(pausing);
      const std::size_t now = mallinfo2().uordblks;
      given_back = now < before ? before - now : 0;
    }
    for (const auto& one : peers) one->hang_up();
  };
  boost::asio::co_spawn(io, script(), boost::asio::detached);
  io.run();
  MESSAGE((given_back / many), " bytes a connection");
  CHECK(given_back >= many * least);
}
