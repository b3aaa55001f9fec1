#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/method_statistics.hpp>
#include <antiphon/middleware.hpp>
#include <antiphon/middleware/authentication.hpp>
#include <antiphon/middleware/concurrency_limit.hpp>
#include <antiphon/middleware/exception_mapping.hpp>
#include <antiphon/middleware/timing.hpp>
#include <antiphon/middleware/tracing.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <map>
#include <new>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

using antiphon::handler_event;
using antiphon::handler_outcome;
using antiphon::message_direction;
using antiphon::message_event;
using antiphon::message_kind;
using antiphon::rpc_error;
using support::awaitable;
using support::cancellation;
using support::notification;
using support::request;

namespace {

const char* name_of(message_kind kind) {
  switch (kind) {
    case message_kind::request: return "request";
    case message_kind::notification: return "notification";
    case message_kind::response: return "response";
    case message_kind::error_response: return "error";
    case message_kind::invalid: return "invalid";
  }
  return "";
}
const char* name_of(handler_outcome outcome) {
  constexpr const char* names[] = {"answered", "failed", "threw", "cancelled", "rejected", "abandoned"};
  return names[static_cast<int>(outcome)];
}

/// Writes down what it is told, and refuses and translates what it is asked to.
class witness final : public antiphon::middleware {
 public:
  explicit witness(std::vector<std::string>& log, std::string name = {})
      : log_(log), name_(name.empty() ? name : name + ": ") {}

  std::function<void(const message_event&)> check;
  std::function<void(const handler_event&)> check_start;
  std::function<void(const message_event&)> look;
  unsigned wanted = all_hooks;

  unsigned hooks() const noexcept override { return wanted; }
  void received(const message_event& message) override {
    tell("in", message);
    CHECK(message.direction() == message_direction::incoming);
    if (check) check(message);
  }
  void handler_starts(const handler_event& call) override {
    CHECK(call.started >= call.received);
    log_.push_back(name_ + "starts " + std::string(call.method));
    if (check_start) check_start(call);
  }
  void handler_ended(const handler_event& call) override {
    CHECK(call.ended >= call.started);
    log_.push_back(name_ + "ended " + std::string(call.method) + " " + name_of(call.outcome));
  }
  std::exception_ptr handler_threw(const handler_event& call, std::exception_ptr what) override {
    log_.push_back(name_ + "threw " + std::string(call.method));
    return what;
  }
  void sent(const message_event& message) override {
    CHECK(message.direction() == message_direction::outgoing);
    tell("out", message);
  }

 private:
  void tell(std::string way, const message_event& message) {
    CHECK(message.text().size() == message.size());
    if (look) look(message);
    way += message.in_batch() ? " member " : " ";
    way += name_of(message.kind());
    if (!message.method().empty()) way += " " + std::string(message.method());
    if (!message.id().empty()) way += " " + std::string(message.id());
    log_.push_back(name_ + way);
  }

