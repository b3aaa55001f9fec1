#include "lib/silence_watch.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <string>

// What becomes of a peer that begins a message and stalls, and of one that says nothing at all.

using antiphon::end_reason;
using antiphon::ended;
using antiphon::endpoint_options;
using antiphon::errc;
using antiphon::detail::silence_watch;
using support::awaitable;
using support::session;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

endpoint_options partial_limit(milliseconds limit) {
  endpoint_options options;
  options.partial_message_timeout = limit;
  return options;
}

endpoint_options idle_limit(milliseconds limit) {
  endpoint_options options;
  options.idle_timeout = limit;
  return options;
}

antiphon::router routes() {
  antiphon::router made;
  made.on_request("ping", [](antiphon::raw_json) { return 1; });
  made.on_request("echo", [](antiphon::raw_json params) { return params; });
  made.on_request("nap", support::nap, {"ms"});
  made.on_request("ask", [](antiphon::call_context& call) -> awaitable<int> {
    auto asking = call.call<int>("question");
    const int answer = co_await std::move(asking);
    co_return answer;
  });
  return made;
}

const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";

/// Says a message in two pieces.
awaitable<boost::json::value> ping_in_pieces(session& s, milliseconds between) {
  auto first = support::send(s.peer.transport(), std::string_view(ping).substr(0, 10));
  co_await std::move(first);
  auto pausing = support::pause_for(between);
  co_await std::move(pausing);
  auto asking = s.peer.ask(ping.substr(10));
  co_return co_await std::move(asking);
}

milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

// Short enough for every transport to take it before anybody reads.
const std::string begun = "{";

/// Serves a peer that says `words` and then waits, over a transport of this kind.
awaitable<ended> serve_silent_peer(support::kind over, endpoint_options options, std::string words) {
  auto making = support::make_pair(over);
  support::pair both = co_await std::move(making);
  auto saying = support::send(*both.near, words);
  co_await std::move(saying);
  antiphon::endpoint server(std::move(both.far), routes(), support::in_lines(std::move(options)));
  auto running = server.run();
  const ended how = co_await std::move(running);
  co_return how;
}

void check_silent_peer(endpoint_options options, std::string words, errc why) {
  for (const support::kind over : support::two_ended_kinds()) {
    const std::string name = support::name_of(over);
    CAPTURE(name);
    ended how;
    support::run([](auto kind, auto limits, auto said, ended& into) -> awaitable<void> {
      auto serving = serve_silent_peer(kind, limits, said);
      into = co_await std::move(serving);
    }(over, options, words, how));
    CHECK(how.reason == end_reason::timed_out);
    CHECK(how.error == why);
    CHECK(how.exit_code() == 1);
  }
}

}  // namespace

TEST_CASE("a message that is begun and not finished ends the connection, over every transport") {
  check_silent_peer(partial_limit(20ms), begun, errc::message_timed_out);
}

TEST_CASE("a peer that says nothing ends the connection, over every transport") {
  check_silent_peer(idle_limit(20ms), "", errc::idle_timed_out);
  check_silent_peer(idle_limit(20ms), begun, errc::idle_timed_out);
}

TEST_CASE("there is no limit on silence unless one is set, and one may be as long as a number can say") {
  CHECK(endpoint_options().partial_message_timeout == 0ms);
  CHECK(endpoint_options().idle_timeout == 0ms);
  endpoint_options options = partial_limit(milliseconds::max());
  options.idle_timeout = milliseconds::max();
  session one(routes(), options);
  one.play([](session& s) -> awaitable<void> {
    auto asking = ping_in_pieces(s, 20ms);
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("result") == 1);
  });
  CHECK(one.how->reason != end_reason::timed_out);
}

