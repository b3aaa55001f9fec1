#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

// Our own calls, as the peer sees them and as the caller does.

using antiphon::errc;
using antiphon::raw_json;
using support::awaitable;
using support::json;

namespace {

struct point {
  int x = 0;
  int y = 0;
};
BOOST_DESCRIBE_STRUCT(point, (), (x, y))

/// Runs `caller` against a peer that answers its one call with `answer`, or with nothing.
template <class Caller>
boost::json::value called(Caller caller, std::string answer) {
  support::session session;
  boost::json::value request;
  session.play([&](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    support::start(*s.context, caller(*s.endpoint), failure);
    request = co_await s.peer.hear_json();
    if (!answer.empty()) co_await s.peer.say(answer);
    auto rest = support::settle();
    co_await std::move(rest);
    if (failure) std::rethrow_exception(failure);
  });
  return request;
}

std::string params_of(const boost::json::value& message) {
  const auto* params = message.as_object().if_contains("params");
  return params == nullptr ? "none" : boost::json::serialize(*params);
}

}  // namespace

TEST_CASE("a call sends a request and returns the decoded result") {
  int result = 0;
  const auto request = called(
      [&](antiphon::endpoint& e) -> awaitable<void> {
        auto calling = e.call<int>("add", 1, 2);
        result = co_await std::move(calling);
      },
      R"({"jsonrpc":"2.0","id":1,"result":3})");
  CHECK(request == json(R"({"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]})"));
  CHECK(result == 3);
}

TEST_CASE("arguments become parameters by position, a lone whole one as it is") {
  const auto params = [](auto... args) {
    const auto notified = called(
        [args...](antiphon::endpoint& e) -> awaitable<void> {
          auto sending = e.notify("m", args...);
          co_await std::move(sending);
        },
        "");
    CHECK_FALSE(notified.as_object().contains("id"));
    return params_of(notified);
  };
  point p;
  p.x = 1;
  CHECK(params() == "none");
  CHECK(params(1, "two", 3.5) == R"([1,"two",3.5E0])");
  CHECK(params(std::string("text")) == R"(["text"])");
  CHECK(params(p) == R"({"x":1,"y":0})");
  CHECK(params(p, p) == R"([{"x":1,"y":0},{"x":1,"y":0}])");
  CHECK(params(std::vector<int>{1, 2}) == "[1,2]");
  CHECK(params(raw_json(std::string_view(R"({"a":1})"))) == R"({"a":1})");
  CHECK(params(raw_json()) == "none");
  CHECK(params(json("[1]")) == "[1]");
}

TEST_CASE("parameters that are neither an array nor an object are refused before anything is sent") {
  support::session session;
  CHECK_THROWS_AS((void)session.endpoint->call("m", raw_json(std::string_view("3"))),
                  boost::system::system_error);
  CHECK_THROWS_AS((void)session.endpoint->call("m", json("\"x\"")), boost::system::system_error);
  CHECK_THROWS_AS((void)session.endpoint->notify("m", std::string("\xff")), boost::system::system_error);
  CHECK(session.endpoint->stats().pending_calls == 0);
}

TEST_CASE("the peer's error is thrown as rpc_error by call and returned by try_call") {
  const std::string refusal =
      R"({"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"unknown \u00e4","data":{"k":[1]}}})";
  std::optional<antiphon::rpc_error> thrown;
  called(
      [&](antiphon::endpoint& e) -> awaitable<void> {
        try {
          auto calling = e.call<int>("m");
          co_await std::move(calling);
        } catch (const antiphon::rpc_error& error) {
          thrown = error;
        }
      },
      refusal);
  REQUIRE(thrown.has_value());
  CHECK(thrown->value() == -32601);
  CHECK(thrown->message() == "unknown \u00e4");
  CHECK(thrown->data()->to_value() == json(R"({"k":[1]})"));

  std::optional<antiphon::call_failure> returned;
  called(
      [&](antiphon::endpoint& e) -> awaitable<void> {
        auto calling = e.try_call<int>("m");
        auto result = co_await std::move(calling);
        if (result.has_error()) returned = result.error();
      },
      refusal);
  REQUIRE(returned.has_value());
  CHECK(returned->from_peer());
  CHECK(returned->code.value() == -32601);
  CHECK(returned->data->text() == R"({"k":[1]})");
}