  std::vector<std::string>& log_;
  std::string name_;
};

antiphon::endpoint_options with(std::vector<std::shared_ptr<antiphon::middleware>> installed) {
  antiphon::endpoint_options options;
  options.middleware = std::move(installed);
  return options;
}

struct own_exception : std::runtime_error {
  using runtime_error::runtime_error;
};

antiphon::router some_routes() {
  antiphon::router routes;
  routes.on_request("one", [] { return 1; });
  routes.on_request("throw", []() -> int { throw own_exception("secret"); });
  routes.on_request("odd", []() -> int { throw 5; });
  routes.on_request("memory", []() -> int { throw std::bad_alloc(); });
  routes.on_request("told", []() -> int { throw rpc_error(7, "told", boost::json::value("why")); });
  routes.on_request("take", [](int) {});
  routes.on_request("slow", []() -> awaitable<int> {
    auto pause = support::settle();
    co_await std::move(pause);
    co_return 2;
  });
  routes.on_request("coma", []() -> awaitable<void> {
    support::asio::steady_timer timer(co_await support::asio::this_coro::executor);
    timer.expires_at(std::chrono::steady_clock::time_point::max());
    co_await timer.async_wait(support::asio::use_awaitable);
  });
  routes.on_notification("note", [](antiphon::raw_json) {});
  routes.on_notification("bad", [] { throw own_exception("secret"); });
  return routes;
}

using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("each message in and out is seen once, in order, with what becomes of it") {
  lines log;
  auto seen = std::make_shared<witness>(log);
  support::session session(some_routes(), with({seen}));
  const auto heard_after = [&](support::session& s, std::string text) -> awaitable<lines> {
    log.clear();
    auto asking = s.peer.ask(std::move(text));
    co_await std::move(asking);
    co_return log;
  };
  session.play([&](support::session& s) -> awaitable<void> {
    auto seen_of = co_await heard_after(s, request(1, "one"));
    CHECK(seen_of == lines{"in request one 1", "starts one", "out response one 1", "ended one answered"});
    seen_of = co_await heard_after(s, request(2, "slow"));
    CHECK(seen_of == lines{"in request slow 2", "starts slow", "out response slow 2", "ended slow answered"});
    seen_of = co_await heard_after(s, request(3, "throw"));
    CHECK(seen_of == lines{"in request throw 3", "starts throw", "threw throw", "out error throw 3",
                           "ended throw threw"});
    seen_of = co_await heard_after(s, request(4, "told"));
    CHECK(seen_of ==
          lines{"in request told 4", "starts told", "threw told", "out error told 4", "ended told failed"});
    seen_of = co_await heard_after(s, request(5, "take"));
    CHECK(seen_of == lines{"in request take 5", "starts take", "out error take 5", "ended take failed"});
    // What never gets to a handler.
    seen_of = co_await heard_after(s, request(6, "unknown"));
    CHECK(seen_of == lines{"in request unknown 6", "out error 6"});
    seen_of = co_await heard_after(s, "{]");
    CHECK(seen_of == lines{"in invalid", "out error null"});
    seen_of = co_await heard_after(s, "[]");
    CHECK(seen_of == lines{"in invalid", "out error null"});
    seen_of = co_await heard_after(s, R"({"id":7})");
    CHECK(seen_of == lines{"in invalid 7", "out error 7"});
    seen_of = co_await heard_after(s, R"({"jsonrpc":"2.0","id":"x","method":"\u006fne"})");
    CHECK(seen_of ==
          lines{R"(in request one "x")", "starts one", R"(out response one "x")", "ended one answered"});
    // Notifications, and responses to nothing.
    seen_of =
        co_await heard_after(s, notification("note") + "\n" + notification("bad") + "\n" +
                                    R"({"jsonrpc":"2.0","id":99,"result":1})" + "\n" + request(8, "one"));
    CHECK(seen_of == lines{"in notification note", "starts note", "ended note answered",
                           "in notification bad", "starts bad", "threw bad", "ended bad threw",
                           "in response 99", "in request one 8", "starts one", "out response one 8",
                           "ended one answered"});
    // A cancelled one: its exception isn't one that was thrown.
    seen_of = co_await heard_after(s, request(9, "coma") + "\n" + cancellation(9));
    CHECK(seen_of == lines{"in request coma 9", "starts coma", "in notification $/cancelRequest",
                           "out error coma 9", "ended coma cancelled"});
  });
}

TEST_CASE("an answer that is given before its handler ends is seen then") {
  lines log;
  auto seen = std::make_shared<witness>(log);
  antiphon::router routes = some_routes();
  routes.on_request("early", [](antiphon::call_context& call) -> awaitable<int> {
    auto answering = call.answer(5);
    co_await std::move(answering);
    auto pause = support::settle();
    co_await std::move(pause);
    co_return 6;
  });
  antiphon::route_options limited;
  limited.time_limit = std::chrono::milliseconds(5);
  routes.on_request(
      "late",
      []() -> awaitable<void> {
        support::asio::steady_timer timer(co_await support::asio::this_coro::executor);
        timer.expires_at(std::chrono::steady_clock::time_point::max());
        co_await timer.async_wait(support::asio::use_awaitable);
      },
      {}, limited);
  auto options = with({seen});
  options.method_statistics = std::make_shared<antiphon::method_statistics>(1);
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    const auto early = co_await s.peer.ask(request(1, "early"));
    CHECK(early.at("result") == 5);
    CHECK(log == lines{"in request early 1", "starts early", "out response early 1"});
    auto settling = support::settle();
    co_await std::move(settling);
    settling = support::settle();
    co_await std::move(settling);
    CHECK(log == lines{"in request early 1", "starts early", "out response early 1", "ended early answered"});
    log.clear();
    const auto late = co_await s.peer.ask(request(2, "late"));
    CHECK(support::error_code_of(late) != 0);
    settling = support::settle();
    co_await std::move(settling);
    CHECK(log == lines{"in request late 2", "starts late", "out error late 2", "ended late failed"});
  });
  for (const auto& figures : options.method_statistics->snapshot()) {
    if (figures.method == "early") {
      CHECK(figures.answered == 1);
      CHECK(figures.write.samples == 1);
    }
    if (figures.method == "late") CHECK(figures.errors == 1);
  }
}

