#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/relay/broker.hpp>
#include <antiphon/relay/supervisor.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using antiphon::command;
using antiphon::relay::broker;
using antiphon::relay::process_options;
using antiphon::relay::process_stats;
using antiphon::relay::relay_errc;
using antiphon::relay::restart;
using antiphon::relay::restart_policy;
using antiphon::relay::supervisor;
using antiphon::relay::target;
using antiphon::relay::target_state;
using support::awaitable;
namespace asio = boost::asio;
namespace relay = antiphon::relay;

namespace {

relay::target& keep_running(relay::supervisor& keeper, relay::broker& hub) {
  relay::target& sqlite = hub.add("sqlite");
  antiphon::command program("python3");
  program.arg("sqlite_server.py");
  relay::process_options options;
  options.restart.when = relay::restart::always;
  options.health.interval = 5s;
  options.routes = [&hub, &sqlite] { return hub.target_routes(sqlite); };
  keeper.add(sqlite, std::move(program), std::move(options));
  return sqlite;
}

using answer = antiphon::call_result<antiphon::raw_json>;

process_options quick() {
  process_options options;
  options.restart.first_delay = 10ms;
  return options;
}
command worker(std::vector<std::string> arguments = {}) {
  command what(WORKER);
  what.args(std::move(arguments));
  what.stop_times(2s, 200ms);
  return what;
}

/// A relay in memory with one client, over which a script calls.
class stage {
 public:
  stage() {
    auto ends = antiphon::make_memory_pipe(context->get_executor());
    server.emplace(std::move(ends.first), hub.client_routes());
    client.emplace(std::move(ends.second));
    keeper.emplace(context->get_executor(),
                   [this](std::string_view, std::string_view what) { log.emplace_back(what); });
  }

  target& keep(std::string name, command what = worker(), process_options options = quick()) {
    target& to = hub.add(std::move(name));
    options.routes = [this, &to] { return hub.target_routes(to); };
    keeper->add(to, std::move(what), std::move(options));
    return to;
  }

  /// The script, within 20 s.
  void play(std::function<awaitable<void>(stage&)> script) {
    std::exception_ptr failure;
    support::start(*context, serve(), failure);
    support::start(*context, act(std::move(script)), failure);
    support::drain(*context);
    if (failure) std::rethrow_exception(failure);
  }

  awaitable<answer> ask(std::string method, std::string params = "[]") {
    auto asking = client->try_call<antiphon::raw_json>(method, antiphon::raw_json(params));
    answer got = co_await std::move(asking);
    co_return got;
  }
  awaitable<void> tell(std::string method, std::string params = "[]") {
    auto telling = client->notify(method, antiphon::raw_json(params));
    co_await std::move(telling);
  }
  awaitable<void> until(std::function<bool()> holds) {
    asio::steady_timer timer(context->get_executor());
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("it never came to that");
      timer.expires_after(1ms);
      co_await timer.async_wait(asio::use_awaitable);
    }
  }
  process_stats of(std::string_view name) const { return keeper->stats(name).value(); }

  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);
  broker hub;
  std::optional<supervisor> keeper;
  std::optional<antiphon::endpoint> server;
  std::optional<antiphon::endpoint> client;
  std::vector<std::string> log;

 private:
  awaitable<void> serve() {
    auto running = server->run();
    static_cast<void>(co_await std::move(running));
  }
  awaitable<void> act(std::function<awaitable<void>(stage&)> script) {
    auto running = client->run([this, &script](antiphon::endpoint&) { return follow(script); });
    static_cast<void>(co_await std::move(running));
  }
  awaitable<void> follow(std::function<awaitable<void>(stage&)>& script) {
    auto acting = script(*this);
    std::exception_ptr failure;
    try {
      co_await std::move(acting);
    } catch (...) {
      failure = std::current_exception();
    }
    auto stopping = keeper->stop(0ms);
    co_await std::move(stopping);
    if (failure) std::rethrow_exception(failure);
  }
};

int error_of(const answer& got) { return got.has_error() ? got.error().code.value() : 0; }
constexpr int target_down = static_cast<int>(relay_errc::target_down);