TEST_CASE("a result that is not what was asked for, and a malformed error, are failures of that call") {
  const auto failure_of = [](std::string answer) {
    std::optional<antiphon::call_failure> failure;
    called(
        [&](antiphon::endpoint& e) -> awaitable<void> {
          auto calling = e.try_call<point>("m");
          auto result = co_await std::move(calling);
          if (result.has_error()) failure = result.error();
        },
        std::move(answer));
    REQUIRE(failure.has_value());
    return *failure;
  };
  const auto wrong = failure_of(R"({"jsonrpc":"2.0","id":1,"result":{"x":1,"y":"two"}})");
  CHECK(wrong.code == errc::wrong_type);
  CHECK(wrong.message.find("/y") != std::string::npos);
  CHECK(failure_of(R"({"jsonrpc":"2.0","id":1,"result":{"x":1}})").code == errc::missing_member);
  for (const char* error : {R"("oops")", "{}", R"({"code":"x","message":"m"})",
                            R"({"code":99999999999,"message":"m"})", R"({"code":1,"message":2})"}) {
    CAPTURE(error);
    CHECK(failure_of(R"({"jsonrpc":"2.0","id":1,"error":)" + std::string(error) + "}").code ==
          errc::invalid_response);
  }
}

TEST_CASE("results may be raw, void, large, or come in the reverse order") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    std::string raw;
    std::string large;
    bool ignored = false;
    auto first = [&]() -> awaitable<void> {
      auto calling = s.endpoint->call("raw");
      const raw_json result = co_await std::move(calling);
      raw = result.text();
    };
    auto second = [&]() -> awaitable<void> {
      auto calling = s.endpoint->call<std::string>("large");
      large = co_await std::move(calling);
    };
    auto third = [&]() -> awaitable<void> {
      auto calling = s.endpoint->call<void>("void");
      co_await std::move(calling);
      ignored = true;
    };
    support::start(*s.context, first(), failure);
    support::start(*s.context, second(), failure);
    support::start(*s.context, third(), failure);
    for (int i = 1; i <= 3; ++i) {
      const auto request = co_await s.peer.hear_json();
      CHECK(request.at("id") == i);
    }
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":3,"result":[1,2,3]})");
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":2,"result":")" + std::string(100'000, 'z') + "\"}");
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":1,"result":{ "spaces" : 1.50 }})");
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(raw == R"({ "spaces" : 1.50 })");
    CHECK(large == std::string(100'000, 'z'));
    CHECK(ignored);
    CHECK_FALSE(static_cast<bool>(failure));
    CHECK(s.endpoint->stats().pending_calls == 0);
  });
}

TEST_CASE("answers to nothing are counted and harmless") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    const char* const strange[] = {R"({"jsonrpc":"2.0","id":1,"result":1})",
                                   R"({"jsonrpc":"2.0","id":"1","result":1})",
                                   R"({"jsonrpc":"2.0","id":1.0,"result":1})",
                                   R"({"jsonrpc":"2.0","id":-1,"result":1})",
                                   R"({"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}})",
                                   R"({"jsonrpc":"2.0","id":99999999999999999999,"result":1})"};
    for (const char* text : strange) co_await s.peer.say(text);
    const auto answer = co_await s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"nothing"})");
    CHECK(support::error_code_of(answer) == -32601);
    CHECK(s.endpoint->stats().responses_unknown == 6);
    CHECK(s.endpoint->stats().responses_late == 0);
  });
}

TEST_CASE("only the number that a call was given answers it") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    std::optional<int> result;
    std::exception_ptr failure;
    auto caller = [&]() -> awaitable<void> {
      auto calling = s.endpoint->call<int>("m");
      result = co_await std::move(calling);
    };
    support::start(*s.context, caller(), failure);
    co_await s.peer.hear();
    for (const char* id : {"\"1\"", "1.0", "1e0", "01", "-1", "18446744073709551617"}) {
      CAPTURE(id);
      co_await s.peer.say(R"({"jsonrpc":"2.0","result":13,"id":)" + std::string(id) + "}");
      co_await s.peer.ask(R"({"jsonrpc":"2.0","id":0,"method":"sync"})");
      CHECK_FALSE(result.has_value());
    }
    co_await s.peer.say(R"({"jsonrpc":"2.0","result":7,"id":1})");
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(result == 7);
  });
}