TEST_CASE("members of batches are seen one by one, as they are answered") {
  lines log;
  auto seen = std::make_shared<witness>(log);
  std::vector<std::string> texts;
  seen->look = [&](const message_event& message) {
    if (message.direction() == message_direction::outgoing) texts.emplace_back(message.text());
  };
  support::session session(some_routes(), with({seen}));
  session.play([&](support::session& s) -> awaitable<void> {
    const auto answer = co_await s.peer.ask("[" + request(1, "slow") + ", " + request(2, "one") + "," +
                                            notification("note") + "," + request(3, "unknown") + ",5]");
    REQUIRE(answer.as_array().size() == 4);
    for (std::size_t i = 0; i < 4; ++i) CHECK(support::json(texts.at(i)) == answer.at(i));
  });
  CHECK(texts.size() == 4);
  CHECK(log == lines{"in member request slow 1", "starts slow", "in member request one 2", "starts one",
                     "out member response one 2", "ended one answered", "in member notification note",
                     "starts note", "ended note answered", "in member request unknown 3",
                     "out member error 3", "in member invalid", "out member error null",
                     "out member response slow 1", "ended slow answered"});
}

TEST_CASE("our own calls, notifications, batches and cancellations are seen going out") {
  lines log;
  auto seen = std::make_shared<witness>(log);
  std::string last;
  seen->look = [&](const message_event& message) { last = message.text(); };
  antiphon::router theirs = some_routes();
  support::couple pair(antiphon::router(), std::move(theirs), with({seen}));
  pair.play([&](support::couple& c) -> awaitable<void> {
    auto one = c.left->call<int>("one");
    co_await std::move(one);
    auto told = c.left->try_call("told");
    co_await std::move(told);
    auto note = c.left->notify("note", 1);
    co_await std::move(note);
    CHECK(last == R"({"jsonrpc":"2.0","method":"note","params":[1]})");
    CHECK(log == lines{"out request one 1", "in response 1", "out request told 2", "in error 2",
                       "out notification note"});
    log.clear();
    auto batch = c.left->new_batch();
    auto first = batch.call<int>("one");
    batch.notify("note");
    auto second = batch.call<int>("slow");
    CHECK(log.empty());
    auto sending = batch.send();
    co_await std::move(sending);
    co_await std::move(first);
    co_await std::move(second);
    CHECK(log == lines{"out member request one 3", "out member notification note",
                       "out member request slow 4", "in member response 3", "in member response 4"});
    log.clear();
    auto coma = c.left->try_call(antiphon::call_options(std::chrono::milliseconds(5)), "coma");
    co_await std::move(coma);
    auto settling = support::settle();
    co_await std::move(settling);
    CHECK(log == lines{"out request coma 5", "out notification $/cancelRequest", "in error 5"});
  });
}

