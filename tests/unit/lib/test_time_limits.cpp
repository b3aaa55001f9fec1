#include "tests/support/pairs.hpp"
#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

// Time limits on handlers.

using support::awaitable;
using support::session;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

antiphon::route_options within(milliseconds limit) {
  antiphon::route_options options;
  options.time_limit = limit;
  return options;
}

// Goes on for so long whatever it is told.
awaitable<std::string> stubborn(antiphon::call_context& call, int ms) {
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  const auto until = std::chrono::steady_clock::now() + milliseconds(ms);
  while (std::chrono::steady_clock::now() < until) {
    try {
      auto pausing = support::pause_for(1ms);
      co_await std::move(pausing);
    } catch (const boost::system::system_error&) {
    }
  }
  co_return call.cancelled() ? "cancelled" : "undisturbed";
}

void block(int ms) {
  const auto until = std::chrono::steady_clock::now() + milliseconds(ms);
  while (std::chrono::steady_clock::now() < until) {
  }
}

std::string request(std::string id, std::string method, int argument = 0) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":[)" +
         std::to_string(argument) + "]}";
}
std::string cancel(std::string id) {
  return R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":)" + id + "}}";
}

antiphon::router routes(milliseconds limit) {
  antiphon::router made;
  made.on_request("nap", support::nap, {}, within(limit));
  made.on_request("stubborn", stubborn, {}, within(limit));
  made.on_request("block", block);
  made.on_request("ping", [](int n) { return n; });
  return made;
}

awaitable<void> until_none_runs(session& s) {
  for (int i = 0; i < 5000 && s.endpoint->stats().in_flight > 0; ++i) {
    auto pausing = support::pause_for(1ms);
    co_await std::move(pausing);
  }
  CHECK(s.endpoint->stats().in_flight == 0);
}

}  // namespace

TEST_CASE("a handler that takes longer than its route's limit is answered for, and cancelled") {
  session one(routes(20ms));
  one.play([](session& s) -> awaitable<void> {
    const auto start = std::chrono::steady_clock::now();
    auto asking = s.peer.ask(request("7", "nap", 60'000));
    const auto late = co_await std::move(asking);
    CHECK(std::chrono::steady_clock::now() - start >= 20ms);
    CHECK(late.at("id") == 7);
    CHECK(support::error_code_of(late) == -32001);
    CHECK(support::error_message(late) == "timed out");
    auto waiting = until_none_runs(s);
    co_await std::move(waiting);
    // The id is free again, and the record's next handler knows nothing of it.
    asking = s.peer.ask(request("7", "nap", 1));
    const auto next = co_await std::move(asking);
    CHECK(next.at("result") == 5);
    CHECK(s.endpoint->stats().requests_timed_out == 1);
    CHECK(s.endpoint->stats().requests_cancelled == 0);
    CHECK(s.endpoint->stats().errors_sent == 1);
  });
}

TEST_CASE("the shortest limit is one too") {
  session one(routes(1ms));
  one.play([](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(request("1", "nap", 500));
    const auto late = co_await std::move(asking);
    CHECK(support::error_code_of(late) == -32001);
  });
}

TEST_CASE("what a handler returns after its limit is dropped, and it keeps its permit until then") {
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  session one(routes(10ms), options);
  one.play([](session& s) -> awaitable<void> {
    const auto start = std::chrono::steady_clock::now();
    auto asking = s.peer.ask(request("1", "stubborn", 100) + "\n" + request("2", "ping", 2));
    const auto late = co_await std::move(asking);
    CHECK(support::error_code_of(late) == -32001);
    CHECK(s.endpoint->stats().in_flight == 1);
    CHECK(s.endpoint->stats().queued == 1);
    auto hearing = s.peer.hear_json();
    const auto next = co_await std::move(hearing);
    CHECK(next.at("id") == 2);
    CHECK(std::chrono::steady_clock::now() - start >= 100ms);
    asking = s.peer.ask(request("3", "ping", 3));
    const auto last = co_await std::move(asking);
    CHECK(last.at("id") == 3);
    CHECK(s.endpoint->stats().results_sent == 2);
  });
}

TEST_CASE("a handler that learns of its end by asking sees it in time") {
  antiphon::router made;
  std::string told;
  made.on_request(
      "ask",
      [&told](antiphon::call_context& call) -> awaitable<int> {
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        while (!call.cancelled()) {
          try {
            auto pausing = support::pause_for(1ms);
            co_await std::move(pausing);
          } catch (const boost::system::system_error&) {
          }
        }
        const auto state = co_await boost::asio::this_coro::cancellation_state;
        told = state.cancelled() == boost::asio::cancellation_type::none ? "asked" : "asked and signalled";
        co_return 1;
      },
      {}, within(20ms));
  session one(std::move(made));
  one.play([&](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"ask"})");
    const auto late = co_await std::move(asking);
    CHECK(support::error_code_of(late) == -32001);
    auto waiting = until_none_runs(s);
    co_await std::move(waiting);
    CHECK(told == "asked and signalled");
  });
}

