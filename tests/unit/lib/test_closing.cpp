#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <string>

// How a connection ends in order, and what `run` says about it.

using antiphon::end_reason;
using antiphon::errc;
using antiphon::error_code;
using support::awaitable;
using support::request;
using namespace std::chrono_literals;

namespace {

awaitable<int> sleep_for(std::chrono::steady_clock::duration time) {
  support::asio::steady_timer timer(co_await support::asio::this_coro::executor, time);
  co_await timer.async_wait(support::asio::use_awaitable);
  co_return 5;
}

antiphon::router sleepy() {
  antiphon::router routes;
  routes.on_request("nap", []() -> awaitable<int> {
    auto sleeping = sleep_for(30ms);
    const int result = co_await std::move(sleeping);
    co_return result;
  });
  routes.on_request("coma", []() -> awaitable<int> {
    auto sleeping = sleep_for(1h);
    const int result = co_await std::move(sleeping);
    co_return result;
  });
  return routes;
}

}  // namespace

TEST_CASE("an end of input at which the last answers can't be written is a connection lost") {
  support::session session(sleepy());
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "nap"));
    s.peer.fall_silent();
    co_await support::settle();
    s.peer.hang_up();
  });
  CHECK(session.how->reason == end_reason::connection_lost);
  CHECK(session.how->error);
  CHECK(session.how->exit_code() == 1);
}

TEST_CASE("close lets running handlers finish, answers them, and then ends") {
  support::session session(sleepy());
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "nap"));
    co_await support::settle();
    s.endpoint->close(10s);
    s.endpoint->close();
    // Nothing new is accepted meanwhile.
    const auto refused = co_await s.peer.ask(request(2, "nap"));
    CHECK(refused.at("id") == 2);
    CHECK(support::error_code_of(refused) == -32000);
    const auto answer = co_await s.peer.hear_json();
    CHECK(answer.at("id") == 1);
    CHECK(answer.at("result") == 5);
    const std::string end = co_await s.peer.hear();
    CHECK(end.empty());
  });
  CHECK(session.how->reason == end_reason::closed_here);
  CHECK_FALSE(static_cast<bool>(session.how->error));
  CHECK(session.how->exit_code() == 0);
}

TEST_CASE("close cancels what still runs when its time is over, and answers that too") {
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  support::session session(sleepy(), options);
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "coma") + "\n" + request(2, "coma"));
    co_await support::settle();
    s.endpoint->close(10s);
    s.endpoint->close(10ms);
    int cancelled = 0;
    for (int i = 0; i < 2; ++i) {
      const auto answer = co_await s.peer.hear_json();
      if (support::error_code_of(answer) == -32800) ++cancelled;
    }
    CHECK(cancelled == 2);
  });
  CHECK(session.how->reason == end_reason::closed_here);
}

TEST_CASE("at the end of the input what was read whole is answered first") {
  support::session session(sleepy());
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "nap") + "\n" + request(2, "nap"));
    s.peer.fall_silent();
    for (int id = 1; id <= 2; ++id) {
      const auto answer = co_await s.peer.hear_json();
      CHECK(answer.at("id") == id);
      CHECK(answer.at("result") == 5);
    }
    const std::string end = co_await s.peer.hear();
    CHECK(end.empty());
  });
  CHECK(session.how->reason == end_reason::end_of_input);
  CHECK_FALSE(static_cast<bool>(session.how->error));
}

TEST_CASE("the end of the input fails our own calls at once, also those made while draining") {
  antiphon::router routes;
  error_code early;
  error_code late;
  routes.on_request("ask", [&](antiphon::call_context& call) -> awaitable<int> {
    auto first = support::error_of(call.call<int>("m"));
    early = co_await std::move(first);
    auto second = support::error_of(call.call<int>("m"));
    late = co_await std::move(second);
    co_return 1;
  });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.ask(request(1, "ask"));
    s.peer.fall_silent();
    const auto answer = co_await s.peer.hear_json();
    CHECK(answer.at("result") == 1);
  });
  CHECK(early == errc::end_of_input);
  CHECK(late == errc::end_of_input);
}

TEST_CASE("input that ends inside a message is end of input with truncated_message") {
  antiphon::endpoint_options options;
  options.framing = antiphon::content_length_framing::make;
  support::asio::io_context context(1);
  auto ends = antiphon::make_memory_pipe(context.get_executor());
  antiphon::endpoint subject(std::move(ends.second), antiphon::router(), options);
  std::optional<antiphon::ended> how;
  auto peer = [&]() -> awaitable<void> {
    auto sending = support::send(*ends.first, "Content-Length: 10\r\n\r\n{");
    co_await std::move(sending);
    ends.first->shutdown_send();
    auto running = subject.run();
    how = co_await std::move(running);
  };
  support::run_on(context, peer());
  REQUIRE(how.has_value());
  CHECK(how->reason == end_reason::end_of_input);
  CHECK(how->error == errc::truncated_message);
}

