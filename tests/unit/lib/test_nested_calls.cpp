#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <doctest/doctest.h>

#include <string>

// Calls back, calls from within handlers, and the limits that hold meanwhile.

using support::awaitable;
using support::json;
using support::request;

namespace {

antiphon::router ping_pong() {
  antiphon::router routes;
  routes.on_request("down", [](antiphon::call_context& call, int depth) -> awaitable<int> {
    if (depth == 0) co_return 0;
    auto calling = call.call<int>("down", depth - 1);
    const int below = co_await std::move(calling);
    co_return below + 1;
  });
  return routes;
}

}  // namespace

TEST_CASE("calls nest fifty deep in both directions with one request in flight on each side") {
  antiphon::endpoint_options one;
  one.max_in_flight = 1;
  one.max_queued = 0;
  for (const auto policy : {antiphon::overload::wait, antiphon::overload::reject}) {
    one.overload = policy;
    support::couple both(ping_pong(), ping_pong(), one, one);
    both.play([](support::couple& c) -> awaitable<void> {
      auto calling = c.left->call<int>("down", 50);
      const int depth = co_await std::move(calling);
      CHECK(depth == 50);
      CHECK(c.left->stats().in_flight == 0);
      CHECK(c.right->stats().in_flight == 0);
      CHECK(c.right->stats().in_flight_peak <= 2);
    });
    CHECK(both.left_end->reason == antiphon::end_reason::closed_here);
    CHECK(both.right_end->reason == antiphon::end_reason::end_of_input);
  }
}

TEST_CASE("a handler lends its permit while it awaits the peer, and has it again with the answer") {
  antiphon::router routes;
  std::size_t afterwards = 0;
  routes.on_request("ask", [&afterwards](antiphon::call_context& call) -> awaitable<int> {
    auto calling = call.call<int>("inner");
    const int result = co_await std::move(calling);
    afterwards = call.peer().stats().in_flight;
    co_return result;
  });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    auto asking = s.peer.ask(request(1, "ask"));
    const auto inner = co_await std::move(asking);
    CHECK(s.endpoint->stats().in_flight == 0);
    auto answering = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"result":7})");
    const auto answer = co_await std::move(answering);
    CHECK(answer.at("result") == 7);
    CHECK(s.endpoint->stats().in_flight == 0);
  });
  CHECK(afterwards == 1);
}

TEST_CASE("an answer behind a full queue still reaches the handler that waits for it") {
  antiphon::router routes;
  routes.on_request("ask", [](antiphon::call_context& call) -> awaitable<int> {
    auto calling = call.call<int>("inner");
    const int result = co_await std::move(calling);
    co_return result;
  });
  routes.on_request("one", [] { return 1; });
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  options.max_queued = 1;
  support::session session(std::move(routes), options);
  session.play([](support::session& s) -> awaitable<void> {
    // Two in need of the peer and many more before its answers, in one read.
    std::string all = request(1, "ask") + "\n" + request(2, "ask");
    for (int id = 3; id <= 60; ++id) all += "\n" + request(id, "one");
    all += R"(
{"jsonrpc":"2.0","id":1,"result":10}
{"jsonrpc":"2.0","id":2,"result":20})";
    co_await s.peer.say(all);
    int results = 0;
    int asked = 0;
    while (results < 60) {
      const auto message = co_await s.peer.hear_json();
      REQUIRE(message.is_object());
      if (message.as_object().contains("method")) {
        ++asked;
        // The id is known only now; those sent ahead above may have come before anyone asked.
        co_await s.peer.say(R"({"jsonrpc":"2.0","id":)" + std::to_string(message.at("id").as_int64()) +
                            R"(,"result":5})");
      } else {
        CHECK(message.as_object().contains("result"));
        ++results;
      }
    }
    CHECK(asked == 2);
    CHECK(s.endpoint->stats().in_flight == 0);
  });
}

