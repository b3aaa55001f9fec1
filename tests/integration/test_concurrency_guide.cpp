#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/thread_pool.hpp>
#include <doctest/doctest.h>

#include <string>

// The code of docs/guide/concurrency.md, at work.

namespace asio = antiphon::asio;
using asio::awaitable;
using namespace std::chrono_literals;

namespace {

struct document {
  std::string uri;
};
BOOST_DESCRIBE_STRUCT(document, (), (uri))

std::size_t count_words(const std::string& text) {
  std::size_t words = 0;
  bool inside = false;
  for (const char c : text) {
    words += !inside && c != ' ' ? 1 : 0;
    inside = c != ' ';
  }
  return words;
}

}  // namespace

TEST_CASE("a route says when and where its handler runs, for how long, and what it replaces") {
  asio::thread_pool workers(2);
  antiphon::router routes;

  antiphon::route_options heavy;
  heavy.executor = workers.get_executor();
  heavy.time_limit = 10s;
  routes.on_request(
      "count",
      [](antiphon::call_context& context, std::string text) {
        if (context.cancelled()) throw antiphon::rpc_error(antiphon::rpc_errc::request_cancelled);
        return count_words(text);
      },
      {"text"}, heavy);

  antiphon::route_options newest_only;
  newest_only.supersede_key = [](const antiphon::raw_json& params) -> std::optional<std::string> {
    return params.decode<document>().uri;
  };
  routes.on_request(
      "diagnose",
      [](document which) -> awaitable<std::string> {
        auto rest = support::settle();
        co_await std::move(rest);
        co_return which.uri;
      },
      {}, newest_only);

  routes.on_request("ping", [] { return "pong"; }, {}, antiphon::route_options(antiphon::order::immediate));

  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    auto counting =
        s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"count","params":{"text":"call and response"}})");
    const auto counted = co_await std::move(counting);
    CHECK(counted.at("result") == 3);
    auto twice = s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"diagnose","params":{"uri":"a"}})"
                            "\n"
                            R"({"jsonrpc":"2.0","id":3,"method":"diagnose","params":{"uri":"a"}})");
    const auto older = co_await std::move(twice);
    CHECK(older.at("id") == 2);
    CHECK(support::error_code_of(older) == -32800);
    auto hearing = s.peer.hear_json();
    const auto newer = co_await std::move(hearing);
    CHECK(newer.at("result") == "a");
    auto pinging = s.peer.ask(R"({"jsonrpc":"2.0","id":4,"method":"ping"})");
    const auto pong = co_await std::move(pinging);
    CHECK(pong.at("result") == "pong");
  });
  workers.join();
}

TEST_CASE("an ordered handler lets go of the order, and a handler answers before it ends") {
  int indexed = 0;
  bool saved = false;
  antiphon::router routes;

  routes.on_notification("didChange", [&](antiphon::call_context& context, document) -> awaitable<void> {
    ++indexed;                // nothing later has started yet
    context.release_order();  // now it may
    auto rest = support::settle();
    co_await std::move(rest);
  });
  routes.on_request("save", [&](antiphon::call_context& context) -> awaitable<void> {
    auto answering = context.answer("saved");
    co_await std::move(answering);
    saved = true;  // the peer's answer has been written
  });

  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    auto saving = s.peer.ask(R"({"jsonrpc":"2.0","method":"didChange","params":{"uri":"a"}})"
                             "\n"
                             R"({"jsonrpc":"2.0","id":1,"method":"save"})");
    const auto answer = co_await std::move(saving);
    CHECK(answer.at("result") == "saved");
    CHECK(indexed == 1);
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(saved);
  });
}

TEST_CASE("a call has a time limit that progress starts anew") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    antiphon::endpoint& server = *s.endpoint;

    antiphon::call_options patient(200ms);
    patient.progress_token = "build-1";
    patient.total_timeout = 10s;
    auto building = server.try_call<int>(patient, "build");
    const auto built = co_await std::move(building);
    if (!built && built.error().code == antiphon::errc::timed_out) {
      // the peer has been told to cancel, and its late answer will be dropped
    }

    CHECK(built.has_error());
  });
}

TEST_CASE("an endpoint says how much it takes on, and what it does with more") {
  antiphon::endpoint_options options;
  options.max_in_flight = 4;
  options.max_queued = 100;
  options.overload = antiphon::overload::reject;
  options.at_close = antiphon::at_close::refuse_queued;
  options.close_timeout = 2s;

  antiphon::router routes;
  routes.on_request("one", [] { return 1; });
  support::session session(std::move(routes), options);
  session.play([](support::session& s) -> awaitable<void> {
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"one"})");
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("result") == 1);
  });
}
