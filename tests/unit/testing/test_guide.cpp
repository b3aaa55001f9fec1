// The code of docs/guide/testing.md.

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/chaos_transport.hpp>
#include <antiphon/testing/deterministic_context.hpp>
#include <antiphon/testing/scripted_transport.hpp>
#include <antiphon/testing/seeds.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;
namespace testing = antiphon::testing;
using asio::awaitable;
using namespace std::chrono_literals;

namespace {

// What is to be tested.
struct counter {
  int value = 0;

  antiphon::router routes() {
    antiphon::router made;
    made.on_request("add", [this](int n) { return value += n; });
    made.on_request("add later", [this](int n) -> awaitable<int> {
      asio::steady_timer timer(co_await asio::this_coro::executor, 10s);
      co_await timer.async_wait(asio::deferred);
      co_return value += n;
    });
    return made;
  }
};

antiphon::endpoint_options in_lines() {
  antiphon::endpoint_options options;
  options.framing = antiphon::line_framing::make;
  return options;
}

}  // namespace

TEST_CASE("the counter answers what is cut in the middle") {
  testing::deterministic_context context;
  auto peer = std::make_shared<testing::script>();
  peer->says(R"({"jsonrpc":"2.0","id":1,"met)").pauses(50ms).says("hod\":\"add\",\"params\":[2]}\n");
  peer->hears("\n").ends();
  counter counted;
  antiphon::endpoint server(testing::make_scripted_transport(context.get_executor(), peer), counted.routes(),
                            in_lines());
  asio::co_spawn(context.get_executor(), server.run(), asio::detached);
  CHECK(context.run());
  CHECK(peer->sent() == "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":2}\n");
  CHECK(context.elapsed() >= 50ms);
}

TEST_CASE("the counter survives a peer whose connection breaks") {
  testing::deterministic_context context;
  auto peer = std::make_shared<testing::script>();
  peer->says("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":[2]}\n");
  peer->fails(testing::operation::send, 1, asio::error::broken_pipe);
  counter counted;
  antiphon::endpoint server(testing::make_scripted_transport(context.get_executor(), peer), counted.routes(),
                            in_lines());
  asio::co_spawn(context.get_executor(), server.run(), asio::detached);
  CHECK(context.run());
  CHECK(counted.value == 2);
  CHECK(peer->closed());
}

TEST_CASE("a limit of five seconds is over in no time") {
  testing::virtual_time time;
  asio::io_context context(1);
  counter counted;
  auto ends = antiphon::make_memory_pipe(context.get_executor());
  antiphon::endpoint server(std::move(ends.first), counted.routes());
  antiphon::endpoint client(std::move(ends.second));
  const auto ask = [](antiphon::endpoint& to) -> awaitable<void> {
    const antiphon::call_options limit(5s);
    auto calling = to.try_call<int>(limit, "add later", 1);
    const auto answer = co_await std::move(calling);
    CHECK(answer.error().code == antiphon::errc::timed_out);
  };
  asio::co_spawn(context, server.run(), asio::detached);
  asio::co_spawn(context, client.run(ask), asio::detached);
  CHECK(time.run(context));
  CHECK(time.elapsed() >= 5s);
}

namespace {

awaitable<void> add_thrice(antiphon::peer to) {
  for (int n = 1; n <= 3; ++n) {
    auto calling = to.call<int>(n == 2 ? "add later" : "add", n);
    co_await std::move(calling);
  }
}

int count_with(std::uint64_t seed) {
  testing::deterministic_context context(seed);
  auto ends = antiphon::make_memory_pipe(context.get_executor());
  counter counted;
  antiphon::endpoint server(testing::make_chaos_transport(std::move(ends.first), seed), counted.routes());
  antiphon::endpoint client(testing::make_chaos_transport(std::move(ends.second), seed + 1));
  asio::co_spawn(context.get_executor(), server.run(), asio::detached);
  asio::co_spawn(context.get_executor(), client.run(add_thrice), asio::detached);
  return context.run() ? counted.value : -1;
}

}  // namespace

TEST_CASE("the counter counts in any order, whatever the connection does") {
  for (const std::uint64_t seed : testing::seeds(100)) {
    INFO("ANTIPHON_SEED=", seed);
    CHECK(count_with(seed) == 6);
  }
}