/// A directory that we are in, with one file.
class place_with_program {
 public:
  place_with_program(const std::string& name, std::string_view text) {
    std::string made = std::filesystem::temp_directory_path() / "antiphon-unit-relay-XXXXXX";
    REQUIRE(::mkdtemp(made.data()) != nullptr);
    here_ = made;
    std::ofstream(here_ / name) << text;
    std::filesystem::current_path(here_);
  }
  place_with_program(const place_with_program&) = delete;
  ~place_with_program() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(here_);
  }

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
  std::filesystem::path here_;
};

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                                std::filesystem::directory_iterator()));
}

}  // namespace

TEST_CASE("a supervised process is started, answers, and is reaped when it is stopped") {
  stage one;
  one.keep("w");
  int pid = 0;
  one.play([&](stage& s) -> awaitable<void> {
    auto asking = s.ask("w/pid");
    const answer got = co_await std::move(asking);
    REQUIRE(got.has_value());
    pid = got->decode<int>();
    CHECK(s.of("w").pid == pid);
    CHECK(s.of("w").starts == 1);
    CHECK(s.of("w").state == restart_policy::state::running);
  });
  CHECK(::kill(pid, 0) == -1);
  CHECK(one.keeper->stats().empty());
}

TEST_CASE("when a process dies its callers get their error at once, the other target notices nothing") {
  stage one;
  one.keep("a");
  one.keep("b");
  one.play([&](stage& s) -> awaitable<void> {
    auto asking = s.ask("a/pid");
    const answer pid = co_await std::move(asking);
    std::optional<answer> slow, other;
    asio::co_spawn(*s.context, s.ask("b/slow", "[1500]"),
                   [&other](const std::exception_ptr&, answer got) { other = std::move(got); });
    asio::co_spawn(*s.context, s.ask("a/never"),
                   [&slow](const std::exception_ptr&, answer got) { slow = std::move(got); });
    auto sent = s.until([&] { return s.hub.find("a")->stats().in_flight == 1; });
    co_await std::move(sent);
    ::kill(pid->decode<int>(), SIGKILL);
    auto failing = s.until([&] { return slow.has_value(); });
    co_await std::move(failing);
    CHECK_FALSE(other.has_value());
    CHECK(error_of(*slow) == target_down);
    // And it runs again. What is asked before the supervisor knows may fail as well.
    auto restarting = s.until([&] { return s.of("a").restarts == 1; });
    co_await std::move(restarting);
    auto again = s.ask("a/pid");
    const answer next = co_await std::move(again);
    REQUIRE(next.has_value());
    CHECK(next->decode<int>() != pid->decode<int>());
    auto waiting = s.until([&] { return other.has_value(); });
    co_await std::move(waiting);
    CHECK(other->has_value());
    CHECK(s.of("a").restarts == 1);
    CHECK(s.of("a").last_exit->signal == SIGKILL);
    CHECK(s.of("a").last_end == "killed by signal 9");
    CHECK(s.of("b").restarts == 0);
  });
}

TEST_CASE("what a process wrote before it ended still reaches its callers") {
  stage one;
  one.keep("w");
  one.play([&](stage& s) -> awaitable<void> {
    for (int i = 0; i < 5; ++i) {
      auto asking = s.ask("w/answer_and_exit", "[3]");
      const answer got = co_await std::move(asking);
      REQUIRE(got.has_value());
      CHECK(got->text() == "\"gone\"");
      // A request that comes before its end is known would be lost with it.
      auto waiting = s.until([&] { return s.of("w").restarts == static_cast<std::uint64_t>(i) + 1; });
      co_await std::move(waiting);
      CHECK(s.of("w").last_exit->code == 3);
    }
  });
}

