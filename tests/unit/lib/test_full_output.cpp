#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <ctime>
#include <string>

// Senders that wait because the peer doesn't read: they can be given up like any other wait.

using antiphon::errc;
using antiphon::error_code;
using support::awaitable;
using namespace std::chrono_literals;

namespace {

antiphon::endpoint_options little_room() {
  antiphon::endpoint_options options;
  options.max_outgoing_bytes = 1000;
  options.close_timeout = 100ms;
  return options;
}

antiphon::memory_pipe_options narrow() {
  antiphon::memory_pipe_options pipe;
  pipe.capacity = 64;
  return pipe;
}

/// Notifications until more is owed than may be.
void fill(support::session& s, std::exception_ptr& failure) {
  auto sender = [](antiphon::endpoint& endpoint) -> awaitable<void> {
    auto sending = endpoint.notify("note", std::string(400, 'n'));
    auto outcome = support::error_of(std::move(sending));
    co_await std::move(outcome);
  };
  for (int i = 0; i < 4; ++i) support::start(*s.context, sender(*s.endpoint), failure);
}

class cancellable {
 public:
  boost::asio::cancellation_signal stop;
  error_code error;
  bool ended = false;

  void start(support::session& s, awaitable<void> operation) {
    boost::asio::co_spawn(*s.context, follow(std::move(operation)),
                          boost::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
  }

 private:
  awaitable<void> follow(awaitable<void> operation) {
    auto outcome = support::error_of(std::move(operation));
    error = co_await std::move(outcome);
    ended = true;
  }
};

}  // namespace

TEST_CASE("a call that waits for room keeps to its time limit, and is never sent") {
  support::session session(antiphon::router(), little_room(), narrow());
  session.play([](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    fill(s, failure);
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK(s.endpoint->stats().outgoing_bytes > 1000);
    auto calling = s.endpoint->call<int>(antiphon::call_options(20ms), "slow");
    auto outcome = support::error_of(std::move(calling));
    const error_code error = co_await std::move(outcome);
    CHECK(error == errc::timed_out);
    CHECK(s.endpoint->stats().requests_sent == 0);
    CHECK(s.endpoint->stats().pending_calls == 0);
  });
}

TEST_CASE("a caller that waits for room can be cancelled") {
  support::session session(antiphon::router(), little_room(), narrow());
  session.play([](support::session& s) -> awaitable<void> {
    std::exception_ptr failure;
    fill(s, failure);
    auto rest = support::settle();
    co_await std::move(rest);
    cancellable caller;
    caller.start(s, s.endpoint->call<void>("slow"));
    cancellable notifier;
    notifier.start(s, s.endpoint->notify("late"));
    auto more = support::settle();
    co_await std::move(more);
    CHECK_FALSE(caller.ended);
    CHECK_FALSE(notifier.ended);
    caller.stop.emit(boost::asio::cancellation_type::terminal);
    notifier.stop.emit(boost::asio::cancellation_type::terminal);
    auto again = support::settle();
    co_await std::move(again);
    CHECK(caller.ended);
    CHECK(caller.error == errc::cancelled);
    CHECK(notifier.ended);
    CHECK(notifier.error == errc::cancelled);
    // Neither of them is ever sent.
    for (int i = 0; i < 3; ++i) {
      const auto note = co_await s.peer.hear_json();
      CHECK(note.at("method") == "note");
    }
    auto last = support::settle();
    co_await std::move(last);
    CHECK(s.endpoint->stats().requests_sent == 0);
    CHECK(s.endpoint->stats().notifications_sent == 4);
  });
}

TEST_CASE(
    "of many that wait for room only those go on for which there is some, in the order in which they came") {
  // Each message alone is more than may be owed.
  const auto seconds_for = [](int senders) {
    double seconds = 0;
    support::session session(antiphon::router(), little_room());
    session.play([&](support::session& s) -> awaitable<void> {
      std::exception_ptr failure;
      const auto send = [](antiphon::endpoint& endpoint, int number) -> awaitable<void> {
        auto sending = endpoint.notify("note", number, std::string(1000, 'n'));
        co_await std::move(sending);
      };
      const std::clock_t begin = std::clock();
      for (int i = 0; i < senders; ++i) support::start(*s.context, send(*s.endpoint, i), failure);
      for (int i = 0; i < senders; ++i) {
        const auto note = co_await s.peer.hear_json();
        REQUIRE(note.at("params").at(0) == i);
      }
      seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    });
    return seconds;
  };
  const double few = seconds_for(1'000);
  const double many = seconds_for(8'000);
  MESSAGE("a thousand senders take ", few, " s, eight thousand ", many, " s");
  // If each write woke all of them, 64 times as long.
  CHECK(many < 24 * few);
}

TEST_CASE("a notification that waits to be written can be given up; it is sent all the same") {
  support::session session(antiphon::router(), antiphon::endpoint_options(), narrow());
  session.play([](support::session& s) -> awaitable<void> {
    cancellable notifier;
    notifier.start(s, s.endpoint->notify("note", std::string(400, 'n')));
    auto rest = support::settle();
    co_await std::move(rest);
    CHECK_FALSE(notifier.ended);
    notifier.stop.emit(boost::asio::cancellation_type::terminal);
    auto again = support::settle();
    co_await std::move(again);
    CHECK(notifier.ended);
    CHECK(notifier.error == errc::cancelled);
    const auto note = co_await s.peer.hear_json();
    CHECK(note.at("method") == "note");
  });
}

TEST_CASE("a batch keeps to the endpoint's time limit for calls") {
  antiphon::endpoint_options options;
  options.call_timeout = 20ms;
  support::session session(antiphon::router(), options);
  session.play([](support::session& s) -> awaitable<void> {
    auto batch = s.endpoint->new_batch();
    auto first = support::error_of(batch.call<int>("slow"));
    auto second = support::error_of(batch.call<int>("slower"));
    auto sending = batch.send();
    co_await std::move(sending);
    const error_code error = co_await std::move(first);
    CHECK(error == errc::timed_out);
    const error_code other = co_await std::move(second);
    CHECK(other == errc::timed_out);
    const auto frame = co_await s.peer.hear_json();
    CHECK(frame.as_array().size() == 2);
    const auto told = co_await s.peer.hear_json();
    CHECK(told.at("method") == "$/cancelRequest");
    CHECK(s.endpoint->stats().pending_calls == 0);
  });
}
