#include "lib/stall_watch.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

// The report of handlers that don't get on.

using antiphon::stall_report;
using antiphon::stalled_handler;
using antiphon::detail::lender;
using antiphon::detail::stall_watch;
using support::awaitable;
using support::session;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

const stall_watch::clock::time_point start{1h};
constexpr auto never = stall_watch::never;

lender handler(std::uint32_t number) { return {nullptr, number}; }

/// A watch with a limit of ten seconds, and the handlers that it asks about.
struct bench {
  stall_watch watch{10s};
  std::map<std::uint32_t, std::size_t> calls;  // of those that run

  auto about() {
    return [this](lender who) -> std::optional<stalled_handler> {
      const auto found = calls.find(who.generation);
      if (found == calls.end()) return std::nullopt;
      stalled_handler one;
      one.method = std::to_string(who.generation);
      one.calls = found->second;
      return one;
    };
  }
  bool start(std::uint32_t number, stall_watch::clock::time_point now) {
    calls[number] = 0;
    return watch.started(handler(number), now, about());
  }
  void await(std::uint32_t number, stall_watch::clock::time_point now) {
    calls[number] = 1;
    watch.awaits(handler(number), now);
  }
  void go_on(std::uint32_t number) {
    calls[number] = 0;
    watch.goes_on(handler(number));
  }
  /// What is reported: the handlers' numbers, then "all" where all await the peer.
  std::string look(stall_watch::clock::time_point now) {
    const auto report = watch.look(now, about());
    if (!report) return "nothing";
    std::string text;
    for (const stalled_handler& one : report->handlers) text += one.method + " ";
    return text + (report->all_await_peer ? "all" : "");
  }
};

antiphon::endpoint_options reporting(milliseconds after, std::vector<stall_report>& to) {
  antiphon::endpoint_options options;
  options.stall_after = after;
  options.on_stall = [&to](const stall_report& report) { to.push_back(report); };
  return options;
}

antiphon::router routes() {
  antiphon::router made;
  made.on_request("nap",
                  [](int ms) -> awaitable<int> {
                    auto pausing = support::pause_for(milliseconds(ms));
                    co_await std::move(pausing);
                    co_return 5;
                  },
                  {"ms"});
  made.on_request("ask", [](antiphon::call_context& call) -> awaitable<int> {
    auto asking = call.call<int>("question");
    co_return co_await std::move(asking);
  });
  made.on_notification("tell", [](antiphon::call_context& call) -> awaitable<void> {
    auto asking = call.call<int>("question");
    co_await std::move(asking);
  });
  return made;
}

std::string request(int id, std::string method, int ms = 0) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method + "\"" +
         (ms > 0 ? R"(,"params":[)" + std::to_string(ms) + "]}" : "}");
}

awaitable<void> pause(milliseconds time) {
  auto pausing = support::pause_for(time);
  co_await std::move(pausing);
}

}  // namespace

TEST_CASE("a handler is reported once it has run too long, and once only") {
  bench b;
  CHECK(b.watch.look_at() == never);
  CHECK(b.start(1, start));
  CHECK(b.watch.look_at() == start + 11'250ms);
  CHECK_FALSE(b.start(2, start + 4s));
  CHECK(b.look(start + 9s) == "nothing");
  CHECK(b.watch.look_at() == start + 11'250ms);
  CHECK(b.look(start + 10s) == "1 ");
  // The next is reported a little late, together with what else is late by then.
  CHECK(b.watch.look_at() == start + 20s);
  CHECK(b.look(start + 20s) == "1 2 ");
  CHECK(b.watch.look_at() == never);
  CHECK(b.look(start + 60s) == "nothing");
  CHECK(b.start(3, start + 60s));
  b.calls.erase(1);
  CHECK(b.look(start + 70s) == "2 3 ");
}

TEST_CASE("handlers that end in time are not reported, and not kept") {
  bench b;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    b.start(i, start);
    b.calls.erase(i);
  }
  CHECK(b.look(start + 10s) == "nothing");
  CHECK(b.watch.look_at() == never);
  CHECK(b.watch.size() == 0);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    b.start(i, start);
    b.calls.erase(i);
    CHECK(b.watch.size() <= 128);
  }
}

