#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

// Callers that run elsewhere than their endpoint.

using support::awaitable;

namespace {

antiphon::router adding() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_notification("note", [](int) {});
  return routes;
}

awaitable<int> many_calls(antiphon::peer server, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) {
    auto calling = server.call<int>("add", i, 1);
    sum += co_await std::move(calling);
    auto notifying = server.notify("note", i);
    co_await std::move(notifying);
  }
  co_return sum;
}

}  // namespace

TEST_CASE("calls from a thread pool hop to the endpoint's executor and come back") {
  support::couple both(antiphon::router(), adding());
  constexpr int callers = 4;
  constexpr int calls = 200;
  std::vector<std::future<int>> sums;
  support::asio::thread_pool pool(callers);
  std::thread::id endpoint_thread;
  auto elsewhere = [&](antiphon::peer server) -> awaitable<bool> {
    auto calling = server.call<int>("add", 1, 1);
    co_await std::move(calling);
    const bool away = std::this_thread::get_id() != endpoint_thread;
    auto failing = server.try_call<int>("add", "x", "y");
    const auto failed = co_await std::move(failing);
    co_return away&& failed.has_error() && std::this_thread::get_id() != endpoint_thread;
  };
  std::future<bool> came_back;
  both.play([&](support::couple& c) -> awaitable<void> {
    endpoint_thread = std::this_thread::get_id();
    for (int i = 0; i < callers; ++i)
      sums.push_back(support::asio::co_spawn(pool, many_calls(*c.left, calls), support::asio::use_future));
    came_back = support::asio::co_spawn(pool, elsewhere(*c.left), support::asio::use_future);
    bool done = false;
    while (!done) {
      co_await support::pause_for(std::chrono::milliseconds(1));
      done = came_back.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
      for (auto& sum : sums)
        done = done && sum.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }
  });
  for (auto& sum : sums) CHECK(sum.get() == calls * (calls - 1) / 2 + calls);
  CHECK(came_back.get());
  pool.join();
}

TEST_CASE("close may be called from another thread") {
  support::couple both;
  support::asio::thread_pool pool(1);
  both.play([&](support::couple& c) -> awaitable<void> {
    support::asio::post(pool, [peer = antiphon::peer(*c.left)] { peer.close(); });
    auto calling = support::error_of(c.left->call("unknown but slow", 1));
    co_await std::move(calling);
  });
  pool.join();
  CHECK(both.left_end->reason == antiphon::end_reason::closed_here);
}

TEST_CASE("two endpoints on two threads talk to each other") {
  support::asio::io_context one(1);
  support::asio::io_context two(1);
  auto ends = antiphon::make_memory_pipe(one.get_executor(), two.get_executor());
  antiphon::endpoint client(std::move(ends.first));
  antiphon::endpoint server(std::move(ends.second), adding());
  int sum = 0;
  std::exception_ptr failure;
  auto serving = [&]() -> awaitable<void> {
    auto running = server.run();
    co_await std::move(running);
  };
  auto calling = [&]() -> awaitable<void> {
    auto body = [&](antiphon::endpoint& peer) -> awaitable<void> {
      auto calls = many_calls(peer, 1000);
      sum = co_await std::move(calls);
    };
    auto running = client.run(std::move(body));
    co_await std::move(running);
  };
  std::exception_ptr other_failure;
  support::start(two, serving(), other_failure);
  std::thread thread([&] { two.run_for(support::patience); });
  support::start(one, calling(), failure);
  one.run_for(support::patience);
  thread.join();
  CHECK(one.stopped());
  CHECK(two.stopped());
  CHECK_FALSE(static_cast<bool>(failure));
  CHECK(sum == 1000 * 999 / 2 + 1000);
}

TEST_CASE("a call may be cancelled from another executor, at any moment") {
  support::couple both(antiphon::router(), adding());
  support::asio::thread_pool pool(2);
  std::atomic<int> ended{0};
  constexpr int calls = 200;
  both.play([&](support::couple& c) -> awaitable<void> {
    for (int i = 0; i < calls; ++i) {
      // All of one call's life is on its strand, except for what the endpoint does for it.
      const auto strand = support::asio::make_strand(pool);
      auto stop = std::make_shared<support::asio::cancellation_signal>();
      auto call = [](antiphon::peer server) -> awaitable<void> {
        auto calling = server.call<int>("add", 1, 2);
        co_await std::move(calling);
      };
      support::asio::post(strand, [=, &ended, server = antiphon::peer(*c.left)]() mutable {
        support::asio::co_spawn(strand, call(server),
                                support::asio::bind_cancellation_slot(
                                    stop->slot(), [stop, &ended](std::exception_ptr) { ++ended; }));
      });
      support::asio::post(strand, [stop] { stop->emit(support::asio::cancellation_type::terminal); });
    }
    while (ended < calls) co_await support::pause_for(std::chrono::milliseconds(1));
    CHECK(c.left->stats().pending_calls == 0);
  });
  pool.join();
}

