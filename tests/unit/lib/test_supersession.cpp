#include "lib/supersession.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

// Newer requests that take the place of older ones.

using support::awaitable;
using support::session;
using namespace std::chrono_literals;

namespace {

struct document {
  std::string uri;
};
BOOST_DESCRIBE_STRUCT(document, (), (uri))

antiphon::route_options by_uri() {
  antiphon::route_options options;
  options.supersede_key = [](const antiphon::raw_json& params) { return params.decode<document>().uri; };
  return options;
}

std::string request(std::string id, std::string method, std::string uri) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{"uri":")" + uri +
         "\"}}";
}

awaitable<int> wait_for_ever() {
  auto pausing = support::pause_for(1h);
  co_await std::move(pausing);
  co_return 0;
}

antiphon::endpoint_options impatient() {
  antiphon::endpoint_options options;
  options.close_timeout = 1ms;
  return options;
}

antiphon::router routes(std::vector<std::string>& started) {
  antiphon::router made;
  const auto waiting = [&started](const char* name) {
    return [&started, name](document of) -> awaitable<int> {
      started.push_back(name + (":" + of.uri));
      auto sleeping = wait_for_ever();
      co_return co_await std::move(sleeping);
    };
  };
  made.on_request("check", waiting("check"), {}, by_uri());
  made.on_request("format", waiting("format"), {}, by_uri());
  made.on_request("plain", waiting("plain"));
  made.on_request("ping", [] { return 1; });
  return made;
}

}  // namespace

TEST_CASE("a newer request with an equal key cancels the one that runs") {
  std::vector<std::string> started;
  session one(routes(started), impatient());
  one.play([&](session& s) -> awaitable<void> {
    co_await s.peer.say(request("1", "check", "a"));
    auto asking = s.peer.ask(request("2", "check", "a"));
    const auto old = co_await std::move(asking);
    CHECK(old.at("id") == 1);
    CHECK(support::error_code_of(old) == -32800);
    CHECK(s.endpoint->stats().in_flight == 1);
    CHECK(s.endpoint->stats().requests_cancelled == 1);
    asking = s.peer.ask(request("\"three\"", "check", "a"));
    const auto next = co_await std::move(asking);
    CHECK(next.at("id") == 2);
    CHECK(started == std::vector<std::string>{"check:a", "check:a", "check:a"});
  });
}

TEST_CASE("of requests that wait in the queue only the newest of each key runs") {
  std::vector<std::string> started;
  antiphon::endpoint_options options = impatient();
  options.max_in_flight = 1;
  session one(routes(started), options);
  one.play([&](session& s) -> awaitable<void> {
    co_await s.peer.say(request("1", "plain", "x") + "\n" + request("2", "check", "a") + "\n" +
                        request("3", "check", "b") + "\n" + request("4", "check", "a") + "\n" +
                        request("5", "check", "a"));
    for (const int id : {2, 4}) {
      auto hearing = s.peer.hear_json();
      const auto old = co_await std::move(hearing);
      CHECK(old.at("id") == id);
      CHECK(support::error_code_of(old) == -32800);
    }
    CHECK(s.endpoint->stats().queued == 2);
    for (const char* id : {"1", "3", "5"}) {
      auto asking = s.peer.ask(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":)" +
                               std::string(id) + "}}");
      const auto answer = co_await std::move(asking);
      CHECK(answer.at("id") == std::stoi(id));
    }
    CHECK(started == std::vector<std::string>{"plain:x", "check:b", "check:a"});
  });
}

TEST_CASE("other keys, other routes, and requests without a key are left alone") {
  std::vector<std::string> started;
  antiphon::router made = routes(started);
  antiphon::route_options sometimes;
  sometimes.supersede_key = [](const antiphon::raw_json& params) -> std::optional<std::string> {
    const std::string uri = params.decode<document>().uri;
    if (uri.empty()) return std::nullopt;
    return uri;
  };
  made.on_request("sometimes", [](document) { return wait_for_ever(); }, {}, sometimes);
  session one(std::move(made), impatient());
  one.play([&](session& s) -> awaitable<void> {
    co_await s.peer.say(request("1", "check", "a") + "\n" + request("2", "check", "b") + "\n" +
                        request("3", "format", "a") + "\n" + request("4", "plain", "a") + "\n" +
                        request("5", "plain", "a") + "\n" + request("6", "sometimes", "") + "\n" +
                        request("7", "sometimes", "") + "\n" + request("8", "check", ""));
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":9,"method":"ping"})");
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("id") == 9);
    CHECK(s.endpoint->stats().in_flight == 8);
    CHECK(s.endpoint->stats().requests_cancelled == 0);
  });
}