TEST_CASE("a peer that goes away ends the connection and fails what was pending") {
  support::session session;
  error_code error;
  session.play([&](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    auto caller = [&]() -> awaitable<void> {
      auto calling = support::error_of(s.endpoint->call<int>("m"));
      error = co_await std::move(calling);
    };
    support::start(*s.context, caller(), failure);
    co_await s.peer.hear();
    s.peer.hang_up();
    co_await support::settle();
    CHECK(error.category() == antiphon::antiphon_category());
    CHECK(s.endpoint->stats().pending_calls == 0);
  });
  const bool expected = error == errc::end_of_input || error == errc::connection_lost;
  CHECK(expected);
}

TEST_CASE("a call that waits fails with the connection, however many came and went behind it") {
  for (int others = 0; others < 40; ++others) {
    CAPTURE(others);
    support::session session;
    error_code error;
    session.play([&](support::session& s) -> awaitable<void> {
      std::exception_ptr failure;
      auto caller = [&]() -> awaitable<void> {
        auto calling = support::error_of(s.endpoint->call<int>("never"));
        error = co_await std::move(calling);
      };
      support::start(*s.context, caller(), failure);
      co_await s.peer.hear();
      auto more = [&]() -> awaitable<void> {
        for (int i = 0; i < others; ++i) {
          auto calling = s.endpoint->call<int>("soon");
          co_await std::move(calling);
        }
      };
      support::start(*s.context, more(), failure);
      for (int i = 0; i < others; ++i) {
        const auto asked = co_await s.peer.hear_json();
        boost::json::value answer{{"jsonrpc", "2.0"}, {"id", asked.at("id")}, {"result", 1}};
        co_await s.peer.say(boost::json::serialize(answer));
      }
      s.peer.fall_silent();
      co_await support::settle();
      CHECK(s.endpoint->stats().pending_calls == 0);
    });
    CHECK(error == errc::end_of_input);
  }
}

TEST_CASE("run is over at once on a connection that has ended, and calls fail with closed") {
  support::session session;
  session.play([](support::session& s) -> awaitable<void> {
    s.endpoint->close();
    co_await s.peer.hear();
  });
  support::run_on(*session.context, [](support::session& s) -> awaitable<void> {
    auto running = s.endpoint->run();
    const antiphon::ended how = co_await std::move(running);
    CHECK(how.reason == end_reason::closed_here);
    auto calling = support::error_of(s.endpoint->call("m"));
    const error_code called = co_await std::move(calling);
    CHECK(called == errc::closed);
    auto notifying = support::error_of(s.endpoint->notify("m"));
    const error_code notified = co_await std::move(notifying);
    CHECK(notified == errc::closed);
    auto batch = s.endpoint->new_batch();
    auto answer = support::error_of(batch.call<int>("m"));
    auto sending = support::error_of(batch.send());
    const error_code sent = co_await std::move(sending);
    CHECK(sent == errc::closed);
    const error_code answered = co_await std::move(answer);
    CHECK(answered == errc::closed);
    CHECK(s.endpoint->stats().pending_calls == 0);
  }(session));
}