TEST_CASE("answers reach handlers that hold every permit while they wait, past a queue that is full") {
  antiphon::router routes;
  routes.on_request("ask", [](antiphon::call_context& call) -> awaitable<int> {
    auto calling = call.call<int>("inner");
    const int result = co_await std::move(calling);
    co_return result;
  });
  antiphon::endpoint_options options;
  options.max_in_flight = 4;
  options.max_queued = 8;
  support::session session(std::move(routes), options);
  session.play([](support::session& s) -> awaitable<void> {
    constexpr int requests = 150;
    std::string all = request(1, "ask");
    for (int id = 2; id <= requests; ++id) all += "\n" + request(id, "ask");
    co_await s.peer.say(all);
    auto rest = support::settle();
    co_await std::move(rest);
    // So many await the peer that the last ones can't lend their permits any more.
    const auto stats = s.endpoint->stats();
    CHECK(stats.in_flight == 4);
    CHECK(stats.pending_calls == stats.in_flight + 8 + 64);
    CHECK(stats.queued == requests - stats.pending_calls);
    CHECK(stats.queued > 8);
    int results = 0;
    while (results < requests) {
      const auto message = co_await s.peer.hear_json();
      REQUIRE(message.is_object());
      if (message.as_object().contains("method")) {
        co_await s.peer.say(R"({"jsonrpc":"2.0","id":)" + std::to_string(message.at("id").as_int64()) +
                            R"(,"result":5})");
      } else {
        CHECK(message.at("result") == 5);
        ++results;
      }
    }
    CHECK(s.endpoint->stats().in_flight == 0);
    CHECK(s.endpoint->stats().requests_rejected == 0);
  });
}

TEST_CASE("a handler of a notification may call the peer while later messages wait their turn") {
  antiphon::router routes;
  std::string order;
  routes.on_notification("open", [&](antiphon::call_context& call) -> awaitable<void> {
    auto calling = call.call<std::string>("configuration");
    order += co_await std::move(calling);
  });
  routes.on_notification("change", [&] { order += "change"; });
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    const auto asked = co_await s.peer.ask(R"({"jsonrpc":"2.0","method":"open"}
{"jsonrpc":"2.0","method":"change"})");
    CHECK(asked.at("method") == "configuration");
    co_await s.peer.ask(request(1, "unknown"));
    CHECK(order.empty());
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":1,"result":"config "})");
    co_await s.peer.ask(request(2, "unknown"));
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(order == "config change");
  });
}

TEST_CASE("release_order lets later messages start before an ordered handler has ended") {
  antiphon::router routes;
  std::string order;
  routes.on_notification("first", [&](antiphon::call_context& call) -> awaitable<void> {
    call.release_order();
    auto calling = call.call<void>("anything");
    co_await std::move(calling);
    order += "first";
  });
  routes.on_notification("second", [&] { order += "second "; });
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.ask(R"({"jsonrpc":"2.0","method":"first"}
{"jsonrpc":"2.0","method":"second"})");
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":1,"result":null})");
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(order == "second first");
  });
}

TEST_CASE("a handler that awaits two calls at once has its permit back with the last of them") {
  antiphon::endpoint_options one;
  one.max_in_flight = 1;
  antiphon::router routes;
  routes.on_request("both", [](antiphon::call_context& call) -> awaitable<int> {
    using namespace boost::asio::experimental::awaitable_operators;
    auto together = call.call<int>("fast") && call.call<int>("slow");
    const auto [fast, slow] = co_await std::move(together);
    co_return fast + slow;
  });
  routes.on_request("ping", [] { return "pong"; });
  support::session session(std::move(routes), one);
  session.play([](support::session& s) -> awaitable<void> {
    const auto fast = co_await s.peer.ask(request(1, "both"));
    CHECK(fast.at("method") == "fast");
    const auto slow = co_await s.peer.hear_json();
    CHECK(slow.at("method") == "slow");
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":1,"result":3})");
    // What the peer needs before it can answer the other one.
    const auto pong = co_await s.peer.ask(request(2, "ping"));
    CHECK(pong.at("result") == "pong");
    const auto sum = co_await s.peer.ask(R"({"jsonrpc":"2.0","id":2,"result":4})");
    CHECK(sum.at("result") == 7);
    CHECK(s.endpoint->stats().in_flight == 0);
  });
}