TEST_CASE("a process that exits with 0 stays ended under on_failure, and callers see why") {
  stage one;
  one.keep("w");
  one.play([&](stage& s) -> awaitable<void> {
    auto telling = s.tell("w/exit", "[0]");
    co_await std::move(telling);
    auto waiting = s.until([&] { return s.of("w").state == restart_policy::state::ended; });
    co_await std::move(waiting);
    auto asking = s.ask("w/echo");
    const answer got = co_await std::move(asking);
    CHECK(error_of(got) == target_down);
    REQUIRE(got.error().data.has_value());
    CHECK(got.error().data->text().find("exit code 0") != std::string_view::npos);
    auto starting = s.keeper->restart("w", 0ms);
    co_await std::move(starting);
    auto again = s.ask("w/echo", "[1]");
    const answer well = co_await std::move(again);
    CHECK(well.has_value());
  });
}

TEST_CASE("a process that ends again and again is given up, and callers see why") {
  stage one;
  process_options options = quick();
  options.restart.max_restarts = 3;
  options.restart.first_delay = 1ms;
  one.keep("w", worker({"exit=7"}), options);
  one.play([&](stage& s) -> awaitable<void> {
    auto waiting = s.until([&] { return s.of("w").state == restart_policy::state::given_up; });
    co_await std::move(waiting);
    CHECK(s.of("w").starts == 4);
    CHECK(s.of("w").restarts == 3);
    auto asking = s.ask("w/echo");
    const answer got = co_await std::move(asking);
    CHECK(error_of(got) == target_down);
    CHECK(got.error().data->text().find("given up after 3 restarts") != std::string_view::npos);
    CHECK(got.error().data->text().find("exit code 7") != std::string_view::npos);
  });
}

TEST_CASE("a program that isn't there is tried again, and given up") {
  stage one;
  process_options options = quick();
  options.restart.max_restarts = 2;
  options.restart.first_delay = 1ms;
  one.keep("w", command("/nonexistent/program"), options);
  one.play([&](stage& s) -> awaitable<void> {
    auto waiting = s.until([&] { return s.of("w").state == restart_policy::state::given_up; });
    co_await std::move(waiting);
    CHECK(s.of("w").failed_starts == 3);
    CHECK(s.of("w").last_end.find("could not be started") != std::string::npos);
  });
}

TEST_CASE("a program that isn't there is tried again in turns of its own, also without a delay") {
  stage one;
  process_options options = quick();
  options.restart.max_restarts = 100;
  options.restart.first_delay = 0ms;
  one.keep("w", command("/nonexistent/program"), options);
  CHECK(one.of("w").starts == 1);
  one.play([&](stage& s) -> awaitable<void> {
    auto waiting = s.until([&] { return s.of("w").state == restart_policy::state::given_up; });
    co_await std::move(waiting);
    CHECK(s.of("w").starts == 101);
  });
}

TEST_CASE("a process that hangs is found by the health check and replaced") {
  stage one;
  process_options options = quick();
  options.health.interval = 20ms;
  options.health.timeout = 1s;
  one.keep("w", worker(), options);
  one.play([&](stage& s) -> awaitable<void> {
    auto checking = s.until([&] { return s.of("w").checks_answered >= 3; });
    co_await std::move(checking);
    CHECK(s.of("w").hung == 0);
    CHECK(s.of("w").last_check > 0ns);
    auto telling = s.tell("w/hang");
    co_await std::move(telling);
    auto asking = s.ask("w/echo", "[1]");
    const answer got = co_await std::move(asking);
    CHECK(error_of(got) == target_down);
    auto restarting = s.until([&] { return s.of("w").restarts == 1; });
    co_await std::move(restarting);
    auto again = s.ask("w/echo", "[1]");
    const answer well = co_await std::move(again);
    CHECK(well.has_value());
    CHECK(s.of("w").hung == 1);
    CHECK(s.of("w").restarts == 1);
    // It has a handler for SIGTERM that it never comes to.
    CHECK(s.of("w").last_end == "it didn't answer the health check (killed by signal 9)");
  });
}

TEST_CASE("a process that hangs gets SIGTERM first, and the time to tidy up") {
  stage one;
  process_options options = quick();
  options.restart.when = restart::never;
  options.health.interval = 5ms;
  options.health.timeout = 50ms;
  command deaf("sh");
  deaf.args({"-c", "trap 'exit 9' TERM; while :; do sleep 0.01; done"});
  deaf.stop_times(20s, 10s);
  one.keep("w", std::move(deaf), options);
  one.play([&](stage& s) -> awaitable<void> {
    auto waiting = s.until([&] { return s.of("w").state == restart_policy::state::ended; });
    co_await std::move(waiting);
    CHECK(s.of("w").last_end == "it didn't answer the health check (exit code 9)");
  });
}