TEST_CASE("a limit counts from when the handler starts, not from when the request came") {
  antiphon::router made = routes(200ms);
  made.on_request("long", support::nap);
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  session one(std::move(made), options);
  one.play([](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(request("1", "long", 300) + "\n" + request("2", "nap", 1));
    const auto first = co_await std::move(asking);
    CHECK(first.at("result") == 5);
    auto hearing = s.peer.hear_json();
    const auto second = co_await std::move(hearing);
    CHECK(second.at("id") == 2);
    CHECK(second.at("result") == 5);
    CHECK(s.endpoint->stats().requests_timed_out == 0);
  });
}

TEST_CASE("a synchronous handler is not interrupted, and a handler that ends in time is not disturbed") {
  antiphon::router made;
  made.on_request("block", block, {}, within(1ms));
  made.on_request("nap", support::nap, {}, within(10s));
  made.on_request("vast", support::nap, {}, within(milliseconds::max()));
  session one(std::move(made));
  one.play([](session& s) -> awaitable<void> {
    for (const char* method : {"block", "nap", "vast"}) {
      auto asking = s.peer.ask(request("1", method, 5));
      const auto answer = co_await std::move(asking);
      CHECK(answer.as_object().contains("result"));
    }
    CHECK(s.endpoint->stats().requests_timed_out == 0);
  });
}

