#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <string>
#include <vector>

// What comes in: ids, order, limits.

using support::awaitable;
using support::json;

namespace {

/// Ends when the test says so.
class latch {
 public:
  awaitable<void> wait() {
    const auto executor = co_await support::asio::this_coro::executor;
    while (!open_) co_await support::asio::post(executor, support::asio::deferred);
  }
  void open() { open_ = true; }
  bool is_open() const { return open_; }

 private:
  bool open_ = false;
};

std::string request(std::string id, std::string method, std::string params = "[]") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}";
}
std::string notification(std::string method, std::string params = "[]") {
  return R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + "}";
}

}  // namespace

TEST_CASE("ids come back exactly as they were written") {
  antiphon::router routes;
  routes.on_request("sync", [] { return 1; });
  routes.on_request("coroutine", []() -> awaitable<int> {
    co_await support::settle();
    co_return 1;
  });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    for (const std::string id :
         {"0", "\"\"", "-9223372036854775808", "18446744073709551615", R"("\u0061\n\ud83d\ude00")", "\"1\"",
          "1", R"("a long one, longer than any small string is")"}) {
      for (const char* method : {"sync", "coroutine", "unknown"}) {
        co_await s.peer.say(request(id, method));
        const std::string answer = co_await s.peer.hear();
        CAPTURE(answer);
        CHECK(answer.find("\"id\":" + id + ",") != std::string::npos);
      }
    }
  });
}

TEST_CASE("a second request with an id in flight is refused, the first is left alone") {
  antiphon::router routes;
  latch gate;
  routes.on_request("wait", [&](int n) -> awaitable<int> {
    auto waiting = gate.wait();
    co_await std::move(waiting);
    co_return n;
  });
  routes.on_request("one", [] { return 1; });
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request("\"a\"", "wait", "[42]"));
    const auto refused = co_await s.peer.ask(request(R"("\u0061")", "one"));
    CHECK(support::error_code_of(refused) == -32600);
    CHECK(refused.at("id") == "a");
    gate.open();
    const auto first = co_await s.peer.hear_json();
    CHECK(first.at("result") == 42);
    const auto again = co_await s.peer.ask(request("\"a\"", "one"));
    CHECK(again.at("result") == 1);
  });
}

TEST_CASE("an id in flight is refused too while its request waits or is a batch's member; 1 is not \"1\"") {
  antiphon::router routes;
  latch gate;
  int runs = 0;
  routes.on_request("wait", [&](int n) -> awaitable<int> {
    ++runs;
    auto waiting = gate.wait();
    co_await std::move(waiting);
    co_return n;
  });
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    // 1 runs, "1" waits, 2 and 3 wait in a batch, which has 3 twice.
    co_await s.peer.say(request("1", "wait", "[1]") + "\n" + request("\"1\"", "wait", "[2]") + "\n[" +
                        request("2", "wait", "[3]") + "," + request("3", "wait", "[4]") + "," +
                        request("3", "wait", "[5]") + "]");
    for (const char* id : {"1", "\"1\"", "2", "3"}) {
      CAPTURE(id);
      const auto refused = co_await s.peer.ask(request(id, "wait", "[9]"));
      CHECK(refused.at("id") == support::json(id));
      CHECK(support::error_code_of(refused) == -32600);
      const auto in_batch = co_await s.peer.ask("[" + request(id, "wait", "[9]") + "]");
      REQUIRE(in_batch.as_array().size() == 1);
      CHECK(support::error_code_of(in_batch.at(0)) == -32600);
    }
    CHECK(runs == 1);
    CHECK(s.endpoint->stats().queued == 3);
    gate.open();
    for (int n = 1; n <= 2; ++n) {
      const auto answer = co_await s.peer.hear_json();
      CHECK(answer.at("result") == n);
    }
    const auto batch = co_await s.peer.hear_json();
    REQUIRE(batch.as_array().size() == 3);
    CHECK(support::error_code_of(batch.at(0)) == -32600);
    CHECK(batch.at(0).at("id") == 3);
    CHECK(batch.at(1).at("result") == 3);
    CHECK(batch.at(2).at("result") == 4);
    CHECK(runs == 4);
  });
}

