#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <string>

// Cancellation in both directions, and time limits.

using antiphon::errc;
using antiphon::error_code;
using support::awaitable;
using support::json;
using namespace std::chrono_literals;

namespace {

awaitable<int> wait_for_ever() {
  support::asio::steady_timer timer(co_await support::asio::this_coro::executor);
  timer.expires_at(std::chrono::steady_clock::time_point::max());
  co_await timer.async_wait(support::asio::use_awaitable);
  co_return 0;
}

antiphon::router waiting_routes() {
  antiphon::router routes;
  routes.on_request("wait", wait_for_ever);
  routes.on_request("one", [] { return 1; });
  return routes;
}

std::string request(std::string id, std::string method) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + "\"}";
}
std::string cancel(std::string id) {
  return R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":)" + id + "}}";
}

}  // namespace

TEST_CASE("a running request is cancelled and answered once with -32800, also from the same read") {
  support::session session(waiting_routes());
  session.play([](support::session& s) -> awaitable<void> {
    const auto answer = co_await s.peer.ask(request("7", "wait") + "\n" + cancel("7") + "\n" + cancel("7"));
    CHECK(answer.at("id") == 7);
    CHECK(support::error_code_of(answer) == -32800);
    const auto next = co_await s.peer.ask(request("7", "one"));
    CHECK(next.at("result") == 1);
    CHECK(s.endpoint->stats().requests_cancelled == 1);
    CHECK(s.endpoint->stats().in_flight == 0);
  });
}

TEST_CASE("what one request was told, and what it made of that, means nothing to the next") {
  antiphon::router routes;
  bool throws = false;
  routes.on_request("stubborn", []() -> awaitable<int> {
    co_await support::asio::this_coro::throw_if_cancelled(false);
    try {
      auto waiting = wait_for_ever();
      co_await std::move(waiting);
    } catch (const boost::system::system_error&) {
    }
    co_return 5;
  });
  routes.on_request("next", [&throws]() -> awaitable<bool> {
    throws = co_await support::asio::this_coro::throw_if_cancelled();
    support::asio::steady_timer timer(co_await support::asio::this_coro::executor, 1ms);
    co_await timer.async_wait(support::asio::use_awaitable);
    const auto state = co_await support::asio::this_coro::cancellation_state;
    co_return state.cancelled() != support::asio::cancellation_type::none;
  });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    for (int round = 0; round < 3; ++round) {
      const auto answer = co_await s.peer.ask(request("1", "stubborn") + "\n" + cancel("1"));
      CHECK(answer.at("result") == 5);
      const auto next = co_await s.peer.ask(request("2", "next"));
      CHECK(next.at("result") == false);
    }
  });
  CHECK(throws);
}

TEST_CASE("a queued request is answered -32800 at once and never runs") {
  antiphon::router routes = waiting_routes();
  int runs = 0;
  routes.on_request("count", [&]() -> awaitable<int> { co_return ++runs; });
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request("1", "wait") + "\n" + request("\"two\"", "count"));
    const auto cancelled = co_await s.peer.ask(cancel("\"two\""));
    CHECK(cancelled.at("id") == "two");
    CHECK(support::error_code_of(cancelled) == -32800);
    const auto first = co_await s.peer.ask(cancel("1"));
    CHECK(first.at("id") == 1);
    CHECK(runs == 0);
    const auto last = co_await s.peer.ask(request("3", "count"));
    CHECK(last.at("result") == 1);
  });
}

TEST_CASE("ids are told apart by type when cancelling, and equal strings are equal however written") {
  support::session session(waiting_routes());
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request("1", "wait") + "\n" + request("\"1\"", "wait") + "\n" +
                        request("\"a\"", "wait"));
    const auto text = co_await s.peer.ask(cancel("\"1\""));
    CHECK(text.at("id") == "1");
    const auto escaped = co_await s.peer.ask(cancel("\"\\u0061\""));
    CHECK(escaped.at("id") == "a");
    const auto number = co_await s.peer.ask(cancel("1"));
    CHECK(number.at("id") == 1);
  });
}

TEST_CASE("cancellations of nothing and of no form are ignored") {
  support::session session(waiting_routes());
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request("1", "wait"));
    for (const char* id : {"2", "\"1\"", "null", "true", "[1]", "{}", "1.5", "-1"})
      co_await s.peer.say(cancel(id));
    for (const char* params : {"[1]", "{}", "\"x\"", "null", R"({"Id":1})"})
      co_await s.peer.say(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":)" + std::string(params) +
                          "}");
    co_await s.peer.say(R"({"jsonrpc":"2.0","method":"$/cancelRequest"})");
    std::string answers;
    for (int i = 0; i < 2; ++i) {
      const auto answer = co_await s.peer.ask(request("9", "one"));
      if (answer.as_object().contains("result")) answers += "1";
    }
    CHECK(answers == "11");
    CHECK(s.endpoint->stats().in_flight == 1);
    CHECK(s.endpoint->stats().requests_cancelled == 0);
  });
}

TEST_CASE(
    "a handler may finish in spite of a cancellation; a cancellation is not an excuse for other errors") {
  antiphon::router routes;
  routes.on_request("stubborn", [](antiphon::call_context& call) -> awaitable<std::string> {
    std::string how = "undisturbed";
    try {
      auto waiting = wait_for_ever();
      co_await std::move(waiting);
    } catch (const boost::system::system_error&) {
      how = call.cancelled() ? "cancelled" : "disturbed";
    }
    co_return how;
  });
  routes.on_request("broken", []() -> awaitable<int> {
    bool failed = false;
    try {
      auto waiting = wait_for_ever();
      co_await std::move(waiting);
    } catch (const boost::system::system_error&) {
      failed = true;
    }
    if (failed) throw std::runtime_error("a bug");
    co_return 0;
  });
  routes.on_request("aborted", []() -> awaitable<int> {
    co_await support::settle();
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request("1", "stubborn"));
    const auto finished = co_await s.peer.ask(cancel("1"));
    CHECK(finished.at("result") == "cancelled");
    co_await s.peer.say(request("2", "broken"));
    const auto broken = co_await s.peer.ask(cancel("2"));
    CHECK(support::error_code_of(broken) == -32603);
    const auto aborted = co_await s.peer.ask(request("3", "aborted"));
    CHECK(support::error_code_of(aborted) == -32603);
  });
}