TEST_CASE("a message that lies in several pieces is shown in one") {
  lines log;
  auto seen = std::make_shared<witness>(log);
  std::vector<std::string> texts;
  std::vector<std::string> bodies;
  seen->look = [&](const message_event& message) {
    if (message.kind() == message_kind::request) return;
    texts.emplace_back(message.text());
    bodies.emplace_back(message.body());
  };
  antiphon::router routes;
  const std::string large(300'000, 'x');
  routes.on_request("small", [] { return 1; });
  routes.on_request("large", [&] { return large; });
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  antiphon::memory_pipe_options pipe;
  pipe.capacity = 1024 * 1024;
  support::session session(std::move(routes), with({seen}), pipe);
  session.play([&](support::session& s) -> awaitable<void> {
    // One behind another, and a large one that goes out from where it was received.
    co_await s.peer.say(request(1, "small") + "\n" + request(2, "large") + "\n" + request(3, "small"));
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":4,"method":"echo","params":[")" + large + "\"]}");
    for (std::size_t i = 0; i < 4; ++i) {
      const std::string line = co_await s.peer.hear();
      CHECK(texts.at(i) == line);
    }
    co_await s.peer.say("[" + request(5, "large") + "," + request(6, "large") + "]");
    const auto both = co_await s.peer.hear_json();
    CHECK(support::json(texts.at(4)) == both.at(0));
    CHECK(support::json(texts.at(5)) == both.at(1));
  });
  CHECK(bodies.at(0) == "1");
  CHECK(bodies.at(1) == "\"" + large + "\"");
  CHECK(bodies.at(3) == "[\"" + large + "\"]");
}

TEST_CASE("the first is the outermost, those of the router are the innermost") {
  lines log;
  antiphon::router routes;
  routes.on_request("throw", []() -> int { throw own_exception("x"); });
  routes.use(std::make_shared<witness>(log, "c")).use(std::make_shared<witness>(log, "d"));
  support::answer_to(
      std::move(routes), request(1, "throw"),
      with({std::make_shared<witness>(log, "a"), nullptr, std::make_shared<witness>(log, "b")}));
  lines expected;
  for (const char* way : {"in request throw 1", "starts throw"})
    for (const char* who : {"a: ", "b: ", "c: ", "d: "}) expected.push_back(std::string(who) + way);
  for (const char* way : {"threw throw", "out error throw 1", "ended throw threw"})
    for (const char* who : {"d: ", "c: ", "b: ", "a: "}) expected.push_back(std::string(who) + way);
  CHECK(log == expected);
}

TEST_CASE("hooks that nobody wants aren't called") {
  lines log;
  auto seen = std::make_shared<witness>(log);
  seen->wanted = antiphon::middleware::on_sent;
  support::answer_to(some_routes(), request(1, "throw"), with({seen}));
  CHECK(log == lines{"out error throw 1"});
}

