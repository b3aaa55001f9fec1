#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <string>

using antiphon::errc;
using support::awaitable;
using support::json;
using support::request;

namespace {

antiphon::router routes_with() {
  antiphon::router routes;
  routes.on_request("one", [] { return 1; });
  routes.on_request("bad", []() -> int { throw std::runtime_error("x"); });
  routes.on_notification("note", [](antiphon::raw_json) {});
  routes.on_request("slow", []() -> awaitable<int> {
    auto pause = support::settle();
    co_await std::move(pause);
    co_return 2;
  });
  return routes;
}

}  // namespace

TEST_CASE("a batch is answered in one array, once all of its requests are") {
  const auto answer =
      support::answer_to(routes_with(), "[" + request(1, "slow") + "," + request(2, "one") +
                                            R"(,{"jsonrpc":"2.0","method":"note"},)" + request(3, "bad") +
                                            "," + request(4, "unknown") + ",5]");
  REQUIRE(answer.is_array());
  std::string ids;
  for (const auto& one : answer.as_array()) ids += boost::json::serialize(one.at("id")) + " ";
  // As they were ready: the slow one comes last.
  CHECK(ids == "2 3 4 null 1 ");
  CHECK(answer.at(4).at("result") == 2);
  CHECK(answer.at(1).at("error").at("code") == -32603);
  CHECK(answer.at(2).at("error").at("code") == -32601);
  CHECK(answer.at(3).at("error").at("code") == -32600);
}

TEST_CASE("empty, nested and oversized batches, and those that need no answer") {
  antiphon::endpoint_options options;
  options.limits.batch_members = 3;
  support::session session(routes_with(), options);
  session.play([](support::session& s) -> awaitable<void> {
    const auto empty = co_await s.peer.ask("[]");
    CHECK(empty.is_object());
    CHECK(support::error_code_of(empty) == -32600);
    CHECK(empty.at("id").is_null());
    const auto nested = co_await s.peer.ask("[[],[" + request(1, "one") + "]]");
    REQUIRE(nested.is_array());
    CHECK(nested.as_array().size() == 2);
    for (const auto& one : nested.as_array()) CHECK(support::error_code_of(one) == -32600);
    const auto many = co_await s.peer.ask("[1,2,3,4]");
    CHECK(many.is_object());
    CHECK(support::error_code_of(many) == -32600);
    const auto just = co_await s.peer.ask("[1,2,3]");
    CHECK(just.as_array().size() == 3);
    // Notifications and responses alone: silence, so the next answer is the next request's.
    co_await s.peer.say(R"([{"jsonrpc":"2.0","method":"note"},{"jsonrpc":"2.0","id":9,"result":1}])");
    co_await s.peer.say(R"([{"jsonrpc":"2.0","method":"unknown"}])");
    const auto next = co_await s.peer.ask(request(5, "one"));
    CHECK(next.at("id") == 5);
  });
}

TEST_CASE("a member of a batch can be cancelled, and the batch is still answered once") {
  antiphon::router routes;
  routes.on_request("wait", []() -> awaitable<void> {
    support::asio::steady_timer timer(co_await support::asio::this_coro::executor);
    timer.expires_at(std::chrono::steady_clock::time_point::max());
    co_await timer.async_wait(support::asio::use_awaitable);
  });
  routes.on_request("one", [] { return 1; });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say("[" + request(1, "wait") + "," + request(2, "one") + "]");
    const auto answer =
        co_await s.peer.ask(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}})");
    REQUIRE(answer.is_array());
    CHECK(answer.as_array().size() == 2);
    CHECK(answer.at(0).at("id") == 2);
    CHECK(support::error_code_of(answer.at(1)) == -32800);
  });
}

TEST_CASE("requests of a batch count for the limit in flight and wait their turn") {
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  options.max_queued = 2;
  std::string all = "[";
  for (int id = 1; id <= 40; ++id) all += (id > 1 ? "," : "") + request(id, "slow");
  support::session session(routes_with(), options);
  session.play([all](support::session& s) -> awaitable<void> {
    const auto answer = co_await s.peer.ask(all + "]");
    REQUIRE(answer.is_array());
    REQUIRE(answer.as_array().size() == 40);
    for (int id = 1; id <= 40; ++id) CHECK(answer.at(static_cast<std::size_t>(id - 1)).at("id") == id);
    CHECK(s.endpoint->stats().in_flight_peak == 1);
  });
}