TEST_CASE("notifications are handled in arrival order, one at a time, whatever they do") {
  antiphon::router routes;
  std::vector<int> seen;
  int running = 0;
  routes.on_notification("note", [&](int n) -> awaitable<void> {
    CHECK(++running == 1);
    for (int i = 0; i < n % 4; ++i) co_await support::asio::post(support::asio::deferred);
    seen.push_back(n);
    --running;
  });
  routes.on_request("seen", [&] { return seen.size(); });
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    std::string all;
    for (int n = 0; n < 200; ++n) all += notification("note", "[" + std::to_string(n) + "]") + "\n";
    const auto answer = co_await s.peer.ask(all + request("1", "seen"));
    // A request behind them starts behind them.
    CHECK(answer.at("result") == 200);
    for (int n = 0; n < 200; ++n) CHECK(seen[static_cast<std::size_t>(n)] == n);
  });
}

TEST_CASE("a failing notification is silent and the ones behind it are handled") {
  antiphon::router routes;
  int handled = 0;
  routes.on_notification("bad", [] { throw std::runtime_error("x"); });
  routes.on_notification("typed", [](int) {});
  routes.on_notification("good", [&] { ++handled; });
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.say(notification("bad") + "\n" + notification("typed", R"(["x"])") + "\n" +
                        notification("none") + "\n" + notification("good"));
    const auto answer = co_await s.peer.ask(request("1", "none"));
    CHECK(answer.at("id") == 1);
    CHECK(handled == 1);
    CHECK(s.endpoint->stats().notifications_failed == 2);
  });
}

TEST_CASE("an immediate handler runs past everything that waits") {
  antiphon::router routes;
  latch gate;
  routes.on_request("wait", [&]() -> awaitable<void> {
    auto waiting = gate.wait();
    co_await std::move(waiting);
  });
  routes.on_notification("barrier", [&]() -> awaitable<void> {
    auto waiting = gate.wait();
    co_await std::move(waiting);
  });
  routes.on_request("now", [] { return 1; }, {}, antiphon::route_options(antiphon::order::immediate));
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    const auto answer = co_await s.peer.ask(request("1", "wait") + "\n" + notification("barrier") + "\n" +
                                            request("2", "wait") + "\n" + request("3", "now"));
    CHECK(answer.at("id") == 3);
    gate.open();
    const auto first = co_await s.peer.hear_json();
    CHECK(first.at("id") == 1);
    const auto second = co_await s.peer.hear_json();
    CHECK(second.at("id") == 2);
  });
}

TEST_CASE("with overload::reject the request beyond the limits is -32000 at once and says which they are") {
  antiphon::router routes;
  latch gate;
  int notes = 0;
  routes.on_request("wait", [&]() -> awaitable<void> {
    auto waiting = gate.wait();
    co_await std::move(waiting);
  });
  routes.on_notification("note", [&] { ++notes; });
  antiphon::endpoint_options options;
  options.max_in_flight = 2;
  options.max_queued = 1;
  options.overload = antiphon::overload::reject;
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    std::string all;
    for (const char* id : {"1", "2", "3"}) all += request(id, "wait") + "\n";
    const auto refused = co_await s.peer.ask(all + notification("note") + "\n" + request("4", "wait"));
    CHECK(refused.at("id") == 4);
    CHECK(support::error_code_of(refused) == -32000);
    CHECK(refused.at("error").at("data").at("limit") == 2);
    CHECK(notes == 1);
    CHECK(s.endpoint->stats().requests_rejected == 1);
    // A cancellation makes room.
    const auto cancelled = co_await s.peer.ask(notification("$/cancelRequest", R"({"id":3})"));
    CHECK(cancelled.at("id") == 3);
    gate.open();
    for (int i = 0; i < 2; ++i) co_await s.peer.hear();
    const auto after = co_await s.peer.ask(request("4", "wait"));
    CHECK(after.at("result").is_null());
    CHECK(s.endpoint->stats().in_flight_peak == 2);
  });
}

TEST_CASE("with overload::wait everything is served, and reading stops while the queue is full") {
  antiphon::router routes;
  latch gate;
  routes.on_request("wait", [&]() -> awaitable<void> {
    auto waiting = gate.wait();
    co_await std::move(waiting);
  });
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  options.max_queued = 16;
  antiphon::memory_pipe_options small;
  small.capacity = 256;
  support::session session(std::move(routes), options, small);
  session.play([&](support::session& s) -> awaitable<void> {
    constexpr int count = 300;
    std::exception_ptr failure;
    bool said = false;
    auto speaker = [&]() -> awaitable<void> {
      std::string all;
      for (int id = 1; id <= count; ++id) all += request(std::to_string(id), "wait") + "\n";
      auto saying = s.peer.say(all);
      co_await std::move(saying);
      said = true;
    };
    support::start(*s.context, speaker(), failure);
    for (int i = 0; i < 50; ++i) co_await support::settle();
    CHECK_FALSE(said);
    const auto stats = s.endpoint->stats();
    CHECK(stats.requests_received >= 17);
    // What one read brought may be in the queue besides.
    CHECK(stats.queued <= 16 + 8);
    gate.open();
    for (int id = 1; id <= count; ++id) {
      const auto answer = co_await s.peer.hear_json();
      CHECK(answer.at("id") == id);
    }
    CHECK(s.endpoint->stats().in_flight_peak == 1);
    CHECK(s.endpoint->stats().requests_rejected == 0);
  });
}