TEST_CASE("cancelling run closes in order") {
  support::session session(sleepy());
  support::asio::cancellation_signal stop;
  std::optional<antiphon::ended> how;
  auto runner = [&]() -> awaitable<void> {
    auto running = session.endpoint->run();
    how = co_await std::move(running);
  };
  support::asio::co_spawn(*session.context, runner(),
                          support::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
  auto peer = [&]() -> awaitable<void> {
    co_await session.peer.say(request(1, "nap"));
    co_await support::settle();
    stop.emit(support::asio::cancellation_type::all);
    const auto answer = co_await session.peer.hear_json();
    CHECK(answer.at("result") == 5);
    session.peer.hang_up();
  };
  support::run_on(*session.context, peer());
  REQUIRE(how.has_value());
  CHECK(how->reason == end_reason::closed_here);
}

TEST_CASE("run with a body closes when the body returns") {
  support::couple both(antiphon::router(), sleepy());
  int result = 0;
  both.play([&](support::couple& c) -> awaitable<void> {
    auto calling = c.left->call<int>("nap");
    result = co_await std::move(calling);
  });
  CHECK(result == 5);
  CHECK(both.left_end->reason == end_reason::closed_here);
  CHECK(both.right_end->reason == end_reason::end_of_input);
  CHECK(both.right_end->exit_code() == 0);
}

TEST_CASE("run with a body throws what the body throws, after closing") {
  support::couple both(antiphon::router(), sleepy());
  const auto script = [](support::couple& c) -> awaitable<void> {
    auto calling = c.left->call<int>("unknown");
    co_await std::move(calling);
  };
  CHECK_THROWS_AS(both.play(script), antiphon::rpc_error);
  CHECK_FALSE(both.left_end.has_value());
  CHECK(both.right_end->reason == end_reason::end_of_input);
}

TEST_CASE("a body that fails before its first suspension is no different") {
  support::couple both;
  const auto script = [](support::couple&) -> awaitable<void> {
    throw std::logic_error("at once");
    co_return;
  };
  CHECK_THROWS_AS(both.play(script), std::logic_error);
  CHECK(both.right_end->reason == end_reason::end_of_input);
}

TEST_CASE("a body that is no coroutine itself may throw as well") {
  support::session session;
  const auto body = [](antiphon::endpoint&) -> awaitable<void> { throw std::logic_error("at once"); };
  std::exception_ptr failure;
  support::asio::co_spawn(*session.context, session.endpoint->run(body),
                          [&](std::exception_ptr thrown, antiphon::ended) { failure = thrown; });
  session.context->run();
  REQUIRE(failure != nullptr);
  CHECK_THROWS_AS(std::rethrow_exception(failure), std::logic_error);
}

TEST_CASE("when the connection ends first, the body's calls fail and it is cancelled") {
  support::couple both;
  error_code called;
  error_code slept;
  both.play([&](support::couple& c) -> awaitable<void> {
    c.right->close();
    auto calling = support::error_of(c.left->call<int>("m"));
    called = co_await std::move(calling);
    try {
      auto sleeping = sleep_for(1h);
      co_await std::move(sleeping);
    } catch (const boost::system::system_error& e) {
      slept = e.code();
    }
  });
  CHECK(static_cast<bool>(called));
  CHECK(slept == boost::asio::error::operation_aborted);
  // The end of the input, or a write that nobody takes: whichever is noticed first.
  CHECK(both.left_end->reason != end_reason::closed_here);
}

TEST_CASE("close may be called before run, from within a handler, and on a peer handle that outlives all") {
  antiphon::router routes;
  routes.on_request("bye", [](antiphon::call_context& call) {
    call.peer().close();
    return "bye";
  });
  antiphon::peer left_over;
  {
    support::session session(std::move(routes));
    left_over = *session.endpoint;
    session.play([](support::session& s) -> awaitable<void> {
      const auto answer = co_await s.peer.ask(request(1, "bye"));
      CHECK(answer.at("result") == "bye");
      const std::string end = co_await s.peer.hear();
      CHECK(end.empty());
    });
    CHECK(session.how->reason == end_reason::closed_here);
    session.endpoint.reset();
    CHECK(left_over.stats().requests_received == 1);
    left_over.close();
    support::drain(*session.context);
  }
}

TEST_CASE("draining is over as soon as the last handler has ended, also when an answer of the peer ends it") {
  antiphon::router routes;
  routes.on_notification("ask", [](antiphon::call_context& call) -> awaitable<void> {
    auto asking = call.call<int>("question");
    co_await std::move(asking);
  });
  support::session session(std::move(routes));
  const auto begin = std::chrono::steady_clock::now();
  session.play([](support::session& s) -> awaitable<void> {
    const auto question = co_await s.peer.ask(R"({"jsonrpc":"2.0","method":"ask"})");
    CHECK(question.at("method") == "question");
    s.endpoint->close(1h);
    co_await support::settle();
    co_await s.peer.say(R"({"jsonrpc":"2.0","id":1,"result":5})");
    const std::string end = co_await s.peer.hear();
    CHECK(end.empty());
  });
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(session.how->reason == end_reason::closed_here);
}

TEST_CASE("a cancellation is heeded while draining") {
  support::session session(sleepy());
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "coma"));
    co_await support::settle();
    s.endpoint->close(1h);
    co_await support::settle();
    const auto answer =
        co_await s.peer.ask(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}})");
    CHECK(support::error_code_of(answer) == -32800);
    const std::string end = co_await s.peer.hear();
    CHECK(end.empty());
  });
}