TEST_CASE("received refuses requests with its error and drops notifications, and no other message") {
  lines log;
  auto outer = std::make_shared<witness>(log, "outer");
  auto guard = std::make_shared<witness>(log, "guard");
  auto inner = std::make_shared<witness>(log, "inner");
  outer->wanted = guard->wanted = inner->wanted = antiphon::middleware::on_received;
  guard->check = [](const message_event& message) {
    if (message.method() == "odd") throw 5;
    if (message.method() != "one") throw rpc_error(7, "told", boost::json::value("why"));
  };
  int notes = 0;
  antiphon::router routes;
  routes.on_request("one", [] { return 1; });
  routes.on_request("slow", [] { return 2; });
  routes.on_notification("note", [&] { ++notes; });
  support::session session(std::move(routes), with({outer, guard, inner}));
  session.play([&](support::session& s) -> awaitable<void> {
    const auto odd = co_await s.peer.ask(request(1, "odd"));
    CHECK(support::error_code_of(odd) == -32603);
    CHECK(support::error_message(odd) == "internal error");
    const auto told = co_await s.peer.ask(request(2, "slow"));
    CHECK(told ==
          support::json(R"({"jsonrpc":"2.0","id":2,"error":{"code":7,"message":"told","data":"why"}})"));
    co_await s.peer.say(notification("note"));
    const auto batch = co_await s.peer.ask("[" + request(3, "slow") + "," + request(4, "one") + "]");
    CHECK(batch.at(0).at("error").at("code") == 7);
    CHECK(batch.at(1).at("result") == 1);
    const auto invalid = co_await s.peer.ask(R"({"id":1})");
    CHECK(support::error_code_of(invalid) == -32600);
    const auto broken = co_await s.peer.ask("{]");
    CHECK(support::error_code_of(broken) == -32700);
    const auto stats = s.endpoint->stats();
    CHECK(stats.requests_received == 4);
    CHECK(stats.notifications_received == 1);
    CHECK(stats.notifications_failed == 1);
  });
  CHECK(notes == 0);
  // What is refused gets as far as who refused it.
  CHECK(std::ranges::count(log, "outer: in request slow 2") == 1);
  CHECK(std::ranges::count(log, "guard: in request slow 2") == 1);
  CHECK(std::ranges::count(log, "inner: in request slow 2") == 0);
  CHECK(std::ranges::count(log, "inner: in member request one 4") == 1);
}

TEST_CASE("a call isn't hurt by middleware that throws about its answer") {
  lines log;
  auto seen = std::make_shared<witness>(log);
  seen->check = [](const message_event&) { throw rpc_error(7, "no"); };
  support::couple pair(antiphon::router(), some_routes(), with({seen}));
  pair.play([&](support::couple& c) -> awaitable<void> {
    auto one = c.left->call<int>("one");
    const int result = co_await std::move(one);
    CHECK(result == 1);
  });
}

TEST_CASE("who refuses a handler's start is followed by the end for those who had let it through") {
  lines log;
  auto outer = std::make_shared<witness>(log, "outer");
  auto guard = std::make_shared<witness>(log, "guard");
  auto inner = std::make_shared<witness>(log, "inner");
  guard->check_start = [](const handler_event& call) {
    if (call.method == "one") throw rpc_error(7, "not now");
    if (call.method == "note") throw 5;
  };
  support::session session(some_routes(), with({outer, guard, inner}));
  session.play([&](support::session& s) -> awaitable<void> {
    const auto refused = co_await s.peer.ask(request(1, "one"));
    CHECK(support::error_code_of(refused) == 7);
    co_await s.peer.say(notification("note"));
    const auto fine = co_await s.peer.ask(request(2, "slow"));
    CHECK(fine.at("result") == 2);
  });
  std::erase_if(log, [](const std::string& line) { return line.find("one") == std::string::npos; });
  CHECK(log == lines{"outer: in request one 1", "guard: in request one 1", "inner: in request one 1",
                     "outer: starts one", "guard: starts one", "outer: ended one rejected",
                     "inner: out error one 1", "guard: out error one 1", "outer: out error one 1"});
}

TEST_CASE("a handler that is still suspended when its connection is destroyed has ended too") {
  lines log;
  auto seen = std::make_shared<witness>(log);
  seen->wanted = antiphon::middleware::on_handler_starts | antiphon::middleware::on_handler_ended;
  {
    support::session session(some_routes(), with({seen}));
    std::exception_ptr failure;
    auto running = session.endpoint->run();
    support::start(
        *session.context, [](auto run) -> awaitable<void> { co_await std::move(run); }(std::move(running)),
        failure);
    support::start(*session.context, session.peer.say(request(1, "coma")), failure);
    session.context->poll();
    CHECK(log == lines{"starts coma"});
  }
  CHECK(log == lines{"starts coma", "ended coma abandoned"});
}