TEST_CASE("a request that has ended is not superseded, and its id may be another's by then") {
  std::vector<std::string> started;
  antiphon::router made = routes(started);
  made.on_request("quick", [](document of) { return of.uri; }, {}, by_uri());
  session one(std::move(made), impatient());
  one.play([&](session& s) -> awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      auto asking = s.peer.ask(request("1", "quick", "a"));
      const auto answer = co_await std::move(asking);
      CHECK(answer.at("result") == "a");
    }
    // In the same place, and without a key.
    co_await s.peer.say(request("1", "plain", "a"));
    auto asking = s.peer.ask(request("2", "quick", "a"));
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("result") == "a");
    CHECK(s.endpoint->stats().in_flight == 1);
    CHECK(s.endpoint->stats().requests_cancelled == 0);
  });
}

TEST_CASE("what a key function throws answers its request, and the older one is left alone") {
  std::vector<std::string> started;
  antiphon::router made = routes(started);
  antiphon::route_options options;
  options.supersede_key = [](const antiphon::raw_json& params) -> std::string {
    const std::string uri = params.decode<document>().uri;
    if (uri == "bad") throw antiphon::rpc_error(7, "no such document");
    if (uri == "odd") throw std::runtime_error("a secret");
    return "same";
  };
  made.on_request("picky", [](document) { return wait_for_ever(); }, {}, options);
  session one(std::move(made), impatient());
  one.play([](session& s) -> awaitable<void> {
    co_await s.peer.say(request("1", "picky", "good"));
    auto asking = s.peer.ask(request("2", "picky", "bad"));
    const auto bad = co_await std::move(asking);
    CHECK(bad.at("id") == 2);
    CHECK(support::error_code_of(bad) == 7);
    asking = s.peer.ask(request("3", "picky", "odd"));
    const auto odd = co_await std::move(asking);
    CHECK(support::error_code_of(odd) == -32603);
    CHECK(support::error_message(odd) == "internal error");
    CHECK(s.endpoint->stats().in_flight == 1);
    asking = s.peer.ask("[" + request("4", "picky", "bad") + "," + request("5", "none", "") + "]");
    const auto both = co_await std::move(asking);
    CHECK(both.as_array().size() == 2);
    asking = s.peer.ask(request("6", "picky", "good"));
    const auto old = co_await std::move(asking);
    CHECK(old.at("id") == 1);
  });
}

TEST_CASE("members of a batch supersede each other too, and the batch is answered as a whole") {
  std::vector<std::string> started;
  antiphon::endpoint_options options = impatient();
  options.max_in_flight = 1;
  session one(routes(started), options);
  one.play([&](session& s) -> awaitable<void> {
    co_await s.peer.say("[" + request("1", "check", "a") + "," + request("2", "check", "a") + "," +
                        request("3", "check", "a") + "]");
    auto pausing = support::pause_for(5ms);
    co_await std::move(pausing);
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":3}})");
    const auto answers = co_await std::move(asking);
    REQUIRE(answers.as_array().size() == 3);
    for (const auto& answer : answers.as_array()) CHECK(support::error_code_of(answer) == -32800);
    // The one in the middle never ran.
    CHECK(started.size() == 2);
  });
}

TEST_CASE("superseded, cancelled and timed out at once, a request has one answer") {
  std::vector<std::string> started;
  antiphon::router made = routes(started);
  antiphon::route_options options = by_uri();
  options.time_limit = 2ms;
  made.on_request(
      "all",
      [](document) -> awaitable<int> {
        auto pausing = support::pause_for(2ms);
        co_await std::move(pausing);
        co_return 1;
      },
      {}, options);
  made.on_request("block", [](document) {
    const auto until = std::chrono::steady_clock::now() + 4ms;
    while (std::chrono::steady_clock::now() < until) {
    }
  });
  session one(std::move(made), impatient());
  one.play([](session& s) -> awaitable<void> {
    for (int round = 0; round < 30; ++round) {
      const std::string cancel = R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}})";
      std::string all = request("1", "all", "a") + "\n" + request("2", "block", "") + "\n";
      if (round % 2 == 0) all += cancel + "\n";
      all += request("3", "all", "a") + "\n" + cancel;
      auto saying = s.peer.say(all);
      co_await std::move(saying);
      std::vector<std::int64_t> ids;
      for (int i = 0; i < 3; ++i) {
        auto hearing = s.peer.hear_json();
        const auto answer = co_await std::move(hearing);
        ids.push_back(answer.at("id").as_int64());
      }
      std::sort(ids.begin(), ids.end());
      CHECK(ids == std::vector<std::int64_t>{1, 2, 3});
    }
  });
}

TEST_CASE("keys of requests that have ended are not kept") {
  antiphon::router made;
  made.on_request("m", [] { return 1; });
  const antiphon::detail::route& route = *made.find("m")->request;
  antiphon::detail::supersession newest;
  const auto none = [](antiphon::detail::lender) { return false; };
  for (int i = 0; i < 10'000; ++i) {
    newest.take_over(route, std::to_string(i), {nullptr, static_cast<std::uint32_t>(i)}, none);
    CHECK(newest.size() <= 64);
  }
  const auto before = newest.take_over(route, "9999", {}, [](antiphon::detail::lender) { return true; });
  CHECK(before.generation == 9999);
}