TEST_CASE("an error is an answer to the health check, too") {
  stage one;
  process_options options = quick();
  options.health.interval = 5ms;
  options.health_method = "nobody knows it";
  one.keep("w", worker(), options);
  one.play([&](stage& s) -> awaitable<void> {
    auto checking = s.until([&] { return s.of("w").checks_answered >= 3; });
    co_await std::move(checking);
  });
  CHECK(one.log == std::vector<std::string>{one.log.front(), "exit code 0"});
}

TEST_CASE("a process that closes its output is ended and replaced") {
  stage one;
  one.keep("w");
  one.play([&](stage& s) -> awaitable<void> {
    auto telling = s.tell("w/close_output");
    co_await std::move(telling);
    auto waiting = s.until([&] { return s.of("w").starts == 2; });
    co_await std::move(waiting);
    auto again = s.ask("w/echo", "[1]");
    const answer well = co_await std::move(again);
    CHECK(well.has_value());
  });
}

TEST_CASE("a process that breaks the protocol is ended, and its callers see why") {
  stage one;
  process_options options = quick();
  options.restart.when = restart::never;
  command noise("sh");
  noise.args({"-c", "echo this is no message; exec cat >/dev/null"});
  one.keep("w", std::move(noise), options);
  one.play([&](stage& s) -> awaitable<void> {
    auto waiting = s.until([&] { return s.of("w").state == restart_policy::state::ended; });
    co_await std::move(waiting);
    CHECK_MESSAGE(s.of("w").last_end.find("broke the protocol") != std::string::npos, s.of("w").last_end);
  });
}

TEST_CASE(
    "stopping lets it finish what it has, takes a stubborn one by SIGKILL, and takes no more requests") {
  stage one;
  one.keep("w");
  command stubborn = worker({"stubborn"});
  stubborn.stop_times(50ms, 50ms);
  one.keep("s", std::move(stubborn));
  one.play([&](stage& s) -> awaitable<void> {
    auto asking = s.ask("s/pid");
    const answer pid = co_await std::move(asking);
    std::optional<answer> slow;
    asio::co_spawn(*s.context, s.ask("w/slow", "[100]"),
                   [&slow](const std::exception_ptr&, answer got) { slow = std::move(got); });
    auto sent = s.until([&] { return s.hub.find("w")->stats().in_flight == 1; });
    co_await std::move(sent);
    auto stopping = s.keeper->stop(5s);
    co_await std::move(stopping);
    REQUIRE(slow.has_value());
    CHECK(slow->has_value());
    CHECK(::kill(pid->decode<int>(), 0) == -1);
    CHECK(s.hub.find("w")->state() == target_state::down);
    auto late = s.ask("w/echo");
    const answer refused = co_await std::move(late);
    CHECK(error_of(refused) == target_down);
  });
}

TEST_CASE("who cancels the wait for a removal shortens the drain, and the process is ended all the same") {
  stage one;
  one.keep("w");
  one.play([&](stage& s) -> awaitable<void> {
    std::optional<answer> open;
    asio::co_spawn(*s.context, s.ask("w/never"),
                   [&open](const std::exception_ptr&, answer got) { open = std::move(got); });
    auto sent = s.until([&] { return s.hub.find("w")->stats().in_flight == 1; });
    co_await std::move(sent);
    const int pid = s.of("w").pid;
    asio::cancellation_signal cancel;
    std::optional<bool> done;
    asio::co_spawn(
        *s.context, s.keeper->remove("w", 1h),
        asio::bind_cancellation_slot(cancel.slot(), [&done](const std::exception_ptr&) { done = true; }));
    std::optional<answer> late;
    asio::co_spawn(*s.context, s.ask("w/echo"),
                   [&late](const std::exception_ptr&, answer got) { late = std::move(got); });
    auto draining = s.until([&] { return s.hub.find("w")->stats().queued == 1; });
    co_await std::move(draining);
    cancel.emit(asio::cancellation_type::all);
    auto waiting = s.until([&] { return open && late && done; });
    co_await std::move(waiting);
    CHECK(error_of(*open) == target_down);
    CHECK(error_of(*late) == target_down);
    CHECK(s.hub.find("w")->state() == target_state::down);
    auto reaping = s.until([pid] { return ::kill(pid, 0) == -1; });
    co_await std::move(reaping);
  });
}