TEST_CASE("the name of the cancelling notification can be chosen") {
  antiphon::endpoint_options options;
  options.cancel_method = "stop";
  support::session session(waiting_routes(), options);
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request("1", "wait") + "\n" + cancel("1"));
    const auto alive = co_await s.peer.ask(request("2", "one"));
    CHECK(alive.at("id") == 2);
    const auto answer = co_await s.peer.ask(R"({"jsonrpc":"2.0","method":"stop","params":{"id":1}})");
    CHECK(answer.at("id") == 1);
  });
}

TEST_CASE("a call that times out ends with timed_out, tells the peer, and counts the late answer") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    error_code error;
    auto caller = [&]() -> awaitable<void> {
      auto calling = support::error_of(s.endpoint->call<int>(antiphon::call_options(5ms), "slow"));
      error = co_await std::move(calling);
    };
    support::start(*s.context, caller(), failure);
    co_await s.peer.hear();
    const auto told = co_await s.peer.hear_json();
    CHECK(told == json(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}})"));
    CHECK(error == errc::timed_out);
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":1,"result":1})");
    co_await s.peer.ask(request("1", "nothing"));
    CHECK(s.endpoint->stats().responses_late == 1);
    CHECK(s.endpoint->stats().responses_unknown == 0);
    CHECK(s.endpoint->stats().pending_calls == 0);
  });
}

TEST_CASE("the endpoint's own time limit holds for calls without one, and vast ones never fire") {
  antiphon::endpoint_options options;
  options.call_timeout = 5ms;
  support::session session(antiphon::router(), options);
  session.play([](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    error_code by_default;
    int answered = 0;
    auto first = [&]() -> awaitable<void> {
      auto calling = support::error_of(s.endpoint->call("slow"));
      by_default = co_await std::move(calling);
    };
    auto vast = [&](std::chrono::milliseconds limit) -> awaitable<void> {
      auto calling = s.endpoint->call<int>(antiphon::call_options(limit), "slow");
      answered += co_await std::move(calling);
    };
    support::start(*s.context, first(), failure);
    support::start(*s.context, vast(std::chrono::milliseconds::max()), failure);
    support::start(*s.context, vast(std::chrono::milliseconds(std::int64_t{1} << 32)), failure);
    for (int i = 0; i < 3; ++i) co_await s.peer.hear();
    const auto told = co_await s.peer.hear_json();
    CHECK(told.at("params").at("id") == 1);
    CHECK(by_default == errc::timed_out);
    co_await s.peer.say(R"([{"jsonrpc":"2.0","id":2,"result":1},{"jsonrpc":"2.0","id":3,"result":1}])");
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(answered == 2);
    CHECK_FALSE(static_cast<bool>(failure));
  });
}

TEST_CASE("many time limits expire in their order") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    std::string order;
    auto caller = [&](int ms) -> awaitable<void> {
      auto calling = support::error_of(
          s.endpoint->call<int>(antiphon::call_options(std::chrono::milliseconds(ms)), "m"));
      co_await std::move(calling);
      order += std::to_string(ms / 20);
    };
    for (const int ms : {60, 20, 80, 40}) support::start(*s.context, caller(ms), failure);
    for (int i = 0; i < 8; ++i) co_await s.peer.hear();
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(order == "1234");
  });
}

TEST_CASE("cancelling the caller ends its call with cancelled and tells the peer") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    boost::asio::cancellation_signal stop;
    error_code error;
    bool ended = false;
    auto caller = [&]() -> awaitable<void> {
      auto calling = s.endpoint->call<int>("slow");
      try {
        co_await std::move(calling);
      } catch (const boost::system::system_error& e) {
        error = e.code();
      }
      ended = true;
    };
    boost::asio::co_spawn(*s.context, caller(),
                          boost::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    co_await s.peer.hear();
    stop.emit(boost::asio::cancellation_type::terminal);
    const auto told = co_await s.peer.hear_json();
    CHECK(told.at("method") == "$/cancelRequest");
    CHECK(told.at("params").at("id") == 1);
    CHECK(ended);
    CHECK(error == errc::cancelled);
    CHECK(s.endpoint->stats().pending_calls == 0);
  });
}

TEST_CASE("a request cancelled while its handler awaits the peer cancels that call too") {
  antiphon::router routes;
  routes.on_request("relay", [](antiphon::call_context& call) -> awaitable<int> {
    auto calling = call.call<int>("inner");
    const int result = co_await std::move(calling);
    co_return result;
  });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    const auto inner = co_await s.peer.ask(request("5", "relay"));
    CHECK(inner.at("method") == "inner");
    co_await s.peer.say(cancel("5"));
    std::string seen;
    for (int i = 0; i < 2; ++i) {
      const auto message = co_await s.peer.hear_json();
      if (message.as_object().contains("method")) {
        seen += "cancel";
        CHECK(message.at("params").at("id") == inner.at("id"));
      } else {
        CHECK(support::error_code_of(message) == -32800);
        CHECK(message.at("id") == 5);
      }
    }
    CHECK(seen == "cancel");
    CHECK(s.endpoint->stats().in_flight == 0);
  });
}
