#include <antiphon/relay/restart_policy.hpp>

#include <doctest/doctest.h>

#include <chrono>

using namespace std::chrono_literals;
using antiphon::relay::health_options;
using antiphon::relay::restart;
using antiphon::relay::restart_options;
using antiphon::relay::restart_policy;

namespace {

using action = restart_policy::action;
using outcome = restart_policy::outcome;
using state = restart_policy::state;

/// A process whose time is made up.
struct life {
  explicit life(restart_options options = restart_options(), health_options health = health_options())
      : policy(options, health) {
    policy.begin(now);
  }
  /// What is due at the present moment.
  action next() { return policy.next(now); }
  /// Goes on to when something is due; how long that took.
  std::chrono::milliseconds wait() {
    REQUIRE(policy.due().has_value());
    const auto before = now;
    now = *policy.due();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - before);
  }
  void start() {
    REQUIRE(next() == action::start);
    policy.started(now);
  }
  void fail(std::chrono::milliseconds after = 0ms) {
    now += after;
    policy.ended(now, outcome::failure, "exit code 1");
  }
  void succeed() { policy.ended(now, outcome::success, "exit code 0"); }

  restart_policy::time_point now{1h};
  restart_policy policy;
};

restart_options when(restart what) {
  restart_options options;
  options.when = what;
  return options;
}

health_options every_five_seconds() {
  health_options health;
  health.interval = 5s;
  health.timeout = 2s;
  return health;
}

}  // namespace

TEST_CASE("a process that is wanted is started at once, and once") {
  life one;
  CHECK(one.policy.current() == state::waiting);
  CHECK(one.next() == action::start);
  CHECK(one.next() == action::nothing);
  one.policy.started(one.now);
  CHECK(one.policy.current() == state::running);
  CHECK(one.policy.restarts() == 0);
  CHECK_FALSE(one.policy.due().has_value());
}

TEST_CASE("which ends are followed by a start depends on the policy") {
  const auto after = [](restart what, outcome how) {
    life one(when(what));
    one.start();
    one.policy.ended(one.now, how, "so");
    return one.policy.current();
  };
  CHECK(after(restart::never, outcome::success) == state::ended);
  CHECK(after(restart::never, outcome::failure) == state::ended);
  CHECK(after(restart::on_failure, outcome::success) == state::ended);
  CHECK(after(restart::on_failure, outcome::failure) == state::waiting);
  CHECK(after(restart::always, outcome::success) == state::waiting);
  CHECK(after(restart::always, outcome::failure) == state::waiting);
}

TEST_CASE("each wait is longer than the one before it, up to the longest") {
  restart_options options;
  options.first_delay = 100ms;
  options.factor = 3;
  options.max_delay = 1s;
  life one(options);
  one.start();
  for (const auto expected : {100ms, 300ms, 900ms, 1000ms, 1000ms}) {
    one.fail(1ms);
    CHECK(one.next() == action::nothing);
    CHECK(one.wait() == expected);
    one.start();
  }
  CHECK(one.policy.restarts() == 5);
}

TEST_CASE("a process that can't be started waits like one that has ended") {
  life one;
  CHECK(one.next() == action::start);
  one.fail();
  CHECK(one.wait() == 100ms);
  CHECK(one.next() == action::start);
  one.fail();
  CHECK(one.wait() == 200ms);
}

TEST_CASE("after it has run well for long enough the wait is short again") {
  life one;
  one.start();
  one.fail();
  one.wait();
  one.start();
  one.fail(9'999ms);
  CHECK(one.wait() == 200ms);
  one.start();
  one.fail(10s);
  CHECK(one.wait() == 100ms);
}

TEST_CASE("too many restarts within the window, and it is given up with a reason") {
  restart_options options;
  options.max_restarts = 3;
  options.window = 60s;
  life one(options);
  one.start();
  for (int i = 0; i < 3; ++i) {
    one.fail();
    CHECK(one.policy.current() == state::waiting);
    one.wait();
    one.start();
  }
  one.fail();
  CHECK(one.policy.current() == state::given_up);
  CHECK(one.policy.reason() == "given up after 3 restarts in 60000 ms; the last end: exit code 1");
  CHECK_FALSE(one.policy.due().has_value());
  CHECK(one.next() == action::nothing);

  one.policy.begin(one.now);
  CHECK(one.policy.reason().empty());
  one.start();
  one.fail();
  CHECK(one.policy.current() == state::waiting);
}

TEST_CASE("restarts that lie behind the window aren't counted") {
  restart_options options;
  options.max_restarts = 2;
  options.window = 10s;
  life one(options);
  one.start();
  for (int i = 0; i < 20; ++i) {
    one.fail(6s);
    REQUIRE(one.policy.current() == state::waiting);
    one.wait();
    one.start();
  }
  CHECK(one.policy.restarts() == 20);
}

TEST_CASE("no restart allowed: the first failure gives it up") {
  restart_options options;
  options.max_restarts = 0;
  life one(options);
  one.start();
  one.fail();
  CHECK(one.policy.current() == state::given_up);
}

TEST_CASE("a healthy process is asked at every interval") {
  life one(restart_options(), every_five_seconds());
  one.start();
  for (int i = 0; i < 3; ++i) {
    CHECK(one.wait() == 5s);
    CHECK(one.next() == action::check);
    CHECK(one.next() == action::nothing);
    one.now += 1s;
    one.policy.answered(one.now);
  }
  CHECK(one.policy.current() == state::running);
}

TEST_CASE("one that doesn't answer is ended, once, and counts as failed however it ends") {
  life one(restart_options(), every_five_seconds());
  one.start();
  one.wait();
  CHECK(one.next() == action::check);
  CHECK(one.wait() == 2s);
  CHECK(one.next() == action::end);
  CHECK(one.policy.current() == state::hung);
  CHECK(one.next() == action::nothing);
  one.policy.answered(one.now);  // too late
  CHECK(one.policy.current() == state::hung);
  one.succeed();
  CHECK(one.policy.current() == state::waiting);
  CHECK(one.policy.reason() == "it didn't answer the health check (exit code 0)");
}

TEST_CASE("the end of a process ends the wait for its answer") {
  life one(restart_options(), every_five_seconds());
  one.start();
  one.wait();
  CHECK(one.next() == action::check);
  one.fail();
  one.wait();
  one.start();
  CHECK(one.wait() == 5s);
  CHECK(one.next() == action::check);
}

TEST_CASE("one that is stopped isn't started again, however it ends") {
  life one(when(restart::always));
  one.start();
  one.policy.stop();
  CHECK(one.policy.current() == state::stopping);
  CHECK(one.policy.alive());
  one.fail();
  CHECK(one.policy.current() == state::idle);
  CHECK_FALSE(one.policy.due().has_value());

  life waiting(when(restart::always));
  waiting.start();
  waiting.fail();
  waiting.policy.stop();
  CHECK(waiting.policy.current() == state::idle);
  waiting.now += 1h;
  CHECK(waiting.next() == action::nothing);
}

TEST_CASE("one that is stopped while it is being started ends as stopped") {
  life one(when(restart::always));
  CHECK(one.next() == action::start);
  one.policy.stop();
  CHECK(one.policy.current() == state::stopping);
  one.fail();
  CHECK(one.policy.current() == state::idle);
}