TEST_CASE("a call that fails at once comes back to its caller's executor too") {
  antiphon::peer ended;
  support::couple both;
  ended = *both.left;
  both.play([](support::couple&) -> awaitable<void> { co_return; });
  support::asio::thread_pool pool(1);
  auto caller = [](antiphon::peer server, std::thread::id& where) -> awaitable<bool> {
    const auto before = std::this_thread::get_id();
    auto calling = server.try_call<int>("add", 1, 2);
    const auto failed = co_await std::move(calling);
    where = std::this_thread::get_id();
    co_return failed.has_error() && where == before;
  };
  std::thread::id where;
  auto came_back = support::asio::co_spawn(pool, caller(ended, where), support::asio::use_future);
  while (came_back.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    both.context->restart();
    both.context->run_for(std::chrono::milliseconds(1));
  }
  CHECK(came_back.get());
  pool.join();
}

// Handlers that run elsewhere than their endpoint.

namespace {

antiphon::route_options on(support::asio::thread_pool& pool) {
  antiphon::route_options options;
  options.executor = pool.get_executor();
  return options;
}

struct halves {
  int quotient = 0;
  int rest = 0;
};
BOOST_DESCRIBE_STRUCT(halves, (), (quotient, rest))

}  // namespace

TEST_CASE("a handler runs on the executor that its route names, and is answered by the endpoint") {
  support::asio::thread_pool pool(2);
  std::atomic<int> elsewhere{0};
  const auto endpoint_thread = std::this_thread::get_id();
  const auto look = [&] {
    if (std::this_thread::get_id() != endpoint_thread) ++elsewhere;
  };
  antiphon::router routes;
  routes.on_request(
      "divide",
      [&](int a, int b) {
        look();
        if (b == 0) throw antiphon::rpc_error(antiphon::rpc_errc::invalid_params, "by zero");
        return halves{a / b, a % b};
      },
      {}, on(pool));
  routes.on_request(
      "late",
      [&](antiphon::call_context& context, std::string text) -> awaitable<std::string> {
        auto rest = support::pause_for(std::chrono::milliseconds(1));
        co_await std::move(rest);
        look();
        co_return text + std::string(context.method());
      },
      {"text"}, on(pool));
  routes.on_request("nothing", [&] { look(); }, {}, on(pool));
  routes.on_request("broken", [&]() -> int { throw std::runtime_error("secret"); }, {}, on(pool));
  std::atomic<int> noted{0};
  routes.on_notification("note", [&](int n) { noted += n; }, {}, on(pool));
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    auto divide = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"divide","params":[17,5]})");
    const auto divided = co_await std::move(divide);
    CHECK(divided == support::json(R"({"jsonrpc":"2.0","id":1,"result":{"quotient":3,"rest":2}})"));
    auto zero = s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"divide","params":[17,0]})");
    const auto refused = co_await std::move(zero);
    CHECK(support::error_message(refused) == "by zero");
    auto late = s.peer.ask(R"({"jsonrpc":"2.0","id":"x","method":"late","params":{"text":"so "}})");
    const auto texted = co_await std::move(late);
    CHECK(texted.at("result") == "so late");
    auto nothing = s.peer.ask(R"({"jsonrpc":"2.0","id":4,"method":"nothing"})");
    const auto null = co_await std::move(nothing);
    CHECK(null.at("result").is_null());
    auto broken = s.peer.ask(R"({"jsonrpc":"2.0","id":5,"method":"broken"})");
    const auto failed = co_await std::move(broken);
    CHECK(support::error_message(failed) == "internal error");
    auto wrong = s.peer.ask(R"({"jsonrpc":"2.0","id":6,"method":"divide","params":["x",0]})");
    const auto invalid = co_await std::move(wrong);
    CHECK(support::error_code_of(invalid) == -32602);
    auto noting = s.peer.ask(R"({"jsonrpc":"2.0","method":"note","params":[3]})"
                             "\n"
                             R"({"jsonrpc":"2.0","method":"note","params":[4]})"
                             "\n"
                             R"({"jsonrpc":"2.0","id":7,"method":"nothing"})");
    co_await std::move(noting);
    // Notifications are ordered: what came after them has waited for them.
    CHECK(noted == 7);
  });
  pool.join();
  CHECK(elsewhere == 5);
}