TEST_CASE("a concurrency limit refuses what is beyond it, for each method and over all connections") {
  const auto limit = antiphon::concurrency_limit::make({{"coma", 1}, {"one", 0}});
  support::session session(some_routes(), with({limit}));
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "coma"));
    const auto second = co_await s.peer.ask(request(2, "coma"));
    CHECK(support::error_code_of(second) == -32000);
    CHECK(second.at("error").at("data") == support::json(R"({"method":"coma","limit":1})"));
    const auto none = co_await s.peer.ask(request(3, "one"));
    CHECK(support::error_code_of(none) == -32000);
    const auto other = co_await s.peer.ask(request(4, "slow"));
    CHECK(other.at("result") == 2);
    // Another connection with the same limit.
    support::session another(some_routes(), with({limit}));
    another.play([&](support::session& t) -> awaitable<void> {
      const auto third = co_await t.peer.ask(request(1, "coma"));
      CHECK(support::error_code_of(third) == -32000);
    });
    const auto cancelled = co_await s.peer.ask(cancellation(1));
    CHECK(support::error_code_of(cancelled) == -32800);
    const auto again = co_await s.peer.ask(request(5, "coma") + "\n" + cancellation(5));
    CHECK(support::error_code_of(again) == -32800);
  });
}

TEST_CASE("exceptions can be mapped to errors, and those that are errors already stay") {
  int asked = 0;
  const auto mapping =
      antiphon::exception_mapping::make([&](std::exception_ptr what) -> std::optional<rpc_error> {
        ++asked;
        try {
          std::rethrow_exception(what);
        } catch (const own_exception& e) {
          return rpc_error(-32010, std::string("mapped ") + e.what());
        } catch (int number) {
          throw std::runtime_error("worse");
        } catch (...) {
          return std::nullopt;
        }
      });
  support::session session(some_routes(), with({mapping}));
  session.play([&](support::session& s) -> awaitable<void> {
    const auto mapped = co_await s.peer.ask(request(1, "throw"));
    CHECK(support::error_code_of(mapped) == -32010);
    CHECK(support::error_message(mapped) == "mapped secret");
    const auto other = co_await s.peer.ask(request(2, "memory"));
    CHECK(support::error_code_of(other) == -32603);
    CHECK(support::error_message(other) == "internal error");
    const auto odd = co_await s.peer.ask(request(3, "odd"));
    CHECK(support::error_code_of(odd) == -32603);
    CHECK(asked == 3);
    const auto told = co_await s.peer.ask(request(4, "told"));
    CHECK(support::error_code_of(told) == 7);
    const auto cancelled = co_await s.peer.ask(request(5, "coma") + "\n" + cancellation(5));
    CHECK(support::error_code_of(cancelled) == -32800);
    CHECK(asked == 3);
  });
}

TEST_CASE("what exceptions say is told where the option says so") {
  for (const bool tell : {false, true}) {
    antiphon::endpoint_options options;
    options.tell_exceptions = tell;
    support::session session(some_routes(), options);
    session.play([&](support::session& s) -> awaitable<void> {
      const auto thrown = co_await s.peer.ask(request(1, "throw"));
      CHECK(support::error_code_of(thrown) == -32603);
      CHECK(support::error_message(thrown) == (tell ? "secret" : "internal error"));
      const auto memory = co_await s.peer.ask(request(2, "memory"));
      CHECK(support::error_code_of(memory) == -32603);
      CHECK(support::error_message(memory) == (tell ? "std::bad_alloc" : "internal error"));
      // It says nothing.
      const auto odd = co_await s.peer.ask(request(3, "odd"));
      CHECK(support::error_code_of(odd) == -32603);
      CHECK(support::error_message(odd) == "internal error");
      const auto alive = co_await s.peer.ask(request(4, "one"));
      CHECK(alive.at("result") == 1);
    });
  }
}

