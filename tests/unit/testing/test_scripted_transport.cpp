#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/deterministic_context.hpp>
#include <antiphon/testing/scripted_transport.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

using antiphon::error_code;
using antiphon::testing::deterministic_context;
using antiphon::testing::make_scripted_transport;
using antiphon::testing::operation;
using antiphon::testing::script;
using support::awaitable;
using namespace std::chrono_literals;
namespace asio = support::asio;

namespace {

// Runs `body` with a transport that follows `peer`.
template <class Body>
void with(std::shared_ptr<script> peer, Body body) {
  deterministic_context context;
  std::exception_ptr failure;
  auto over = make_scripted_transport(context.get_executor(), std::move(peer));
  asio::co_spawn(context.get_executor(), body(*over), [&](std::exception_ptr e) { failure = e; });
  CHECK(context.run(1min));
  if (failure) std::rethrow_exception(failure);
}

awaitable<std::string> read_one(antiphon::transport& from) {
  antiphon::buffer space = antiphon::buffer::allocate(4);
  auto receiving = from.receive_into(space);
  co_await std::move(receiving);
  co_return std::string(space.bytes());
}

antiphon::ended serve(const std::shared_ptr<script>& peer) {
  deterministic_context context;
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  antiphon::endpoint server(make_scripted_transport(context.get_executor(), peer), std::move(routes),
                            support::in_lines());
  antiphon::ended how;
  std::exception_ptr failure;
  const auto run = [&]() -> awaitable<void> {
    auto running = server.run();
    how = co_await std::move(running);
  };
  asio::co_spawn(context.get_executor(), run(), [&](std::exception_ptr e) { failure = e; });
  CHECK(context.run(1min));
  if (failure) std::rethrow_exception(failure);
  return how;
}

const std::string ask = R"({"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]})"
                        "\n";
const std::string answer = R"({"jsonrpc":"2.0","id":1,"result":3})"
                           "\n";

}  // namespace

TEST_CASE("a script's bytes come in as they were cut") {
  const auto peer = std::make_shared<script>();
  peer->says("abc").says("").says("defghi").says_in_pieces("jkl", 2).ends();
  with(peer, [](antiphon::transport& over) -> awaitable<void> {
    for (const char* expected : {"abc", "defg", "hi", "jk", "l", "", ""}) {
      auto reading = read_one(over);
      const std::string got = co_await std::move(reading);
      CHECK(got == expected);
    }
  });
  CHECK(peer->count(operation::receive) == 7);
}

TEST_CASE("what follows a pause comes so much later") {
  const auto peer = std::make_shared<script>();
  peer->says("a").pauses(250ms).says("b").pauses(1min).ends();
  deterministic_context context;
  auto over = make_scripted_transport(context.get_executor(), peer);
  std::vector<std::chrono::nanoseconds> times;
  const auto read = [&]() -> awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      auto reading = read_one(*over);
      co_await std::move(reading);
      times.push_back(context.elapsed());
    }
  };
  asio::co_spawn(context.get_executor(), read(), asio::detached);
  CHECK(context.run());
  REQUIRE(times.size() == 3);
  CHECK(times[0] == 0ms);
  CHECK(times[1] == 250ms);
  CHECK(times[2] - times[1] >= 1min);
  CHECK(times[2] - times[1] < 61s);
}

TEST_CASE("a script waits for what it wants to hear, and can be written on while it is followed") {
  const auto peer = std::make_shared<script>();
  peer->hears("ready").says("1").hears("ready").says("2");
  with(peer, [&](antiphon::transport& over) -> awaitable<void> {
    const auto executor = over.get_executor();
    const auto talk = [&over, peer]() -> awaitable<void> {
      for (const char* text : {"rea", "dy, re", "ady"}) {
        auto settling = support::settle();
        co_await std::move(settling);
        auto sending = support::send(over, text);
        co_await std::move(sending);
      }
      auto settling = support::settle();
      co_await std::move(settling);
      peer->says("3").ends();
    };
    asio::co_spawn(executor, talk(), asio::detached);
    std::string all;
    for (int i = 0; i < 4; ++i) {
      auto reading = read_one(over);
      all += co_await std::move(reading);
    }
    CHECK(all == "123");
    auto settling = support::settle();
    co_await std::move(settling);
  });
  CHECK(peer->sent() == "ready, ready");
  CHECK(peer->sends() == std::vector<std::string>{"rea", "dy, re", "ady"});
}

