#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <string>
#include <vector>

// The code of docs/tour.md, at work.

namespace asio = antiphon::asio;
using asio::awaitable;

namespace {

struct size {
  int width = 0, height = 0;
};
BOOST_DESCRIBE_STRUCT(size, (), (width, height))

antiphon::router server_routes() {
  antiphon::router routes;
  routes.on_request("area", [](size of) { return of.width * of.height; });

  routes.on_request("repeat",
                    [](std::string text, int times) {
                      std::string all;
                      for (int n = 0; n < times; ++n) all += text;
                      return all;
                    },
                    {"text", "times"});

  routes.on_request("count_down", [](antiphon::call_context& call, int from) -> awaitable<std::string> {
    for (int n = from; n > 0 && !call.cancelled(); --n) {
      auto telling = call.notify("tick", n);
      co_await std::move(telling);
    }
    co_return "lift-off";
  });

  routes.on_request("greet", [](antiphon::call_context& call) -> awaitable<std::string> {
    auto asking = call.call<std::string>("name");  // the client is asked while its own request waits
    const std::string name = co_await std::move(asking);
    co_return "Hello, " + name;
  });
  return routes;
}

antiphon::router client_routes(std::vector<int>& ticks) {
  antiphon::router routes;
  routes.on_request("name", [] { return "Ada"; });
  routes.on_notification("tick", [&ticks](int n) { ticks.push_back(n); });
  return routes;
}

awaitable<void> converse(antiphon::endpoint& server) {
  size room;
  room.width = 4;
  room.height = 5;
  auto measuring = server.call<int>("area", room);
  const int area = co_await std::move(measuring);
  CHECK(area == 20);

  const std::string greeting = co_await server.call<std::string>("greet");
  CHECK(greeting == "Hello, Ada");

  const std::string end = co_await server.call<std::string>("count_down", 3);
  CHECK(end == "lift-off");

  auto unknown = server.try_call<int>("volume", 1, 2, 3);
  const antiphon::call_result<int> volume = co_await std::move(unknown);
  CHECK(volume.error().code == antiphon::rpc_errc::method_not_found);

  auto batch = server.new_batch();
  auto first = batch.call<std::string>("repeat", "ab", 2);
  auto second = batch.call<int>("area", room);
  co_await batch.send();
  const std::string abab = co_await std::move(first);
  const int same = co_await std::move(second);
  CHECK(abab == "abab");
  CHECK(same == 20);
}

awaitable<void> both_sides(std::vector<int>& ticks) {
  const auto executor = co_await asio::this_coro::executor;
  auto ends = antiphon::make_memory_pipe(executor);
  antiphon::endpoint server(std::move(ends.first), server_routes());
  antiphon::endpoint client(std::move(ends.second), client_routes(ticks));
  asio::co_spawn(executor, server.run(), asio::detached);
  auto running = client.run(converse);  // reads until converse returns, then closes
  const antiphon::ended how = co_await std::move(running);
  CHECK(how.reason == antiphon::end_reason::closed_here);
}

}  // namespace

TEST_CASE("two endpoints in one program ask and tell each other") {
  std::vector<int> ticks;
  support::run(both_sides(ticks));
  CHECK(ticks == std::vector<int>({3, 2, 1}));
}