TEST_CASE("a peer whose message took too long is told, and what it had asked before is answered") {
  session one(routes(), partial_limit(50ms));
  one.play([](session& s) -> awaitable<void> {
    const auto start = std::chrono::steady_clock::now();
    auto saying = s.peer.say(R"({"jsonrpc":"2.0","id":7,"method":"nap","params":[150]})");
    co_await std::move(saying);
    auto beginning = support::send(s.peer.transport(), "{\"jsonrpc\"");
    co_await std::move(beginning);
    auto hearing = s.peer.hear_json();
    const auto told = co_await std::move(hearing);
    CHECK(since(start) >= 50ms);
    CHECK(told.at("id").is_null());
    CHECK(support::error_code_of(told) == -32600);
    CHECK(support::error_message(told) == "a message was begun and not finished in time");
    // Too late.
    auto finishing = s.peer.say(R"(:"2.0","id":8,"method":"ping"})");
    co_await std::move(finishing);
    hearing = s.peer.hear_json();
    const auto answer = co_await std::move(hearing);
    CHECK(answer.at("id") == 7);
    CHECK(answer.at("result") == 5);
    hearing = s.peer.hear_json();
    const auto nothing = co_await std::move(hearing);
    CHECK(nothing.is_null());
  });
  CHECK(one.how->reason == end_reason::timed_out);
  CHECK(one.how->error == errc::message_timed_out);
}

TEST_CASE("the limit is for the whole message: a peer that drips is ended all the same") {
  session one(routes(), partial_limit(100ms));
  one.play([](session& s) -> awaitable<void> {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 2000 && !s.how; ++i) {
      auto dripping = support::error_of(support::send(s.peer.transport(), i == 0 ? "{" : " "));
      co_await std::move(dripping);
      auto pausing = support::pause_for(2ms);
      co_await std::move(pausing);
    }
    CHECK(since(start) < 4s);
  });
  CHECK(one.how->error == errc::message_timed_out);
}

TEST_CASE("the limit is for each message: many that come in pieces take as long as they like together") {
  session one(routes(), partial_limit(500ms));
  one.play([](session& s) -> awaitable<void> {
    for (int i = 0; i < 5; ++i) {
      auto asking = ping_in_pieces(s, 150ms);
      const auto answer = co_await std::move(asking);
      CHECK(answer.at("result") == 1);
    }
  });
  CHECK(one.how->reason != end_reason::timed_out);
}

TEST_CASE("the rest of a message is not late while we are the ones who don't read it") {
  endpoint_options options = partial_limit(300ms);
  options.max_outgoing_bytes = 1000;
  antiphon::memory_pipe_options small;
  small.capacity = 8 * 1024;
  session one(routes(), options, small);
  one.play([](session& s) -> awaitable<void> {
    // Answers that nobody takes stop the reader in front of the last whole message.
    const std::string big =
        R"({"jsonrpc":"2.0","id":0,"method":"echo","params":[")" + std::string(3000, 'x') + "\"]}\n";
    const std::string one_and_a_half = ping + "\n" + ping.substr(0, 20);
    for (int i = 0; i < 5; ++i) {
      auto saying = support::send(s.peer.transport(), big);
      co_await std::move(saying);
    }
    auto beginning = support::send(s.peer.transport(), one_and_a_half);
    co_await std::move(beginning);
    auto pausing = support::pause_for(700ms);
    co_await std::move(pausing);
    for (int i = 0; i < 6; ++i) {
      auto hearing = s.peer.hear_json();
      const auto answer = co_await std::move(hearing);
      CHECK(answer.as_object().contains("result"));
    }
    auto asking = s.peer.ask(ping.substr(20));
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("result") == 1);
  });
  CHECK(one.how->reason != end_reason::timed_out);
}

TEST_CASE("an idle connection ends without a word, and not before its time") {
  session one(routes(), idle_limit(60ms));
  one.play([](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(ping);
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("result") == 1);
    const auto start = std::chrono::steady_clock::now();
    auto hearing = s.peer.hear_json();
    const auto nothing = co_await std::move(hearing);
    CHECK(nothing.is_null());
    CHECK(since(start) >= 55ms);
  });
  CHECK(one.how->error == errc::idle_timed_out);
}

