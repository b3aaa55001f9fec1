#include "lib/progress_watch.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>

// Calls that the peer's progress gives more time.

using antiphon::call_options;
using antiphon::errc;
using antiphon::error_code;
using antiphon::progress_token;
using antiphon::detail::pending_calls;
using antiphon::detail::progress_watch;
using support::awaitable;
using support::session;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

const pending_calls::clock::time_point start{1h};
constexpr auto never = pending_calls::clock::time_point::max();

std::string progress(std::string token) {
  return R"({"jsonrpc":"2.0","method":"$/progress","params":{"token":)" + token + R"(,"value":{}}})";
}

call_options limits(milliseconds timeout, progress_token token, milliseconds total = 0ms) {
  call_options options(timeout);
  options.progress_token = std::move(token);
  options.total_timeout = total;
  return options;
}

struct outcome {
  error_code error;
  milliseconds took{0};
  bool ended = false;
};

// Calls with these options, and the peer says `words` every so often until the call has ended.
outcome call_while(call_options how, std::string words, milliseconds every,
                   antiphon::endpoint_options options = antiphon::endpoint_options(),
                   int answer_after = 1000) {
  session one(antiphon::router(), options);
  outcome seen;
  one.play([&](session& s) -> awaitable<void> {
    std::exception_ptr failure;
    auto caller = [&]() -> awaitable<void> {
      const auto begin = std::chrono::steady_clock::now();
      auto calling = support::error_of(s.endpoint->call<int>(how, "slow"));
      seen.error = co_await std::move(calling);
      seen.took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
      seen.ended = true;
    };
    support::start(*s.context, caller(), failure);
    co_await s.peer.hear();
    for (int i = 0; i < answer_after && !seen.ended; ++i) {
      auto pausing = support::pause_for(every);
      co_await std::move(pausing);
      if (seen.ended) break;
      auto saying = s.peer.say(words);
      co_await std::move(saying);
    }
    if (seen.ended) co_return;
    auto saying = s.peer.say(R"({"jsonrpc":"2.0","id":1,"result":1})");
    co_await std::move(saying);
    auto pausing = support::pause_for(5ms);
    co_await std::move(pausing);
  });
  return seen;
}

}  // namespace

TEST_CASE("a call's time begins anew with each progress, up to its total") {
  pending_calls calls;
  progress_watch watch;
  pending_calls::entry& call = calls.add();
  calls.set_deadline(call, start + 10s);
  watch.add(7, call.id, 10s, start + 25s, calls);
  watch.seen("7", start + 5s, calls);
  CHECK(call.deadline == start + 15s);
  CHECK(calls.next_deadline() == start + 15s);
  CHECK(calls.expired(start + 14s) == nullptr);
  watch.seen("7", start + 14s, calls);
  CHECK(calls.next_deadline() == start + 24s);
  watch.seen("7", start + 20s, calls);
  CHECK(calls.next_deadline() == start + 25s);
  watch.seen("7", start + 24s, calls);
  CHECK(calls.next_deadline() == start + 25s);
  CHECK(calls.expired(start + 25s) == &call);
}

TEST_CASE("tokens name the newest call that has them, and are told apart as ids are") {
  pending_calls calls;
  progress_watch watch;
  const auto add = [&](progress_token token) {
    const std::uint64_t id = calls.add().id;
    calls.set_deadline(*calls.find(id), start + 10s);
    watch.add(token, id, 10s, never, calls);
    return id;
  };
  const auto deadline = [&](std::uint64_t id) { return calls.find(id)->deadline; };
  const auto number = add(1);
  const auto text = add("1");
  const auto older = add("a");
  const auto newer = add("a");
  watch.seen("1", start + 1s, calls);
  watch.seen(R"("\u0061")", start + 2s, calls);
  watch.seen("2", start + 3s, calls);
  CHECK(deadline(number) == start + 11s);
  CHECK(deadline(text) == start + 10s);
  CHECK(deadline(older) == start + 10s);
  CHECK(deadline(newer) == start + 12s);
  // One that has ended is nobody's; nor is its place any other call's.
  calls.remove(*calls.find(newer));
  const auto next = calls.add().id;
  calls.set_deadline(*calls.find(next), start + 10s);
  watch.seen("\"a\"", start + 5s, calls);
  CHECK(deadline(next) == start + 10s);
}