TEST_CASE("an outgoing batch is one frame, and each of its calls has its own answer") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    int sum = 0;
    antiphon::error_code refused;
    auto caller = [&]() -> awaitable<void> {
      auto batch = s.endpoint->new_batch();
      auto first = batch.call<int>("add", 1, 2);
      auto second = support::error_of(batch.call<int>("fail"));
      batch.notify("note", "x");
      auto sending = batch.send();
      co_await std::move(sending);
      refused = co_await std::move(second);
      sum = co_await std::move(first);
    };
    support::start(*s.context, caller(), failure);
    const auto frame = co_await s.peer.hear_json();
    CHECK(frame == json(R"([{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]},
                            {"jsonrpc":"2.0","id":2,"method":"fail"},
                            {"jsonrpc":"2.0","method":"note","params":["x"]}])"));
    // One of them comes before anyone awaits it, in a batch, the other alone.
    co_await s.peer.say(R"([{"jsonrpc":"2.0","id":1,"result":3}])");
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":2,"error":{"code":5,"message":"no"}})");
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(sum == 3);
    CHECK(refused.value() == 5);
    CHECK_FALSE(static_cast<bool>(failure));
    CHECK(s.endpoint->stats().pending_calls == 0);
    CHECK(s.endpoint->stats().requests_sent == 2);
    CHECK(s.endpoint->stats().notifications_sent == 1);
  });
}

TEST_CASE("a batch that is not sent sends nothing, and its calls are cancelled") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    awaitable<int> orphan;
    {
      auto batch = s.endpoint->new_batch();
      orphan = batch.call<int>("add", 1, 2);
      auto empty = s.endpoint->new_batch();
      auto sending = empty.send();
      co_await std::move(sending);
    }
    auto outcome = support::error_of(std::move(orphan));
    const auto error = co_await std::move(outcome);
    CHECK(error == errc::cancelled);
    CHECK(s.endpoint->stats().pending_calls == 0);
    CHECK(s.endpoint->stats().requests_sent == 0);
  });
}

TEST_CASE("answers of a batch that nobody wants leave nothing behind") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    auto caller = [&]() -> awaitable<void> {
      auto batch = s.endpoint->new_batch();
      {
        auto unwanted = batch.call<int>("m");
      }
      auto also_unwanted = batch.call<int>("m");
      auto sending = batch.send();
      co_await std::move(sending);
    };
    support::start(*s.context, caller(), failure);
    co_await s.peer.hear();
    co_await s.peer.say(R"([{"jsonrpc":"2.0","id":1,"result":3},{"jsonrpc":"2.0","id":2,"result":3}])");
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(s.endpoint->stats().pending_calls == 0);
  });
}

TEST_CASE("a batch in which the reader has paused is answered as a whole when the connection is closed") {
  support::asio::steady_timer* waiting = nullptr;
  antiphon::router routes;
  routes.on_request("close", [&waiting](antiphon::call_context& call) -> awaitable<int> {
    support::asio::steady_timer timer(co_await support::asio::this_coro::executor);
    timer.expires_at(support::asio::steady_timer::time_point::max());
    waiting = &timer;
    co_await timer.async_wait(support::asio::as_tuple(support::asio::deferred));
    call.peer().close(std::chrono::milliseconds(0));
    co_return 1;
  });
  routes.on_request("one", [] { return 1; });
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  options.max_queued = 1;
  support::session session(std::move(routes), options);
  session.play([&waiting](support::session& s) -> awaitable<void> {
    co_await s.peer.say("[" + request(1, "close") + "," + request(2, "one") + "," + request(3, "one") + "]");
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(s.endpoint->stats().requests_received == 2);
    waiting->cancel();
    const auto answer = co_await s.peer.hear_json();
    REQUIRE(answer.is_array());
    REQUIRE(answer.as_array().size() == 3);
    CHECK(answer.at(0).at("result") == 1);
    CHECK(answer.at(1).at("id") == 2);
    CHECK(support::error_code_of(answer.at(2)) == -32000);
  });
}

TEST_CASE("a batch that wants no answers may still be sent when the peer has finished") {
  antiphon::router routes;
  routes.on_notification("last", [](antiphon::call_context& call) -> awaitable<void> {
    auto pause = support::settle();
    co_await std::move(pause);
    auto batch = call.peer().new_batch();
    batch.notify("one");
    batch.notify("two");
    auto sending = batch.send();
    co_await std::move(sending);
  });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    auto saying = s.peer.say(R"({"jsonrpc":"2.0","method":"last"})");
    co_await std::move(saying);
    s.peer.fall_silent();
    auto hearing = s.peer.hear_json();
    const auto both = co_await std::move(hearing);
    REQUIRE(both.is_array());
    CHECK(both.as_array().size() == 2);
  });
}
