#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// The code of docs/common_errors.md, at work: each case is the right way.

namespace asio = antiphon::asio;
using asio::awaitable;
using namespace std::chrono_literals;

namespace {

struct document {
  std::string uri, text;
};
BOOST_DESCRIBE_STRUCT(document, (), (uri, text))

awaitable<void> announce(antiphon::peer to, std::string name) {
  auto telling = to.notify("announce", name);
  co_await std::move(telling);
}

awaitable<int> work() {
  auto rest = support::settle();
  co_await std::move(rest);
  co_return 5;
}

std::string slow_checksum(const std::string& text) {
  std::this_thread::sleep_for(30ms);
  return std::to_string(text.size());
}

}  // namespace

TEST_CASE("a closure that is a coroutine is handed over, not called") {
  asio::io_context context;
  std::string heard;
  {
    std::string word = "a word that is too long to lie within the string";
    asio::co_spawn(
        context,
        [word, &heard]() -> awaitable<void> {
          auto rest = support::settle();
          co_await std::move(rest);
          heard = word;
        },
        asio::detached);
  }
  context.run();
  CHECK(heard == "a word that is too long to lie within the string");
}

TEST_CASE("what runs for itself has values, and its exception somewhere to go") {
  antiphon::router routes;
  std::vector<std::string> complaints;
  routes.on_request(
      "greet", [&complaints](antiphon::call_context& context, std::string name) -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        asio::co_spawn(executor, announce(context.peer(), name), [&complaints](std::exception_ptr failure) {
          if (failure) complaints.push_back("nobody was told");
        });
      });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    auto greeting = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"greet","params":["Ada"]})");
    const auto first = co_await std::move(greeting);
    auto hearing = s.peer.hear_json();
    const auto second = co_await std::move(hearing);
    const bool answered_first = first.as_object().contains("id");
    CHECK((answered_first ? second : first).at("method") == "announce");
  });
  CHECK(complaints.empty());
}

TEST_CASE("what is kept of the parameters is kept on purpose") {
  antiphon::router routes;
  std::vector<antiphon::raw_json> settings;
  routes.on_notification("configure",
                         [&settings](antiphon::raw_json all) { settings.push_back(all.keep()); });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      auto saying = s.peer.say(R"({"jsonrpc":"2.0","method":"configure","params":{"level":)" +
                               std::to_string(i) + "}}");
      co_await std::move(saying);
    }
    auto rest = support::settle();
    co_await std::move(rest);
  });
  REQUIRE(settings.size() == 3);
  CHECK(settings[0].text() == R"({"level":0})");
  CHECK(settings[2].text() == R"({"level":2})");
}

TEST_CASE("what others may change meanwhile is looked up again") {
  antiphon::router routes;
  std::map<std::string, std::string> texts;
  routes.on_notification("open", [&](document opened) { texts[opened.uri] = opened.text; });
  routes.on_notification("close", [&](document closed) { texts.erase(closed.uri); });
  routes.on_request("count", [&](document which) -> awaitable<std::size_t> {
    auto working = work();
    co_await std::move(working);
    const auto found = texts.find(which.uri);  // after the co_await, not before
    if (found == texts.end()) throw antiphon::rpc_error(antiphon::rpc_errc::content_modified);
    co_return found->second.size();
  });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","method":"open","params":{"uri":"a","text":"four"}})"
                             "\n"
                             R"({"jsonrpc":"2.0","id":1,"method":"count","params":{"uri":"a","text":""}})"
                             "\n"
                             R"({"jsonrpc":"2.0","method":"close","params":{"uri":"a","text":""}})");
    const auto answer = co_await std::move(asking);
    CHECK(support::error_code_of(answer) == -32801);
  });
}

TEST_CASE("what takes the processor for long has a pool to run on") {
  asio::thread_pool workers(1);
  antiphon::router routes;
  antiphon::route_options elsewhere;
  elsewhere.executor = workers.get_executor();
  routes.on_request("checksum", [](std::string text) { return slow_checksum(text); }, {"text"}, elsewhere);
  routes.on_request("ping", [] { return "pong"; });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"checksum","params":["four"]})"
                             "\n"
                             R"({"jsonrpc":"2.0","id":2,"method":"ping"})");
    const auto first = co_await std::move(asking);
    CHECK(first.at("id") == 2);
    auto hearing = s.peer.hear_json();
    const auto second = co_await std::move(hearing);
    CHECK(second.at("result") == "4");
  });
  workers.join();
}

TEST_CASE("a notification that waits for a later one lets it pass") {
  antiphon::router routes;
  std::vector<std::string> order;
  bool go = false;
  routes.on_notification("begin", [&](antiphon::call_context& call) -> awaitable<void> {
    call.release_order();  // "go" may start now
    while (!go) {
      auto rest = support::settle();
      co_await std::move(rest);
    }
    order.push_back("begun");
  });
  routes.on_notification("go", [&] {
    order.push_back("go");
    go = true;
  });
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    auto saying =
        s.peer.say("{\"jsonrpc\":\"2.0\",\"method\":\"begin\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"go\"}");
    co_await std::move(saying);
    for (int i = 0; i < 100 && order.size() < 2; ++i) {
      auto rest = support::settle();
      co_await std::move(rest);
    }
  });
  CHECK(order == std::vector<std::string>{"go", "begun"});
}

TEST_CASE("an io_context with several threads gives each connection a strand") {
  asio::io_context context;
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  auto ends = antiphon::make_memory_pipe(asio::make_strand(context), asio::make_strand(context));
  antiphon::endpoint server(std::move(ends.first), std::move(routes));
  antiphon::endpoint client(std::move(ends.second));
  asio::co_spawn(context, server.run(), asio::detached);
  asio::co_spawn(context, client.run([](antiphon::endpoint& peer) -> awaitable<void> {
    for (int i = 0; i < 100; ++i) {
      auto adding = peer.call<int>("add", i, 1);
      const int sum = co_await std::move(adding);
      CHECK(sum == i + 1);
    }
  }),
                 asio::detached);
  std::thread second([&context] { context.run(); });
  context.run();
  second.join();
}
