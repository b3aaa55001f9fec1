#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/lsp/lifecycle.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <string>

using antiphon::lsp::lifecycle;
using support::awaitable;
using support::notification;
using support::request;

namespace {

antiphon::router language_server(lifecycle& life, int& notes) {
  antiphon::router routes;
  routes.on_request("initialize", [] { return 1; });
  routes.on_request("hover", [] { return 2; });
  routes.on_notification("note", [&notes] { ++notes; });
  routes.on_request("busy", []() -> awaitable<void> {
    support::asio::steady_timer timer(co_await support::asio::this_coro::executor);
    timer.expires_at(std::chrono::steady_clock::time_point::max());
    co_await timer.async_wait(support::asio::use_awaitable);
  });
  life.attach(routes);
  return routes;
}

}  // namespace

TEST_CASE("before initialize requests get -32002 and notifications are dropped") {
  lifecycle life;
  int notes = 0;
  support::session session(language_server(life, notes));
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.say(notification("note"));
    const auto early = co_await s.peer.ask(request(1, "hover"));
    CHECK(support::error_code_of(early) == -32002);
    CHECK(notes == 0);
    co_await s.peer.say(notification("initialize"));
    const auto still_early = co_await s.peer.ask(request(1, "hover"));
    CHECK(support::error_code_of(still_early) == -32002);
    const auto first = co_await s.peer.ask(request(2, "initialize"));
    CHECK(first.at("result") == 1);
    const auto second = co_await s.peer.ask(request(3, "initialize"));
    CHECK(support::error_code_of(second) == -32600);
    co_await s.peer.say(notification("note"));
    const auto hover = co_await s.peer.ask(request(4, "hover"));
    CHECK(hover.at("result") == 2);
    CHECK(notes == 1);
  });
  CHECK_FALSE(life.shutdown_requested());
  CHECK(life.exit_code(*session.how) == 0);
}

TEST_CASE("after shutdown requests get -32600, and exit ends with 0") {
  lifecycle life(lifecycle::start::anything_goes);
  int notes = 0;
  std::string heard;
  life.on_exit([&](bool shut_down) { heard = shut_down ? "after shutdown" : "without"; });
  support::session session(language_server(life, notes));
  session.play([&](support::session& s) -> awaitable<void> {
    const auto hover = co_await s.peer.ask(request(1, "hover"));
    CHECK(hover.at("result") == 2);
    co_await s.peer.say(request(2, "busy"));
    const auto shut = co_await s.peer.ask(request(3, "shutdown"));
    CHECK(shut.at("id") == 3);
    CHECK(shut.at("result").is_null());
    CHECK(life.shutdown_requested());
    for (const char* method : {"hover", "shutdown", "initialize"}) {
      const auto late = co_await s.peer.ask(request(4, method));
      CHECK(support::error_code_of(late) == -32600);
    }
    // Whatever is still running.
    const auto cancelled = co_await s.peer.ask(notification("exit"));
    CHECK(support::error_code_of(cancelled) == -32800);
    const std::string end = co_await s.peer.hear();
    CHECK(end.empty());
  });
  CHECK(heard == "after shutdown");
  CHECK(life.exit_received());
  CHECK(session.how->reason == antiphon::end_reason::closed_here);
  CHECK(life.exit_code(*session.how) == 0);
}

TEST_CASE("exit without shutdown ends with 1, also before initialize") {
  lifecycle life;
  int notes = 0;
  std::string heard;
  life.on_exit([&](bool shut_down) { heard = shut_down ? "after shutdown" : "without"; });
  support::session session(language_server(life, notes));
  session.play([&](support::session& s) -> awaitable<void> {
    const auto end = co_await s.peer.ask(notification("exit"));
    CHECK(end.is_null());
  });
  CHECK(heard == "without");
  CHECK(life.exit_code(*session.how) == 1);
}

TEST_CASE("shutdown takes no parameters in any of the forms that clients send") {
  for (const std::string params : {"null", "[]", "{}"}) {
    lifecycle life(lifecycle::start::anything_goes);
    int notes = 0;
    const auto answer =
        support::answer_to(language_server(life, notes),
                           R"({"jsonrpc":"2.0","id":1,"method":"shutdown","params":)" + params + "}");
    CHECK(answer.at("result").is_null());
    CHECK(life.shutdown_requested());
  }
}

TEST_CASE("a connection that breaks decides the exit code when there was no exit") {
  const lifecycle life;
  antiphon::ended broken;
  broken.reason = antiphon::end_reason::protocol_error;
  CHECK(life.exit_code(broken) == 1);
  broken.reason = antiphon::end_reason::limit_exceeded;
  CHECK(life.exit_code(broken) == 1);
  broken.reason = antiphon::end_reason::connection_lost;
  CHECK(life.exit_code(broken) == 1);
  CHECK(life.exit_code(antiphon::ended()) == 0);
}