TEST_CASE("timing tells how long each handler waited and ran") {
  using namespace std::chrono_literals;
  struct times {
    std::string method;
    std::chrono::nanoseconds waited;
    std::chrono::nanoseconds ran;
    handler_outcome outcome;
  };
  std::vector<times> told;
  const auto timing =
      antiphon::timing::make([&](std::string_view method, auto waited, auto ran, auto outcome) {
        told.push_back({std::string(method), waited, ran, outcome});
      });
  antiphon::testing::virtual_time time;  // stands still but for this
  antiphon::router routes;
  routes.on_request("nap", [&time]() -> awaitable<void> {
    const auto executor = co_await boost::asio::this_coro::executor;
    auto turn = boost::asio::post(executor, boost::asio::use_awaitable);
    co_await std::move(turn);
    time.advance(20ms);
  });
  routes.on_request("fail", []() -> int { throw rpc_error(7, "x"); });
  auto options = with({timing});
  options.max_in_flight = 1;
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "nap") + "\n" + request(2, "fail"));
    co_await s.peer.hear();
    co_await s.peer.hear();
  });
  REQUIRE(told.size() == 2);
  CHECK(told[0].method == "nap");
  CHECK(told[0].waited == 0ms);
  CHECK(told[0].ran == 20ms);
  CHECK(told[0].outcome == handler_outcome::answered);
  CHECK(told[1].method == "fail");
  CHECK(told[1].waited == 20ms);
  CHECK(told[1].ran == 0ms);
  CHECK(told[1].outcome == handler_outcome::failed);
}

TEST_CASE("nothing is let through before a message has authenticated the connection") {
  int asked = 0;
  const auto authentication = antiphon::authentication::make([&](const message_event& message) {
    ++asked;
    if (message.method() == "locked") throw rpc_error(-32001, "locked");
    return message.method() == "login" && message.body() == R"(["secret"])";
  });
  int notes = 0;
  const auto routes = [&] {
    antiphon::router made = some_routes();
    made.on_request("login", [](std::string word) { return "welcome " + word; });
    made.on_notification("note", [&] { ++notes; });
    return made;
  };
  const std::string login = R"({"jsonrpc":"2.0","id":1,"method":"login","params":)";
  for (int connection = 0; connection < 2; ++connection) {  // each one for itself
    asked = notes = 0;
    support::session session(routes(), with({authentication}));
    session.play([&](support::session& s) -> awaitable<void> {
      co_await s.peer.say(notification("note") + "\n" + cancellation(3));
      const auto early = co_await s.peer.ask(request(2, "one"));
      CHECK(support::error_code_of(early) == -32600);
      CHECK(support::error_message(early) == "not authenticated");
      const auto wrong = co_await s.peer.ask(login + R"(["guess"]})");
      CHECK(support::error_code_of(wrong) == -32600);
      const auto locked = co_await s.peer.ask(request(3, "locked"));
      CHECK(support::error_code_of(locked) == -32001);
      const auto right = co_await s.peer.ask("[" + login + R"(["secret"]},)" + request(4, "one") + "]");
      CHECK(right.at(0).at("result") == "welcome secret");
      CHECK(right.at(1).at("result") == 1);
      CHECK(asked == 6);
      CHECK(notes == 0);
      co_await s.peer.say(notification("note"));
      const auto later = co_await s.peer.ask(request(5, "one"));
      CHECK(later.at("result") == 1);
      CHECK(asked == 6);
      CHECK(notes == 1);
    });
  }
}