TEST_CASE("what computes elsewhere holds nobody up") {
  support::asio::thread_pool pool(1);
  std::atomic<bool> go_on{false};
  antiphon::router routes;
  routes.on_request(
      "compute",
      [&] {
        while (!go_on) std::this_thread::yield();
        return 1;
      },
      {}, on(pool));
  routes.on_request("ping", [] { return 2; });
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    auto computing = s.peer.say(R"({"jsonrpc":"2.0","id":1,"method":"compute"})");
    co_await std::move(computing);
    auto pinging = s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"ping"})");
    const auto first = co_await std::move(pinging);
    CHECK(first.at("id") == 2);
    go_on = true;
    auto hearing = s.peer.hear_json();
    const auto second = co_await std::move(hearing);
    CHECK(second.at("id") == 1);
  });
  pool.join();
}

TEST_CASE("a handler elsewhere is told that it is cancelled, by its signal or when it asks") {
  support::asio::thread_pool pool(2);
  antiphon::router routes;
  std::atomic<int> started{0};
  routes.on_request(
      "waits",
      [&]() -> awaitable<int> {
        ++started;
        auto rest = support::pause_for(support::patience);
        co_await std::move(rest);
        co_return 1;
      },
      {}, on(pool));
  routes.on_request(
      "computes",
      [&](antiphon::call_context& context) {
        ++started;
        while (!context.cancelled()) std::this_thread::yield();
        throw boost::system::system_error(antiphon::errc::cancelled);
      },
      {}, on(pool));
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    auto asking = s.peer.say(R"({"jsonrpc":"2.0","id":1,"method":"waits"})"
                             "\n"
                             R"({"jsonrpc":"2.0","id":2,"method":"computes"})");
    co_await std::move(asking);
    while (started < 2) co_await support::pause_for(std::chrono::milliseconds(1));
    for (const int id : {2, 1}) {
      auto cancelling = s.peer.ask(
          fmt::format(R"({{"jsonrpc":"2.0","method":"$/cancelRequest","params":{{"id":{}}}}})", id));
      const auto answer = co_await std::move(cancelling);
      CHECK(answer.at("id") == id);
      CHECK(support::error_code_of(answer) == -32800);
    }
  });
  pool.join();
}

TEST_CASE("a handler elsewhere calls back, lends its permit, answers early and releases its order") {
  support::asio::thread_pool pool(2);
  std::atomic<bool> stop{false};
  antiphon::router routes;
  routes.on_request(
      "ask",
      [](antiphon::call_context& context) -> awaitable<int> {
        auto calling = context.call<int>("number");
        const int number = co_await std::move(calling);
        co_return number + 1;
      },
      {}, on(pool));
  routes.on_request(
      "early",
      [](antiphon::call_context& context) -> awaitable<void> {
        auto answering = context.answer("early");
        co_await std::move(answering);
      },
      {}, on(pool));
  routes.on_notification(
      "long",
      [&](antiphon::call_context& context) {
        context.release_order();
        while (!stop) std::this_thread::yield();
      },
      {}, on(pool));
  antiphon::endpoint_options one_permit;
  one_permit.max_in_flight = 1;
  support::session session(std::move(routes), one_permit);
  session.play([&](support::session& s) -> awaitable<void> {
    auto note = s.peer.say(R"({"jsonrpc":"2.0","method":"long"})");
    co_await std::move(note);
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"ask"})");
    const auto call = co_await std::move(asking);
    CHECK(call.at("method") == "number");
    // The only permit is lent while the handler waits.
    auto early = s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"early"})");
    const auto answer = co_await std::move(early);
    CHECK(answer.at("result") == "early");
    auto replying = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"result":41})");
    const auto last = co_await std::move(replying);
    CHECK(last.at("result") == 42);
    stop = true;
  });
  pool.join();
}

TEST_CASE("an endpoint may end while its handlers compute elsewhere") {
  support::asio::thread_pool pool(2);
  std::atomic<bool> stop{false};
  std::atomic<int> started{0};
  antiphon::router routes;
  routes.on_request(
      "compute",
      [&](antiphon::call_context& context, std::string text) {
        ++started;
        while (!stop) std::this_thread::yield();
        return text + std::string(context.params().text());
      },
      {}, on(pool));
  antiphon::endpoint_options options;
  options.close_timeout = std::chrono::milliseconds(10);
  {
    support::session session(std::move(routes), options);
    session.play([&](support::session& s) -> awaitable<void> {
      auto asking = s.peer.say(R"({"jsonrpc":"2.0","id":1,"method":"compute","params":["kept"]})");
      co_await std::move(asking);
      while (started < 1) co_await support::pause_for(std::chrono::milliseconds(1));
      s.endpoint->close();
      while (!s.how) co_await support::pause_for(std::chrono::milliseconds(1));
      CHECK(s.how->reason == antiphon::end_reason::closed_here);
      s.endpoint.reset();
      stop = true;
    });
  }
  pool.join();
}