TEST_CASE("a restart on request lets what waits go to the next process") {
  stage one;
  one.keep("w");
  one.play([&](stage& s) -> awaitable<void> {
    auto asking = s.ask("w/pid");
    const answer before = co_await std::move(asking);
    std::optional<bool> done;
    asio::co_spawn(*s.context, s.keeper->restart("w", 1s),
                   [&done](const std::exception_ptr& failure) { done = failure == nullptr; });
    auto again = s.ask("w/pid");
    const answer after = co_await std::move(again);
    REQUIRE(after.has_value());
    CHECK(after->decode<int>() != before->decode<int>());
    auto waiting = s.until([&] { return done.has_value(); });
    co_await std::move(waiting);
    CHECK(*done);
    CHECK(s.of("w").restarts == 0);
    CHECK(s.of("w").starts == 2);
  });
}

TEST_CASE("what a process was replaced by is what is restarted from then on") {
  stage one;
  one.keep("w", command("/nowhere/antiphon-nothing"));
  one.play([&](stage& s) -> awaitable<void> {
    process_options options = quick();
    options.routes = [&s] { return s.hub.target_routes(*s.hub.find("w")); };
    auto replacing = s.keeper->replace("w", worker(), std::move(options), 1s);
    co_await std::move(replacing);
    std::vector<int> pids;
    for (int round = 0; round < 2; ++round) {
      auto asking = s.ask("w/pid");
      const answer got = co_await std::move(asking);
      REQUIRE(got.has_value());
      pids.push_back(got->decode<int>());
      auto restarting = s.keeper->restart("w", 1s);
      co_await std::move(restarting);
    }
    CHECK(pids[0] != pids[1]);
  });
}

TEST_CASE("a program that ends at once, as in the guide, is started again after a wait") {
  const place_with_program there("sqlite_server.py", "raise SystemExit(2)");
  stage one;
  keep_running(*one.keeper, one.hub);
  one.play([&](stage& s) -> awaitable<void> {
    auto waiting = s.until([&] { return s.of("sqlite").restarts >= 1; });
    co_await std::move(waiting);
    CHECK(s.of("sqlite").last_exit->code == 2);
  });
}

TEST_CASE("two processes of one name are refused, and the first goes on") {
  stage one;
  target& to = one.keep("w");
  CHECK_THROWS_AS(one.keeper->add(to, worker()), std::invalid_argument);
  one.play([&](stage& s) -> awaitable<void> {
    auto asking = s.ask("w/echo", "[1]");
    const answer got = co_await std::move(asking);
    CHECK(got.has_value());
  });
}

TEST_CASE("a hundred deaths leave no descriptor and no zombie behind") {
  stage one;
  process_options options = quick();
  options.restart.first_delay = 0ms;
  options.restart.max_restarts = 1000;
  one.keep("w", worker(), options);
  one.play([&](stage& s) -> awaitable<void> {
    std::size_t first = 0;
    for (int i = 0; i < 100; ++i) {
      auto asking = s.ask("w/pid");
      const answer got = co_await std::move(asking);
      REQUIRE(got.has_value());
      if (i == 1) first = open_descriptors();
      if (i == 99) CHECK(open_descriptors() <= first + 2);
      const std::uint64_t starts = s.of("w").starts;
      ::kill(got->decode<int>(), SIGKILL);
      auto waiting = s.until([&] { return s.of("w").starts > starts; });
      co_await std::move(waiting);
    }
    CHECK(s.of("w").restarts == 100);
  });
}