TEST_CASE("an answer is read past a full queue, also from a peer that has answered something twice") {
  latch gate;
  antiphon::router routes;
  routes.on_request("ask", [&](antiphon::call_context& call) -> awaitable<int> {
    auto first = call.call<int>("first");
    const int one = co_await std::move(first);
    auto second = call.call<int>("second");
    const int two = co_await std::move(second);
    gate.open();
    co_return one + two;
  });
  routes.on_request("wait", [&]() -> awaitable<void> {
    auto waiting = gate.wait();
    co_await std::move(waiting);
  });
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  options.max_queued = 1;
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    const auto answer_to = [](const boost::json::value& call) {
      return R"({"jsonrpc":"2.0","result":1,"id":)" + boost::json::serialize(call.at("id")) + "}";
    };
    co_await s.peer.say(request("1", "ask"));
    const auto first = co_await s.peer.hear_json();
    co_await s.peer.say(answer_to(first) + "\n" + answer_to(first));
    const auto second = co_await s.peer.hear_json();
    REQUIRE(second.at("method") == "second");
    constexpr int others = 100;
    std::string rest;
    for (int id = 2; id < 2 + others; ++id) rest += request(std::to_string(id), "wait") + "\n";
    co_await s.peer.say(rest);
    co_await support::settle();
    co_await s.peer.say(answer_to(second));
    for (int i = 0; i < 50 && !gate.is_open(); ++i) co_await support::settle();
    CHECK(gate.is_open());
    gate.open();
    for (int i = 0; i < 1 + others; ++i) co_await s.peer.hear_json();
    CHECK(s.endpoint->stats().responses_late == 1);
  });
}

TEST_CASE("a peer that does not read is not read from, and nothing is lost when it does") {
  antiphon::router routes;
  routes.on_request("big", [] { return std::string(1000, 'b'); });
  antiphon::endpoint_options options;
  options.max_outgoing_bytes = 10'000;
  antiphon::memory_pipe_options small;
  small.capacity = 1024;
  support::session session(std::move(routes), options, small);
  session.play([&](support::session& s) -> awaitable<void> {
    constexpr int count = 500;
    std::exception_ptr failure;
    auto speaker = [&]() -> awaitable<void> {
      for (int id = 1; id <= count; ++id) co_await s.peer.say(request(std::to_string(id), "big"));
    };
    support::start(*s.context, speaker(), failure);
    for (int i = 0; i < 50; ++i) co_await support::settle();
    CHECK(s.endpoint->stats().outgoing_bytes_peak < 20'000);
    for (int id = 1; id <= count; ++id) {
      const auto answer = co_await s.peer.hear_json();
      CHECK(answer.at("id") == id);
    }
    CHECK(s.endpoint->stats().outgoing_bytes_peak < 20'000);
  });
}

TEST_CASE("a broken stream is told once, with a null id, and ends the connection") {
  antiphon::endpoint_options options;
  options.limits.message_bytes = 100;
  support::session session(antiphon::router(), options);
  session.play([](support::session& s) -> awaitable<void> {
    const auto answer = co_await s.peer.ask(std::string(200, ' ') + "[]");
    CHECK(answer.at("id").is_null());
    CHECK(answer.as_object().contains("error"));
    const std::string end = co_await s.peer.hear();
    CHECK(end.empty());
  });
  CHECK(session.how->reason == antiphon::end_reason::limit_exceeded);
  CHECK(session.how->error == antiphon::errc::message_too_large);
  CHECK(session.how->exit_code() == 1);
}

TEST_CASE("broken JSON in an intact frame is -32700 and the connection stays") {
  antiphon::router routes;
  routes.on_request("one", [] { return 1; });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    for (const char* broken :
         {"{", "}", R"({"jsonrpc":"2.0","id":1,"method":"one","params":[01]})", "nul", "[1,]", "\"\xff\""}) {
      const auto answer = co_await s.peer.ask(broken);
      CHECK(support::error_code_of(answer) == -32700);
      CHECK(answer.at("id").is_null());
    }
    const auto answer = co_await s.peer.ask(request("1", "one"));
    CHECK(answer.at("result") == 1);
  });
  CHECK(session.how->exit_code() == 0);
}