TEST_CASE("notify completes when it has been written, not before") {
  antiphon::memory_pipe_options small;
  small.capacity = 16;
  support::session session(antiphon::router(), antiphon::endpoint_options(), small);
  session.play([](support::session& s) -> awaitable<void> {
    bool written = false;
    std::exception_ptr failure;
    auto sender = [&]() -> awaitable<void> {
      auto sending = s.endpoint->notify("note", std::string(100, 'n'));
      co_await std::move(sending);
      written = true;
    };
    support::start(*s.context, sender(), failure);
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK_FALSE(written);
    CHECK(s.endpoint->stats().outgoing_bytes > 100);
    const std::string note = co_await s.peer.hear();
    CHECK(note.find("nnn") != std::string::npos);
    auto again = support::settle();
    co_await std::move(again);
    CHECK(written);
    CHECK(s.endpoint->stats().outgoing_bytes == 0);
  });
}

TEST_CASE("senders wait while too much is owed, and nothing is lost or reordered") {
  antiphon::memory_pipe_options small;
  small.capacity = 64;
  antiphon::endpoint_options options;
  options.max_outgoing_bytes = 1000;
  support::session session(antiphon::router(), options, small);
  session.play([](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    int sent = 0;
    auto sender = [&](int number) -> awaitable<void> {
      auto sending = s.endpoint->notify("note", number, std::string(200, 'n'));
      co_await std::move(sending);
      ++sent;
    };
    for (int i = 0; i < 50; ++i) support::start(*s.context, sender(i), failure);
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(s.endpoint->stats().outgoing_bytes < 2000);
    for (int i = 0; i < 50; ++i) {
      const auto note = co_await s.peer.hear_json();
      CHECK(note.at("params").at(0) == i);
    }
    auto again = support::settle();
    co_await std::move(again);
    CHECK(sent == 50);
  });
}

TEST_CASE("the counters tell what happened") {
  antiphon::router routes;
  routes.on_request("fine", [] { return 1; });
  routes.on_request("bad", [] { throw std::runtime_error("x"); });
  routes.on_notification("note", [] {});
  routes.on_notification("bad note", [] { throw std::runtime_error("x"); });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    std::string all;
    for (const char* text :
         {R"({"jsonrpc":"2.0","method":"note"})", R"({"jsonrpc":"2.0","method":"bad note"})",
          R"({"jsonrpc":"2.0","method":"unknown"})", R"({"jsonrpc":"2.0","id":1,"method":"bad"})", "{", "[]",
          R"([{"jsonrpc":"2.0","id":2,"method":"fine"}])"}) {
      all += text;
      all += '\n';
    }
    co_await s.peer.say(all);
    for (int i = 0; i < 4; ++i) co_await s.peer.hear();
    co_await s.peer.ask(R"({"jsonrpc":"2.0","id":3,"method":"fine"})");
    const auto stats = s.endpoint->stats();
    CHECK(stats.bytes_received ==
          all.size() + 1 + std::string_view(R"({"jsonrpc":"2.0","id":3,"method":"fine"})").size() + 1);
    CHECK(stats.requests_received == 3);
    CHECK(stats.notifications_received == 3);
    CHECK(stats.notifications_unknown == 1);
    CHECK(stats.notifications_failed == 1);
    CHECK(stats.batches_received == 2);
    CHECK(stats.malformed_received == 2);
    CHECK(stats.results_sent == 2);
    CHECK(stats.errors_sent == 3);
    CHECK(stats.in_flight == 0);
    CHECK(stats.in_flight_peak == 1);
    CHECK(stats.queued == 0);
    CHECK(stats.writes >= 2);
    CHECK(stats.bytes_sent > 0);
  });
}

TEST_CASE("a peer handle without a connection fails in a defined way") {
  support::run([]() -> awaitable<void> {
    const antiphon::peer nobody;
    auto calling = support::error_of(nobody.call("m"));
    const auto error = co_await std::move(calling);
    CHECK(error == errc::closed);
    nobody.close();
    CHECK(nobody.stats().requests_sent == 0);
    CHECK_FALSE(static_cast<bool>(nobody.get_executor()));
    CHECK_THROWS_AS(nobody.new_batch(), boost::system::system_error);
  }());
}