TEST_CASE("limits are over in their own order, whenever their handlers started") {
  antiphon::router made;
  for (const int ms : {20, 60, 100, 140})
    made.on_request(std::to_string(ms), support::nap, {}, within(milliseconds(ms)));
  made.on_request("hour", support::nap, {}, within(1h));
  session one(std::move(made));
  one.play([](session& s) -> awaitable<void> {
    auto saying = s.peer.say(request("1", "hour", 60'000) + "\n" + request("140", "140", 60'000) + "\n" +
                             request("20", "20", 60'000) + "\n" + request("100", "100", 60'000) + "\n" +
                             request("60", "60", 60'000));
    co_await std::move(saying);
    for (const int ms : {20, 60, 100, 140}) {
      auto hearing = s.peer.hear_json();
      const auto late = co_await std::move(hearing);
      CHECK(late.at("id") == ms);
    }
    auto asking = s.peer.ask(cancel("1"));
    const auto last = co_await std::move(asking);
    CHECK(last.at("id") == 1);
  });
}

TEST_CASE("a handler that was cancelled and goes on is answered for when its limit is over, once") {
  session one(routes(30ms));
  one.play([](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(request("1", "stubborn", 80) + "\n" + cancel("1"));
    const auto late = co_await std::move(asking);
    CHECK(support::error_code_of(late) == -32001);
    auto waiting = until_none_runs(s);
    co_await std::move(waiting);
    asking = s.peer.ask(cancel("1") + "\n" + request("2", "ping", 2));
    const auto next = co_await std::move(asking);
    CHECK(next.at("id") == 2);
  });
}

TEST_CASE("limit, cancellation and the handler's own end in one turn make exactly one answer") {
  for (const bool cancel_first : {true, false}) {
    session one(routes(3ms));
    one.play([cancel_first](session& s) -> awaitable<void> {
      std::map<std::int64_t, int> answers;
      for (int round = 0; round < 30; ++round) {
        // By the time that the reader comes to the cancellation both timers have run out.
        const std::string id = std::to_string(1000 + round);
        const std::string blocking = request(std::to_string(round), "block", 6);
        std::string all = request(id, round % 2 == 0 ? "nap" : "stubborn", 3 + round % 3) + "\n";
        all += cancel_first ? cancel(id) + "\n" + blocking : blocking + "\n" + cancel(id);
        auto saying = s.peer.say(all);
        co_await std::move(saying);
        for (int i = 0; i < 2; ++i) {
          auto hearing = s.peer.hear_json();
          const auto answer = co_await std::move(hearing);
          ++answers[answer.at("id").as_int64()];
        }
      }
      auto waiting = until_none_runs(s);
      co_await std::move(waiting);
      auto asking = s.peer.ask(request("0", "ping"));
      const auto last = co_await std::move(asking);
      CHECK(last.at("id") == 0);
      CHECK(answers.size() == 60);
      for (const auto& [id, count] : answers) CHECK(count == 1);
    });
  }
}

namespace {

using answers_by_id = std::map<std::int64_t, std::vector<std::int64_t>>;

awaitable<void> say_many(session& s, int count, unsigned seed) {
  std::mt19937 random(seed);
  const auto up_to = [&random](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
  for (int id = 1; id <= count; ++id) {
    std::string text = request(std::to_string(id), up_to(2) == 0 ? "nap" : "stubborn", up_to(5));
    if (up_to(3) == 0) text += "\n" + cancel(std::to_string(id));
    if (id > 40 && up_to(2) == 0) text += "\n" + cancel(std::to_string(id - up_to(40)));
    if (up_to(4) == 0) text += "\n" + request("0", "block", up_to(3));
    auto saying = s.peer.say(std::move(text));
    co_await std::move(saying);
  }
}

awaitable<void> hear_all(session& s, answers_by_id& into) {
  for (;;) {
    auto hearing = s.peer.hear_json();
    const auto answer = co_await std::move(hearing);
    if (answer.is_null()) break;
    const bool fine = answer.as_object().contains("result");
    into[answer.at("id").as_int64()].push_back(fine ? 0 : support::error_code_of(answer));
  }
  into.erase(0);
}

// How often there was which answer.
std::map<std::int64_t, int> kinds_of(const answers_by_id& answers) {
  std::map<std::int64_t, int> kinds;
  for (const auto& [id, all] : answers) {
    CHECK(all.size() == 1);
    ++kinds[all.front()];
  }
  return kinds;
}

}  // namespace

TEST_CASE("each of many requests has one answer, however limits, cancellations and ends fall together") {
  constexpr int count = 2000;
  session one(routes(2ms));
  answers_by_id answers;
  one.play([&answers](session& s) -> awaitable<void> {
    auto saying = say_many(s, count, 20);
    co_await std::move(saying);
    s.peer.fall_silent();
    auto hearing = hear_all(s, answers);
    co_await std::move(hearing);
  });
  CHECK(answers.size() == count);
  auto kinds = kinds_of(answers);
  for (const std::int64_t kind : {0, -32001, -32800}) CHECK(kinds[kind] > 20);
  CHECK(kinds.size() == 3);
}

TEST_CASE("each of many requests has one answer when the endpoint closes among limits and cancellations") {
  constexpr int count = 300;
  std::map<std::int64_t, int> all_kinds;
  for (unsigned round = 0; round < 12; ++round) {
    antiphon::router made = routes(2ms);
    antiphon::endpoint_options options;
    options.max_in_flight = 40;
    if (round % 2 == 1) options.at_close = antiphon::at_close::refuse_queued;
    session one(std::move(made), options);
    answers_by_id answers;
    one.play([&answers, round](session& s) -> awaitable<void> {
      auto saying = say_many(s, count, round);
      co_await std::move(saying);
      auto pausing = support::pause_for(milliseconds(round % 5));
      co_await std::move(pausing);
      s.endpoint->close(milliseconds(round % 3));
      auto hearing = hear_all(s, answers);
      co_await std::move(hearing);
    });
    for (const auto& [kind, times] : kinds_of(answers)) all_kinds[kind] += times;
    const auto stats = one.endpoint->stats();
    CHECK(stats.results_sent + stats.errors_sent == stats.requests_received);
  }
  for (const std::int64_t kind : {0, -32001, -32800, -32000}) CHECK(all_kinds[kind] > 0);
}

TEST_CASE("a limit that is up while its connection ends, at whatever step, is nothing any more") {
  constexpr auto limit = 5ms;
  bool ended_before = false;
  for (int steps = 0; !ended_before; ++steps) {
    REQUIRE(steps < 200);
    session one(routes(limit));
    const antiphon::peer kept = *one.endpoint;  // and with it the connection's state
    bool ended = false;
    std::exception_ptr failure;
    const auto run = [](session& s, bool& has_ended) -> awaitable<void> {
      auto running = s.endpoint->run();
      co_await std::move(running);
      has_ended = true;
    };
    support::start(*one.context, run(one, ended), failure);
    support::start(*one.context, one.peer.say(request("1", "nap", 60'000)), failure);
    one.context->poll();
    REQUIRE(kept.stats().in_flight == 1);
    one.endpoint->close(0ms);
    one.peer.hang_up();
    for (int i = 0; i < steps; ++i) one.context->poll_one();
    ended_before = ended;
    std::this_thread::sleep_for(limit);  // so that it is up
    support::drain(*one.context);
    CHECK(ended);
    CHECK(kept.stats().in_flight == 0);
  }
}

TEST_CASE("limits hold while a connection drains") {
  session one(routes(50ms));
  one.play([](session& s) -> awaitable<void> {
    auto saying = s.peer.say(request("1", "nap", 60'000));
    co_await std::move(saying);
    co_await support::settle();
    s.endpoint->close(20s);
    auto hearing = s.peer.hear_json();
    const auto late = co_await std::move(hearing);
    CHECK(support::error_code_of(late) == -32001);
    hearing = s.peer.hear_json();
    const auto end = co_await std::move(hearing);
    CHECK(end.is_null());
  });
  CHECK(one.how->reason == antiphon::end_reason::closed_here);
}

TEST_CASE("a handler that was answered for is cancelled again when the drain is over, and not answered") {
  const auto start = std::chrono::steady_clock::now();
  antiphon::router made;
  int signals = 0;
  made.on_request(
      "twice",
      [&signals]() -> awaitable<int> {
        while (signals < 2) {
          try {
            auto pausing = support::pause_for(60s);
            co_await std::move(pausing);
          } catch (const boost::system::system_error&) {
            ++signals;
          }
          co_await boost::asio::this_coro::reset_cancellation_state();
        }
        co_return 1;
      },
      {}, within(5ms));
  session one(std::move(made));
  one.play([](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"twice"})");
    const auto late = co_await std::move(asking);
    CHECK(support::error_code_of(late) == -32001);
    s.endpoint->close(5ms);
    auto hearing = s.peer.hear_json();
    const auto end = co_await std::move(hearing);
    CHECK(end.is_null());
  });
  CHECK(signals == 2);
  CHECK(std::chrono::steady_clock::now() - start < 30s);
}

TEST_CASE("a batch whose member takes too long is answered as a whole") {
  session one(routes(20ms));
  one.play([](session& s) -> awaitable<void> {
    auto asking = s.peer.ask("[" + request("1", "stubborn", 60) + "," + request("2", "ping", 2) + "]");
    const auto answers = co_await std::move(asking);
    REQUIRE(answers.as_array().size() == 2);
    CHECK(answers.at(0).at("result") == 2);
    CHECK(answers.at(1).at("id") == 1);
    CHECK(support::error_code_of(answers.at(1)) == -32001);
    auto waiting = until_none_runs(s);
    co_await std::move(waiting);
    asking = s.peer.ask(request("3", "ping", 3));
    const auto next = co_await std::move(asking);
    CHECK(next.at("id") == 3);
  });
}

TEST_CASE("a notification's handler that takes too long is cancelled, so that the next can start") {
  antiphon::router made = routes(1h);
  std::string seen;
  made.on_notification(
      "note",
      [&seen](antiphon::call_context& call, int ms) -> awaitable<void> {
        try {
          auto napping = support::nap(ms);
          co_await std::move(napping);
          seen += "done ";
        } catch (const boost::system::system_error&) {
          seen += call.cancelled() ? "cancelled " : "disturbed ";
        }
      },
      {}, within(100ms));
  made.on_request("seen", [&seen] { return seen; });
  session one(std::move(made));
  one.play([](session& s) -> awaitable<void> {
    const auto note = [](int ms) {
      return R"({"jsonrpc":"2.0","method":"note","params":[)" + std::to_string(ms) + "]}\n";
    };
    auto asking = s.peer.ask(note(60'000) + note(1) + R"({"jsonrpc":"2.0","id":1,"method":"seen"})");
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("result") == "cancelled done ");
    CHECK(s.endpoint->stats().requests_timed_out == 0);
  });
}

TEST_CASE("a handler that awaits the peer when its limit is over gives that call up") {
  antiphon::router made;
  made.on_request(
      "relay",
      [](antiphon::call_context& call) -> awaitable<int> {
        auto calling = call.call<int>("inner");
        const int result = co_await std::move(calling);
        co_return result;
      },
      {}, within(20ms));
  session one(std::move(made));
  one.play([](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":5,"method":"relay"})");
    const auto inner = co_await std::move(asking);
    CHECK(inner.at("method") == "inner");
    bool late = false;
    bool told = false;
    for (int i = 0; i < 2; ++i) {
      auto hearing = s.peer.hear_json();
      const auto message = co_await std::move(hearing);
      if (message.as_object().contains("method")) {
        told = message.at("params").at("id") == inner.at("id");
      } else {
        late = support::error_code_of(message) == -32001;
      }
    }
    CHECK(late);
    CHECK(told);
    auto waiting = until_none_runs(s);
    co_await std::move(waiting);
    CHECK(s.endpoint->stats().pending_calls == 0);
  });
}
