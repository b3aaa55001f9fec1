#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

// Handlers of every method that has none of its own.

using support::awaitable;
using support::json;

namespace {

antiphon::router any() {
  antiphon::router routes;
  routes.on_any_request([](antiphon::call_context& call, antiphon::raw_json params) {
    return std::string(call.method()) + " " + std::string(params.text());
  });
  return routes;
}

std::string request(std::string method) {
  return R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":[1]})";
}

std::string result_of(antiphon::router routes, std::string method) {
  return std::string(support::answer_to(std::move(routes), request(method)).at("result").as_string());
}

}  // namespace

TEST_CASE("methods whose names differ in the last letters only are found as quickly as others") {
  using clock = std::chrono::steady_clock;
  const auto fastest = [](const std::vector<std::string>& names) {
    antiphon::router routes;
    for (const std::string& name : names) routes.on_request(name, [] { return 1; });
    auto least = clock::duration::max();
    for (int round = 0; round < 10; ++round) {
      const auto start = clock::now();
      for (const std::string& name : names) REQUIRE(routes.find(name) != nullptr);
      least = std::min(least, clock::now() - start);
    }
    return least;
  };
  std::vector<std::string> at_the_end;
  std::vector<std::string> at_the_beginning;
  for (int i = 1000; i < 4000; ++i) {
    at_the_end.push_back("workspace/" + std::to_string(i));
    at_the_beginning.push_back(std::to_string(i) + "/workspace");
  }
  CHECK(fastest(at_the_end) < 5 * fastest(at_the_beginning));
}

TEST_CASE("a handler of any request gets those that have no handler of their own") {
  CHECK(result_of(any(), "add") == "add [1]");
  CHECK(result_of(any(), "") == " [1]");
  CHECK(result_of(any(), "*") == "* [1]");
  CHECK(result_of(any(), "a\\u002fb\\\"") == "a/b\" [1]");
  antiphon::router routes = any();
  for (int i = 0; i < 40; ++i)
    routes.on_request("known" + std::to_string(i), [i] { return std::to_string(i); });
  routes.on_notification("told", [] {});
  routes.on_request("*", [] { return std::string("star"); });
  for (int i = 0; i < 40; ++i) {
    const auto* found = routes.find("known" + std::to_string(i));
    REQUIRE(found != nullptr);
    CHECK(found->name == "known" + std::to_string(i));
  }
  CHECK(routes.find("unknown") == nullptr);
  CHECK(routes.any() != nullptr);
  antiphon::router same = any();
  same.on_request("known", [] { return std::string("own"); });
  same.on_request("*", [](antiphon::raw_json) { return std::string("star"); });
  antiphon::router again = any();
  again.on_notification("told", [] {});
  CHECK(result_of(std::move(routes), "known") == "known [1]");
  CHECK(result_of(std::move(same), "*") == "star");
  CHECK(result_of(std::move(again), "told") == "told [1]");
}

TEST_CASE("without one, an unknown request is refused as ever, also beside a handler of any notification") {
  antiphon::router routes;
  routes.on_any_notification([] {});
  CHECK(support::error_code_of(support::answer_to(std::move(routes), request("add"))) == -32601);
}

TEST_CASE("a coroutine of any method has its name for as long as it runs") {
  for (const std::string method : {"some/method", "some\\u002fmethod"}) {
    antiphon::router routes;
    routes.on_any_request([](antiphon::call_context& call) -> awaitable<std::string> {
      const auto executor = co_await boost::asio::this_coro::executor;
      for (int i = 0; i < 30; ++i) co_await boost::asio::post(executor, boost::asio::use_awaitable);
      co_return std::string(call.method()) + std::string(call.id().json());
    });
    routes.on_request("other", [] { return 0; });
    support::session session(std::move(routes));
    session.play([&](support::session& s) -> awaitable<void> {
      auto saying = s.peer.say(R"({"jsonrpc":"2.0","id":"x","method":")" + method + R"("})" + "\n" +
                               R"({"jsonrpc":"2.0","id":2,"method":"other"})");
      co_await std::move(saying);
      auto first = s.peer.hear_json();
      const auto other = co_await std::move(first);
      CHECK(other.at("id") == 2);
      auto second = s.peer.hear_json();
      const auto named = co_await std::move(second);
      CHECK(named.at("result") == "some/method\"x\"");
    });
  }
}

TEST_CASE("a handler of any notification gets them in their order, but no cancellations") {
  std::vector<std::string> seen;
  antiphon::router routes;
  routes.on_any_notification([&seen](antiphon::call_context& call) { seen.emplace_back(call.method()); });
  routes.on_notification("own", [&seen] { seen.emplace_back("its own"); });
  routes.on_request("ask", [] { return 0; });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","method":"a"}
{"jsonrpc":"2.0","method":"own"}
{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":7}}
{"jsonrpc":"2.0","method":"\u0062"}
{"jsonrpc":"2.0","id":1,"method":"ask"})");
    co_await std::move(asking);
  });
  CHECK(seen == std::vector<std::string>{"a", "its own", "b"});
}
