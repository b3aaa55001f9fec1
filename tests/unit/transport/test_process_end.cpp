#include "tests/support/forked.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/transport/process_end.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <limits>

namespace asio = antiphon::asio;
namespace errc = boost::system::errc;
using asio::awaitable;
using namespace support;

namespace {

/// A process that does nothing until it is killed.
class sleeper {
 public:
  sleeper()
      : process_(0, 1, 2, [] {
          for (;;) ::pause();
          return 0;
        }) {}
  int pid() const { return process_.pid(); }
  /// Ends it; it stays a zombie until `reap`.
  void kill() const { ::kill(pid(), SIGKILL); }
  void reap() { process_.wait(); }

 private:
  forked process_;
};

}  // namespace

TEST_CASE("the end of another process is waited for, without polling") {
  asio::io_context context(1);
  std::exception_ptr failure;
  sleeper other;
  bool ended = false;
  const auto watch = [](int pid, bool& done) -> awaitable<void> {
    auto waiting = antiphon::when_process_ends(pid);
    co_await std::move(waiting);
    done = true;
  };
  start(context, watch(other.pid(), ended), failure);
  context.poll();
  // Nothing happens until it ends: no timer, no look.
  const auto before = std::clock();
  CHECK(context.run_for(std::chrono::milliseconds(200)) == 0);
  CHECK(std::clock() - before < CLOCKS_PER_SEC / 50);
  CHECK_FALSE(ended);
  other.kill();
  drain(context);
  CHECK(ended);
  CHECK_FALSE(failure);
  // It is still its parent's to reap.
  siginfo_t info{};
  CHECK(::waitid(P_PID, static_cast<id_t>(other.pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0);
  CHECK(info.si_pid == other.pid());
  other.reap();
}

TEST_CASE("several may wait for the same process, and each has its own wait") {
  asio::io_context context(1);
  std::exception_ptr failure;
  sleeper other;
  int told = 0;
  const auto watch = [](int pid, int& count) -> awaitable<void> {
    auto waiting = antiphon::when_process_ends(pid);
    co_await std::move(waiting);
    ++count;
  };
  for (int i = 0; i < 3; ++i) start(context, watch(other.pid(), told), failure);
  context.poll();
  other.kill();
  drain(context);
  CHECK(told == 3);
  other.reap();
}

TEST_CASE("a process that nobody has reaped yet has ended") {
  sleeper other;
  other.kill();
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(other.pid()), &info, WEXITED | WNOWAIT) == 0);
  run([](int pid) -> awaitable<void> {
    auto waiting = error_of(antiphon::when_process_ends(pid));
    const auto ec = co_await std::move(waiting);
    CHECK_FALSE(ec);
  }(other.pid()));
  other.reap();
}

TEST_CASE("a process that is no more is an error at once, and so is a number that is none") {
  sleeper other;
  other.kill();
  other.reap();
  run([](int pid) -> awaitable<void> {
    auto waiting = error_of(antiphon::when_process_ends(pid));
    auto ec = co_await std::move(waiting);
    CHECK(ec == errc::no_such_process);
    auto naming = what_of(antiphon::when_process_ends(pid));
    const auto what = co_await std::move(naming);
    CHECK(what.find(std::to_string(pid)) != std::string::npos);
    for (const int none : {0, -1, std::numeric_limits<int>::min()}) {
      waiting = error_of(antiphon::when_process_ends(none));
      ec = co_await std::move(waiting);
      CHECK(ec == errc::invalid_argument);
    }
    waiting = error_of(antiphon::when_process_ends(std::numeric_limits<int>::max()));
    ec = co_await std::move(waiting);
    CHECK(ec == errc::no_such_process);
  }(other.pid()));
}

TEST_CASE("waiting for a process can be given up, and leaves no descriptor") {
  sleeper other;
  run([](int pid) -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const asio::posix::stream_descriptor first(executor);  // with it Asio opens what it needs itself
    const auto before = open_descriptors();
    asio::cancellation_signal give_up;
    error_code how;
    asio::co_spawn(executor, error_of(antiphon::when_process_ends(pid)),
                   asio::bind_cancellation_slot(give_up.slot(),
                                                [&how](std::exception_ptr, error_code ec) { how = ec; }));
    auto turn = settle();
    co_await std::move(turn);
    CHECK(open_descriptors() == before + 1);
    give_up.emit(asio::cancellation_type::terminal);
    turn = settle();
    co_await std::move(turn);
    CHECK(how == asio::error::operation_aborted);
    CHECK(open_descriptors() == before);
  }(other.pid()));
}