TEST_CASE("a trace has a line for each message that the inspector reads") {
  std::string trace;
  const auto tracing = antiphon::tracing::make([&](std::string_view entry) { trace += entry; });
  support::session session(some_routes(), with({tracing}));
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.ask(request(1, "one"));
    co_await s.peer.say(notification("note"));
    co_await s.peer.ask("{]\x01\x7f\tx");
    auto calling = s.endpoint->notify("hello", 1);
    co_await std::move(calling);
  });
  const std::regex line(R"(\[LSP   - \d\d:\d\d:\d\d\] (\{.*\}))");
  lines types;
  std::size_t others = 0;
  std::istringstream entries(trace);
  for (std::string entry; std::getline(entries, entry);) {
    std::smatch match;
    if (!std::regex_match(entry, match, line)) {
      ++others;
      CHECK(entry.find("] Received what is no message: {]   x") != std::string::npos);
      continue;
    }
    const auto told = support::json(match[1].str());
    CHECK(told.at("isLSPMessage") == true);
    CHECK(told.at("timestamp").as_int64() > 1'600'000'000'000);
    types.push_back(std::string(told.at("type").as_string()) + " " +
                    boost::json::serialize(told.at("message")));
  }
  CHECK(others == 1);
  REQUIRE(types.size() == 5);
  CHECK(types[0] == "receive-request " + request(1, "one"));
  CHECK(types[1] == R"(send-response {"jsonrpc":"2.0","id":1,"result":1})");
  CHECK(types[2] == "receive-notification " + notification("note"));
  CHECK(types[3].starts_with("send-response {\"jsonrpc\":\"2.0\",\"id\":null,\"error\":"));
  CHECK(types[4] == R"(send-notification {"jsonrpc":"2.0","method":"hello","params":[1]})");
}

TEST_CASE("a trace tells directions from the peer's side where that is asked for, and stays in its line") {
  std::string trace;
  const auto tracing =
      antiphon::tracing::make([&](std::string_view entry) { trace += entry; },
                              antiphon::trace_format::inspector, antiphon::tracing::side::peer);
  support::asio::io_context context(1);
  auto ends = antiphon::make_memory_pipe(context.get_executor());
  antiphon::endpoint server(std::move(ends.second), some_routes(), with({tracing}));
  const std::string body = "{\n\"id\": 1,\r\n\"method\": \"one\",\n\"jsonrpc\": \"2.0\"\n}";
  const auto script = [&]() -> awaitable<void> {
    const std::string text = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    auto sending = support::send(*ends.first, text);
    co_await std::move(sending);
    ends.first->shutdown_send();
    auto running = server.run();
    co_await std::move(running);
  };
  support::run_on(context, script());
  CHECK(std::ranges::count(trace, '\n') == 2);
  CHECK(std::ranges::count(trace, '\r') == 0);
  CHECK(trace.find(R"("type":"send-request")") < trace.find(R"("type":"receive-response")"));
  CHECK(trace.find("receive-response") != std::string::npos);
}

TEST_CASE("a trace for people names the method of each answer and how long it took") {
  std::string trace;
  const auto tracing =
      antiphon::tracing::make([&](std::string_view entry) { trace += entry; }, antiphon::trace_format::text);
  support::couple pair(some_routes(), some_routes(), with({tracing}));
  pair.play([&](support::couple& c) -> awaitable<void> {
    auto one = c.left->call<int>("one");
    co_await std::move(one);
    auto take = c.left->try_call("take", 1);
    co_await std::move(take);
    auto told = c.right->try_call("told");
    co_await std::move(told);
    auto note = c.right->notify("note");
    co_await std::move(note);
    auto settling = support::settle();
    co_await std::move(settling);
  });
  trace = std::regex_replace(trace, std::regex(R"(- \d\d:\d\d:\d\d\])"), "- now]");
  trace = std::regex_replace(trace, std::regex(R"(\d+ms)"), "0ms");
  CHECK(trace ==
        "[Trace - now] Sending request 'one - (1)'.\nNo parameters provided.\n\n\n"
        "[Trace - now] Received response 'one - (1)' in 0ms.\nResult: 1\n\n\n"
        "[Trace - now] Sending request 'take - (2)'.\nParams: [1]\n\n\n"
        "[Trace - now] Received response 'take - (2)' in 0ms.\nResult: null\n\n\n"
        "[Trace - now] Received request 'told - (1)'.\nNo parameters provided.\n\n\n"
        "[Trace - now] Sending response 'told - (1)'. Processing request took 0ms\n"
        R"(Error: {"code":7,"message":"told","data":"why"})"
        "\n\n\n"
        "[Trace - now] Received notification 'note'.\nNo parameters provided.\n\n\n");
}