TEST_CASE("tokens of calls that have ended are not kept") {
  pending_calls calls;
  progress_watch watch;
  for (int i = 0; i < 10'000; ++i) {
    pending_calls::entry& call = calls.add();
    calls.set_deadline(call, start + 1s);
    watch.add(i, call.id, 1s, never, calls);
    CHECK(watch.size() <= 64);
    calls.remove(call);
  }
}

TEST_CASE("a token is a number, a string, or none") {
  CHECK(progress_token().empty());
  CHECK(progress_token(0).json() == "0");
  CHECK(progress_token(-7).json() == "-7");
  CHECK(progress_token("a\"b").json() == R"("a\"b")");
  CHECK(progress_token(std::string("t")).json() == "\"t\"");
  CHECK(progress_token(std::string_view()).json() == "\"\"");
  CHECK_THROWS_AS(progress_token("\xff"), boost::system::system_error);
}

TEST_CASE("a call with progress outlives its timeout, and is answered") {
  const outcome seen = call_while(limits(600ms, "work"), progress("\"work\""), 150ms, {}, 6);
  CHECK_FALSE(seen.error);
  CHECK(seen.ended);
  CHECK(seen.took >= 800ms);
}

TEST_CASE("progress of something else, and of no form, gives a call no time") {
  for (const std::string& words :
       {progress("\"other\""), progress("1"), progress("null"), progress("[\"work\"]"),
        std::string(R"({"jsonrpc":"2.0","method":"$/progress"})"),
        std::string(R"({"jsonrpc":"2.0","method":"$/progress","params":["work"]})"),
        std::string(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"token":"work"}})")}) {
    CAPTURE(words);
    const outcome seen = call_while(limits(60ms, "work"), words, 10ms, {}, 200);
    CHECK(seen.error == errc::timed_out);
  }
}

TEST_CASE("a call ends with its total whatever progress it makes") {
  const outcome seen = call_while(limits(200ms, 7, 300ms), progress("7"), 10ms);
  CHECK(seen.error == errc::timed_out);
  CHECK(seen.took >= 300ms);
  CHECK(seen.took < 5s);
}

TEST_CASE("a total holds by itself, and together with the endpoint's own timeout") {
  const outcome alone = call_while(limits(0ms, "work", 50ms), progress("\"work\""), 10ms);
  CHECK(alone.error == errc::timed_out);
  CHECK(alone.took >= 50ms);
  antiphon::endpoint_options options;
  options.call_timeout = 100ms;
  const outcome both = call_while(limits(0ms, "work", 200ms), progress("\"work\""), 10ms, options);
  CHECK(both.error == errc::timed_out);
  CHECK(both.took >= 200ms);
  const outcome shorter = call_while(limits(10s, "work", 30ms), progress("\"work\""), 10ms, options);
  CHECK(shorter.error == errc::timed_out);
  CHECK(shorter.took >= 30ms);
  CHECK(shorter.took < 5s);
}

TEST_CASE("the names that progress has can be chosen") {
  antiphon::endpoint_options options;
  options.progress = &antiphon::mcp_progress;
  const std::string words =
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":3,"progress":1}})";
  const outcome seen = call_while(limits(600ms, 3), words, 150ms, options, 6);
  CHECK_FALSE(seen.error);
  CHECK(seen.took >= 800ms);
  const outcome other = call_while(limits(50ms, 3), progress("3"), 10ms, options, 200);
  CHECK(other.error == errc::timed_out);
}

TEST_CASE("progress reaches its own handler too, and after the call as before") {
  antiphon::router routes;
  int told = 0;
  routes.on_notification("$/progress", [&told](antiphon::raw_json) { ++told; });
  session one(std::move(routes));
  one.play([&](session& s) -> awaitable<void> {
    std::exception_ptr failure;
    int result = 0;
    auto caller = [&]() -> awaitable<void> {
      auto calling = s.endpoint->call<int>(limits(10s, "work"), "slow");
      result = co_await std::move(calling);
    };
    auto saying = s.peer.say(progress("\"work\""));
    co_await std::move(saying);
    support::start(*s.context, caller(), failure);
    co_await s.peer.hear();
    saying = s.peer.say(progress("\"work\"") + "\n" + R"({"jsonrpc":"2.0","id":1,"result":4})" + "\n" +
                        progress("\"work\""));
    co_await std::move(saying);
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"none"})");
    co_await std::move(asking);
    CHECK(result == 4);
    CHECK(told == 3);
    CHECK_FALSE(static_cast<bool>(failure));
  });
}
