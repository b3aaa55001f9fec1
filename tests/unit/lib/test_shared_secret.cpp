#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/middleware/shared_secret.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using support::awaitable;
using support::cancellation;
using support::notification;
using support::request;

namespace {

constexpr const char* not_authenticated = "not authenticated";

std::string saying(const std::string& params, int id = 1) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"authenticate","params":)" + params +
         "}";
}

struct guarded {
  int ones = 0;
  int notes = 0;

  antiphon::router routes() {
    antiphon::router made;
    antiphon::require_secret(made, "open \"sesame\"");
    made.on_request("one", [this] { return ++ones; });
    made.on_notification("note", [this] { ++notes; });
    made.on_any_request([](antiphon::raw_json) { return std::string("any"); });
    return made;
  }
};

}  // namespace

TEST_CASE("nothing gets through before the secret, and everything behind it") {
  guarded program;
  for (const std::string params : {R"(["open \"sesame\""])", R"({"secret":"open \u0022sesame\""})"}) {
    program.ones = program.notes = 0;
    support::session session(program.routes());
    session.play([&](support::session& s) -> awaitable<void> {
      co_await s.peer.say(notification("note") + "\n" + cancellation(3));
      const auto early = co_await s.peer.ask(request(2, "one"));
      CHECK(support::error_code_of(early) == -32600);
      CHECK(support::error_message(early) == not_authenticated);
      const auto unknown = co_await s.peer.ask(request(3, "no such"));
      CHECK(support::error_message(unknown) == not_authenticated);
      const auto batch =
          co_await s.peer.ask("[" + request(4, "one") + "," + saying(params) + "," + request(5, "one") + "]");
      CHECK(support::error_message(batch.at(0)) == not_authenticated);
      CHECK(batch.at(1).at("result") == true);
      CHECK(batch.at(2).at("result") == 1);
      CHECK(program.notes == 0);
      co_await s.peer.say(notification("note"));
      const auto any = co_await s.peer.ask(request(6, "no such"));
      CHECK(any.at("result") == "any");
      CHECK(program.notes == 1);
    });
  }
}

TEST_CASE("a wrong secret ends the connection, with an answer") {
  guarded program;
  for (const std::string params :
       {R"(["open \"sesam\""])", R"(["open \"sesame\"x"])", R"({"secret":""})", R"(["OPEN \"SESAME\""])"}) {
    CAPTURE(params);
    support::session session(program.routes());
    session.play([&](support::session& s) -> awaitable<void> {
      co_await s.peer.say(saying(params) + "\n" + saying(R"(["open \"sesame\""])", 2) + "\n" +
                          request(3, "one"));
      const auto wrong = co_await s.peer.hear_json();
      CHECK(support::error_code_of(wrong) == -32600);
      CHECK(support::error_message(wrong) == "wrong secret");
      for (;;) {
        const auto more = co_await s.peer.hear_json();
        if (more.is_null()) break;
        CHECK(more.as_object().contains("error"));
      }
    });
    CHECK(session.how->reason == antiphon::end_reason::closed_here);
    CHECK(program.ones == 0);
  }
}

TEST_CASE("what is no secret at all lets nobody in") {
  guarded program;
  support::session session(program.routes());
  session.play([&](support::session& s) -> awaitable<void> {
    for (const std::string params :
         {"[]", "{}", "[1]", R"([["open \"sesame\""]])", R"(["open \"sesame\"",1])",
          R"({"Secret":"open \"sesame\""})", R"({"secret":null})"}) {
      CAPTURE(params);
      const auto answer = co_await s.peer.ask(saying(params));
      CHECK(support::error_code_of(answer) == -32602);
      const auto still = co_await s.peer.ask(request(2, "one"));
      CHECK(support::error_message(still) == not_authenticated);
    }
    // A notification has no answer, so it says nothing.
    co_await s.peer.say(R"({"jsonrpc":"2.0","method":"authenticate","params":["open \"sesame\""]})");
    const auto still = co_await s.peer.ask(request(3, "one"));
    CHECK(support::error_message(still) == not_authenticated);
  });
  CHECK(program.ones == 0);
}

TEST_CASE("each connection says the secret for itself") {
  guarded program;
  support::session first(program.routes());
  support::session second(program.routes());
  first.play([&](support::session& s) -> awaitable<void> {
    const auto right = co_await s.peer.ask(saying(R"(["open \"sesame\""])"));
    CHECK(right.at("result") == true);
  });
  second.play([&](support::session& s) -> awaitable<void> {
    const auto early = co_await s.peer.ask(request(1, "one"));
    CHECK(support::error_message(early) == not_authenticated);
  });
}

TEST_CASE("the method that says the secret may have another name") {
  antiphon::router routes;
  antiphon::require_secret(routes, "x", "hello");
  const auto answer =
      support::answer_to(std::move(routes), R"({"jsonrpc":"2.0","id":1,"method":"hello","params":["x"]})");
  CHECK(answer.at("result") == true);
}

TEST_CASE("an empty secret is a mistake") {
  antiphon::router routes;
  CHECK_THROWS_AS(antiphon::require_secret(routes, ""), std::invalid_argument);
}

TEST_CASE("texts are equal in constant time when each of their bytes is") {
  using antiphon::equal_in_constant_time;
  CHECK(equal_in_constant_time("", ""));
  CHECK(equal_in_constant_time("secret", "secret"));
  CHECK_FALSE(equal_in_constant_time("secret", "secre"));
  CHECK_FALSE(equal_in_constant_time("", "s"));
  const std::string text(64, 'a');
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char other : {'b', '\0', static_cast<char>('a' ^ 0x80)}) {
      std::string changed = text;
      changed[at] = other;
      CHECK_FALSE(equal_in_constant_time(text, changed));
    }
  }
}