TEST_CASE("traffic keeps a connection from being idle, in either direction") {
  session one(routes(), idle_limit(400ms));
  one.play([](session& s) -> awaitable<void> {
    for (int i = 0; i < 8; ++i) {
      auto pausing = support::pause_for(100ms);
      co_await std::move(pausing);
      if (i % 2 == 0) {
        auto asking = s.peer.ask(ping);
        co_await std::move(asking);
      } else {
        auto notifying = s.endpoint->notify("news");
        co_await std::move(notifying);
        auto hearing = s.peer.hear();
        co_await std::move(hearing);
      }
    }
    CHECK_FALSE(s.how);
  });
  CHECK(one.how->reason != end_reason::timed_out);
}

TEST_CASE("a connection is not idle while a handler runs or an answer is awaited") {
  session one(routes(), idle_limit(300ms));
  one.play([](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"nap","params":[700]})");
    const auto slow = co_await std::move(asking);
    CHECK(slow.at("result") == 5);
    asking = s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"ask"})");
    const auto question = co_await std::move(asking);
    auto pausing = support::pause_for(700ms);
    co_await std::move(pausing);
    asking = s.peer.ask(R"({"jsonrpc":"2.0","id":)" + boost::json::serialize(question.at("id")) +
                        R"(,"result":9})");
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("result") == 9);
    auto hearing = s.peer.hear_json();
    const auto nothing = co_await std::move(hearing);
    CHECK(nothing.is_null());
  });
  CHECK(one.how->error == errc::idle_timed_out);
}

TEST_CASE("a peer that takes nothing of what it is owed is idle, whatever it has asked for") {
  endpoint_options options = idle_limit(50ms);
  options.close_timeout = 10ms;
  antiphon::memory_pipe_options small;
  small.capacity = 100;
  session one(routes(), options, small);
  one.play([](session& s) -> awaitable<void> {
    auto saying = s.peer.say(R"({"jsonrpc":"2.0","id":1,"method":"nap","params":[10000]})");
    co_await std::move(saying);
    saying =
        s.peer.say(R"({"jsonrpc":"2.0","id":2,"method":"echo","params":[")" + std::string(500, 'x') + "\"]}");
    co_await std::move(saying);
    while (!s.how) {
      auto pausing = support::pause_for(5ms);
      co_await std::move(pausing);
    }
  });
  CHECK(one.how->error == errc::idle_timed_out);
}

TEST_CASE("our own calls fail with what ended the connection") {
  session one(routes(), partial_limit(20ms));
  one.play([](session& s) -> awaitable<void> {
    auto beginning = support::send(s.peer.transport(), "{");
    co_await std::move(beginning);
    auto calling = support::error_of(s.endpoint->call<int>("question"));
    const auto error = co_await std::move(calling);
    CHECK(error == errc::message_timed_out);
  });
}

// ---------------------------------------------------------------- without a connection

TEST_CASE("the rest of a message may take its time from when it was waited for, whatever comes meanwhile") {
  const silence_watch::clock::time_point start{1h};
  silence_watch watch{partial_limit(10s)};
  CHECK(watch.limits());
  CHECK_FALSE(watch.look(start, false));
  CHECK(watch.look_at() == start + 10s);
  watch.waits_for_rest(start + 3s);
  watch.moved(start + 9s);
  CHECK_FALSE(watch.look(start + 10s, false));
  CHECK(watch.look_at() == start + 13s);
  CHECK(watch.look(start + 13s, true) == errc::message_timed_out);
  watch.has_message();
  CHECK_FALSE(watch.look(start + 13s, false));
}

TEST_CASE("who is idle has done nothing for so long, and nothing is for us to do") {
  const silence_watch::clock::time_point start{1h};
  silence_watch watch{idle_limit(10s)};
  watch.moved(start);
  CHECK_FALSE(watch.look(start + 9s, false));
  CHECK(watch.look_at() == start + 10s);
  CHECK_FALSE(watch.look(start + 10s, true));
  CHECK(watch.look_at() == start + 20s);
  CHECK(watch.look(start + 20s, false) == errc::idle_timed_out);
}

TEST_CASE("where nothing limits silence there is nothing to look at") {
  silence_watch watch{endpoint_options()};
  CHECK_FALSE(watch.limits());
  CHECK_FALSE(watch.look(silence_watch::clock::time_point(1h), false));
  CHECK(watch.look_at() == silence_watch::never);
}
