#include "tests/support/forked.hpp"
#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string>

using support::awaitable;

namespace {

awaitable<int> code(int value) {
  co_await support::settle();
  co_return value;
}
awaitable<void> nothing() { co_await support::settle(); }
awaitable<antiphon::ended> ended_by(antiphon::end_reason reason, antiphon::error_code error = {}) {
  co_await support::settle();
  antiphon::ended how;
  how.reason = reason;
  how.error = error;
  co_return how;
}
awaitable<void> failing() {
  co_await support::settle();
  throw std::runtime_error("shown on standard error by this test");
}
awaitable<void> wait_for_ever() {
  support::asio::steady_timer timer(co_await support::asio::this_coro::executor);
  timer.expires_at(std::chrono::steady_clock::time_point::max());
  co_await timer.async_wait(support::asio::use_awaitable);
}
awaitable<void> raise_and_wait(int signal) {
  std::raise(signal);
  auto waiting = wait_for_ever();
  co_await std::move(waiting);
}
awaitable<antiphon::ended> serve_until(int signal) {
  auto ends = antiphon::make_memory_pipe(co_await support::asio::this_coro::executor);
  antiphon::endpoint peer(std::move(ends.first));
  std::raise(signal);
  auto running = peer.run();
  const antiphon::ended how = co_await std::move(running);
  co_return how;
}
awaitable<int> ignore_first_signal() {
  std::raise(SIGTERM);
  bool interrupted = false;
  try {
    auto waiting = wait_for_ever();
    co_await std::move(waiting);
  } catch (const boost::system::system_error&) {
    interrupted = true;
  }
  if (interrupted) std::raise(SIGTERM);
  co_await support::asio::this_coro::reset_cancellation_state();
  auto waiting = wait_for_ever();
  co_await std::move(waiting);
  co_return 0;
}

struct outcome {
  int code;
  std::string text;
};
// What a program of which the connection ends like this says and exits with.
outcome said_of(antiphon::end_reason reason, antiphon::error_code error) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  support::forked program(-1, -1, ends[1], [&] { return antiphon::run_main(ended_by(reason, error)); });
  ::close(ends[1]);
  outcome what{0, support::read_to_end(ends[0])};
  ::close(ends[0]);
  what.code = program.wait();
  return what;
}

}  // namespace

TEST_CASE("run_main returns what the coroutine does") {
  CHECK(antiphon::run_main(code(0)) == 0);
  CHECK(antiphon::run_main(code(42)) == 42);
  CHECK(antiphon::run_main(nothing()) == 0);
  CHECK(antiphon::run_main(ended_by(antiphon::end_reason::end_of_input)) == 0);
  CHECK(antiphon::run_main(ended_by(antiphon::end_reason::closed_here)) == 0);
  CHECK(antiphon::run_main(ended_by(antiphon::end_reason::protocol_error)) == 1);
}

TEST_CASE("run_main says on standard error why a connection ended badly, and nothing when it ended well") {
  using antiphon::errc;
  const auto good = said_of(antiphon::end_reason::end_of_input, {});
  CHECK(good.code == 0);
  CHECK(good.text.empty());
  const auto cut = said_of(antiphon::end_reason::end_of_input, errc::truncated_message);
  CHECK(cut.code == 0);
  CHECK(cut.text == "error: " + make_error_code(errc::truncated_message).message() + "\n");
  const auto lost = said_of(antiphon::end_reason::connection_lost, errc::connection_lost);
  CHECK(lost.code == 1);
  CHECK(lost.text.empty());
  const auto broken = said_of(antiphon::end_reason::protocol_error, errc::malformed_header);
  CHECK(broken.code == 1);
  CHECK(broken.text == "error: " + make_error_code(errc::malformed_header).message() + "\n");
}

TEST_CASE("what is written to standard error is cut off after 4096 bytes") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  support::forked program(-1, -1, ends[1], [] {
    antiphon::write_to_stderr(std::string(4095, 'a') + "bc");
    return 0;
  });
  ::close(ends[1]);
  CHECK(support::read_to_end(ends[0]) == std::string(4095, 'a') + "b");
  ::close(ends[0]);
  CHECK(program.wait() == 0);
}

TEST_CASE("run_main returns 1 when the coroutine throws") { CHECK(antiphon::run_main(failing()) == 1); }

TEST_CASE("SIGINT and SIGTERM cancel the coroutine, and that is success") {
  CHECK(antiphon::run_main(raise_and_wait(SIGTERM)) == 0);
  CHECK(antiphon::run_main(raise_and_wait(SIGINT)) == 0);
  CHECK(antiphon::run_main(serve_until(SIGTERM)) == 0);
}

TEST_CASE("a second signal stops at once") { CHECK(antiphon::run_main(ignore_first_signal()) == 1); }

TEST_CASE("what main leaves running does not keep the program") {
  auto main = []() -> awaitable<int> {
    support::asio::co_spawn(co_await support::asio::this_coro::executor, wait_for_ever(),
                            support::asio::detached);
    co_return 3;
  };
  const auto begin = std::chrono::steady_clock::now();
  CHECK(antiphon::run_main(main()) == 3);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(4));
}