TEST_CASE("a peer that notifies and leaves has all its notifications handled, however full the queue is") {
  int handled = 0;
  antiphon::router routes;
  routes.on_notification("note", [&handled]() -> awaitable<void> {
    co_await support::settle();
    ++handled;
  });
  antiphon::endpoint_options options;
  options.max_queued_bytes = 16 * 1024;
  antiphon::memory_pipe_options pipe;
  pipe.capacity = 1024 * 1024;
  support::session session(std::move(routes), options, pipe);
  session.play([](support::session& s) -> awaitable<void> {
    std::string notes;
    for (int i = 0; i < 2000; ++i) notes += "{\"jsonrpc\":\"2.0\",\"method\":\"note\"}\n";
    co_await s.peer.say(notes);
  });
  CHECK(handled == 2000);
  CHECK(session.how->reason == end_reason::end_of_input);
}

namespace {

antiphon::endpoint_options one_at_a_time(antiphon::at_close what) {
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  options.at_close = what;
  return options;
}

}  // namespace

TEST_CASE("requests that wait when close is called are run, unless the option says otherwise") {
  CHECK(antiphon::endpoint_options().at_close == antiphon::at_close::run_queued);
  support::session session(sleepy(), one_at_a_time(antiphon::at_close::run_queued));
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "nap") + "\n" + request(2, "nap") + "\n" + request(3, "nap"));
    co_await support::settle();
    s.endpoint->close(10s);
    for (int id = 1; id <= 3; ++id) {
      const auto answer = co_await s.peer.hear_json();
      CHECK(answer.at("id") == id);
      CHECK(answer.at("result") == 5);
    }
    const std::string end = co_await s.peer.hear();
    CHECK(end.empty());
  });
}

TEST_CASE("requests that wait when close is called are refused where the option says so") {
  antiphon::router routes = sleepy();
  int notes = 0;
  routes.on_notification("note", [&notes] { ++notes; });
  routes.on_notification("long note", []() -> awaitable<void> {
    auto sleeping = sleep_for(60ms);
    co_await std::move(sleeping);
  });
  support::session session(std::move(routes), one_at_a_time(antiphon::at_close::refuse_queued));
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "nap") + "\n" + R"({"jsonrpc":"2.0","method":"long note"})" + "\n" +
                        request(2, "nap") + "\n" + R"({"jsonrpc":"2.0","method":"note"})" + "\n[" +
                        request(3, "nap") + "," + request(4, "nap") + "]");
    co_await support::settle();
    s.endpoint->close(10s);
    s.endpoint->close(10s);
    const auto second = co_await s.peer.hear_json();
    CHECK(second.at("id") == 2);
    CHECK(support::error_code_of(second) == -32000);
    CHECK(support::error_message(second) == "shutting down");
    const auto both = co_await s.peer.hear_json();
    REQUIRE(both.as_array().size() == 2);
    for (const auto& one : both.as_array()) CHECK(support::error_code_of(one) == -32000);
    // What runs may finish.
    const auto first = co_await s.peer.hear_json();
    CHECK(first.at("id") == 1);
    CHECK(first.at("result") == 5);
    const std::string end = co_await s.peer.hear();
    CHECK(end.empty());
  });
  CHECK(notes == 1);
  CHECK(session.how->reason == end_reason::closed_here);
}

TEST_CASE("a handler that closes refuses what waits behind it, in the same read") {
  antiphon::router routes = sleepy();
  routes.on_request("stop", [](antiphon::call_context& call) {
    call.peer().close();
    return true;
  });
  support::session session(std::move(routes), one_at_a_time(antiphon::at_close::refuse_queued));
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "nap") + "\n" + request(2, "stop") + "\n" + request(3, "nap") + "\n" +
                        request(4, "coma"));
    std::string seen;
    for (int i = 0; i < 4; ++i) {
      const auto answer = co_await s.peer.hear_json();
      seen += std::to_string(answer.at("id").as_int64());
      seen += answer.as_object().contains("result") ? "+ " : "- ";
    }
    CHECK(seen == "1+ 3- 4- 2+ ");
  });
}

TEST_CASE("the end of the input is no close: what waits is run whatever the option says") {
  support::session session(sleepy(), one_at_a_time(antiphon::at_close::refuse_queued));
  session.play([](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "nap") + "\n" + request(2, "nap"));
    s.peer.fall_silent();
    for (int id = 1; id <= 2; ++id) {
      const auto answer = co_await s.peer.hear_json();
      CHECK(answer.at("result") == 5);
    }
  });
  CHECK(session.how->reason == end_reason::end_of_input);
}