TEST_CASE("that all handlers await the peer is reported once, until one of them gets on") {
  bench b;
  b.start(1, start);
  b.start(2, start);
  b.await(1, start + 1s);
  b.await(2, start + 5s);
  CHECK(b.look(start + 10s) == "1 2 ");
  CHECK(b.look(start + 20s) == "1 2 all");
  CHECK(b.look(start + 30s) == "nothing");
  CHECK(b.watch.look_at() == never);
  b.go_on(1);
  CHECK(b.look(start + 31s) == "nothing");
  b.await(1, start + 32s);
  CHECK(b.watch.look_at() == start + 43'250ms);
  CHECK(b.look(start + 42s) == "1 2 all");
  CHECK(b.look(start + 60s) == "nothing");
}

TEST_CASE("a handler that doesn't await the peer keeps the others from being a deadlock") {
  bench b;
  b.start(1, start);
  b.await(1, start);
  b.start(2, start + 5s);
  CHECK(b.look(start + 10s) == "1 ");
  CHECK(b.look(start + 20s) == "1 2 ");
  CHECK(b.look(start + 90s) == "nothing");
}

TEST_CASE("a report reads as a line for each handler") {
  stall_report report;
  report.handlers.push_back({"slow", "\"a\"", 1500ms, 0, 0ms});
  report.handlers.push_back({"relay", "7", 1200ms, 2, 1100ms});
  report.handlers.push_back({"note", "", 1100ms, 1, 1000ms});
  report.queued = 3;
  CHECK(report.text() ==
        "3 handlers stalled, 3 queued\n"
        "  slow \"a\": running for 1500 ms\n"
        "  relay 7: running for 1200 ms, awaiting 2 answers of the peer for 1100 ms\n"
        "  note (notification): running for 1100 ms, awaiting 1 answer of the peer for 1000 ms\n");
  report.handlers.resize(1);
  report.all_await_peer = true;
  CHECK(report.text().starts_with("1 handler stalled, 3 queued: all that run await the peer\n"));
}

TEST_CASE("a slow handler of an endpoint is named, once, with its id and its time") {
  std::vector<stall_report> reports;
  session one(routes(), reporting(50ms, reports));
  one.play([&](session& s) -> awaitable<void> {
    auto saying = s.peer.say(request(1, "nap", 1));
    co_await std::move(saying);
    auto asking = s.peer.ask(request(2, "nap", 400));
    const auto quick = co_await std::move(asking);
    CHECK(quick.at("id") == 1);
    auto hearing = s.peer.hear_json();
    const auto slow = co_await std::move(hearing);
    CHECK(slow.at("id") == 2);
  });
  REQUIRE(reports.size() == 1);
  CHECK_FALSE(reports[0].all_await_peer);
  REQUIRE(reports[0].handlers.size() == 1);
  CHECK(reports[0].handlers[0].method == "nap");
  CHECK(reports[0].handlers[0].id == "2");
  CHECK(reports[0].handlers[0].running >= 50ms);
  CHECK(reports[0].handlers[0].calls == 0);
}

TEST_CASE("handlers that all await the peer are named as such, also with their notifications") {
  std::vector<stall_report> reports;
  antiphon::endpoint_options options = reporting(160ms, reports);
  options.max_in_flight = 2;
  session one(routes(), options);
  one.play([&](session& s) -> awaitable<void> {
    auto saying = s.peer.say(request(1, "ask") + "\n" + request(2, "ask") + "\n" +
                             R"({"jsonrpc":"2.0","method":"tell"})" + "\n" + request(3, "nap", 1));
    co_await std::move(saying);
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
      auto hearing = s.peer.hear_json();
      const auto question = co_await std::move(hearing);
      ids.push_back(boost::json::serialize(question.at("id")));
    }
    for (int i = 0; i < 1000 && reports.empty(); ++i) co_await pause(2ms);
    co_await pause(400ms);
    CHECK(reports.size() == 1);
    // They get on, and with them what waited behind the notification.
    for (const std::string& id : ids) {
      saying = s.peer.say(R"({"jsonrpc":"2.0","result":1,"id":)" + id + "}");
      co_await std::move(saying);
    }
    for (int i = 0; i < 3; ++i) {
      auto hearing = s.peer.hear_json();
      const auto answer = co_await std::move(hearing);
      CHECK(answer.as_object().contains("result"));
    }
  });
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].all_await_peer);
  CHECK(reports[0].queued == 1);
  REQUIRE(reports[0].handlers.size() == 3);
  CHECK(reports[0].handlers[0].id == "1");
  CHECK(reports[0].handlers[1].id == "2");
  CHECK(reports[0].handlers[2].method == "tell");
  CHECK(reports[0].handlers[2].id.empty());
  for (const stalled_handler& handler : reports[0].handlers) {
    CHECK(handler.calls == 1);
    CHECK(handler.awaiting >= 160ms);
  }
}

TEST_CASE("there are no reports unless they are asked for, and one that throws harms nobody") {
  CHECK(antiphon::endpoint_options().stall_after == 0ms);
  for (const auto after : {0ms, 5ms}) {
    int told = 0;
    antiphon::endpoint_options options;
    options.stall_after = after;
    options.on_stall = [&told](const stall_report&) {
      ++told;
      throw 5;
    };
    session one(routes(), options);
    one.play([](session& s) -> awaitable<void> {
      for (int id = 1; id <= 2; ++id) {
        auto asking = s.peer.ask(request(id, "nap", 60));
        const auto answer = co_await std::move(asking);
        CHECK(answer.at("result") == 5);
      }
    });
    CHECK(told == (after == 0ms ? 0 : 2));
    CHECK(one.how->reason == antiphon::end_reason::end_of_input);
  }
}