TEST_CASE("the nth operation fails as the script has it, and nothing is lost") {
  const error_code reset = asio::error::connection_reset;
  const auto peer = std::make_shared<script>();
  peer->says("ab").says("c").ends();
  peer->fails(operation::receive, 2, reset).fails(operation::send, 1, asio::error::broken_pipe);
  peer->fails(operation::acquire, 1, antiphon::make_error_code(antiphon::errc::buffers_exhausted));
  peer->fails(operation::acquire, 2,
              boost::system::errc::make_error_code(boost::system::errc::not_enough_memory));
  with(peer, [&](antiphon::transport& over) -> awaitable<void> {
    auto reading = read_one(over);
    std::string got = co_await std::move(reading);
    CHECK(got == "ab");
    auto failing = support::error_of(read_one(over));
    error_code error = co_await std::move(failing);
    CHECK(error == reset);
    reading = read_one(over);
    got = co_await std::move(reading);
    CHECK(got == "c");
    auto sending = support::error_of(support::send(over, "lost"));
    error = co_await std::move(sending);
    CHECK(error == asio::error::broken_pipe);
    auto again = support::send(over, "sent");
    co_await std::move(again);
    CHECK_THROWS_AS(over.acquire(10), boost::system::system_error);
    CHECK_THROWS_AS(over.acquire(10), std::bad_alloc);
    CHECK(over.acquire(10));
  });
  CHECK(peer->sent() == "sent");
}

TEST_CASE("a peer that listens slowly takes a part at a time") {
  const auto peer = std::make_shared<script>();
  peer->listens_slowly(3, 2);
  with(peer, [&](antiphon::transport& over) -> awaitable<void> {
    bool done = false;
    const auto talk = [&]() -> awaitable<void> {
      const std::string_view parts[] = {"ab", "cdefg", "h"};
      auto sending = over.send(parts);
      co_await std::move(sending);
      done = true;
    };
    const auto executor = over.get_executor();
    asio::co_spawn(executor, talk(), asio::detached);
    co_await asio::post(executor, asio::deferred);
    CHECK(peer->sent() == "abc");
    CHECK_FALSE(done);
    auto settling = support::settle();
    co_await std::move(settling);
    CHECK(done);
  });
  CHECK(peer->sent() == "abcdefgh");
  CHECK(peer->sends().size() == 1);
}

TEST_CASE("closing ends a receive that waits, also in a pause") {
  for (const bool pause : {false, true}) {
    const auto peer = std::make_shared<script>();
    if (pause) peer->pauses(1h);
    with(peer, [&](antiphon::transport& over) -> awaitable<void> {
      const auto close = [&]() -> awaitable<void> {
        over.close();
        co_return;
      };
      const auto executor = co_await asio::this_coro::executor;
      asio::co_spawn(executor, close(), asio::detached);
      auto reading = support::error_of(read_one(over));
      const error_code error = co_await std::move(reading);
      CHECK(error == asio::error::operation_aborted);
    });
    CHECK(peer->closed());
  }
}

TEST_CASE("an endpoint plays a scripted conversation") {
  const auto peer = std::make_shared<script>();
  peer->says_in_pieces(ask, 1).hears(answer).pauses(10ms).ends();
  const antiphon::ended how = serve(peer);
  CHECK(how.reason == antiphon::end_reason::end_of_input);
  CHECK(peer->sent() == answer);
  CHECK(peer->has_heard_the_end());
}

TEST_CASE("an endpoint whose receive or send fails ends with that") {
  const error_code reset = asio::error::connection_reset;
  auto peer = std::make_shared<script>();
  peer->says(ask).hears(answer).breaks();
  antiphon::ended how = serve(peer);
  CHECK(how.reason == antiphon::end_reason::connection_lost);
  CHECK(how.error == reset);
  CHECK(peer->sent() == answer);
  for (const operation what : {operation::receive, operation::send}) {
    peer = std::make_shared<script>();
    peer->says(ask).fails(what, 1, reset);
    how = serve(peer);
    CHECK(how.reason == antiphon::end_reason::connection_lost);
    CHECK(how.error == reset);
    CHECK(peer->sent().empty());
    CHECK(peer->closed());
  }
}

TEST_CASE("an endpoint whose transport is out of memory ends, whenever that is") {
  const auto no_memory = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
  // Where there is some again a moment later it answers with an error instead.
  for (std::size_t nth = 1; nth <= 3; ++nth) {
    const auto peer = std::make_shared<script>();
    peer->says(ask).hears("\n").says(ask).ends();
    peer->fails(operation::acquire, nth, no_memory);
    const antiphon::ended how = serve(peer);
    const bool lost = how.reason == antiphon::end_reason::connection_lost;
    if (peer->count(operation::acquire) >= nth)
      CHECK((lost || peer->sent().find("-32603") != std::string::npos));
    CHECK(peer->closed());
  }
}
