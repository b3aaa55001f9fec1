#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/transport/child_process.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

namespace asio = antiphon::asio;
using antiphon::child_process;
using antiphon::command;
using antiphon::exit_status;
using antiphon::transport_ptr;
using asio::awaitable;
using namespace support;
using std::chrono::milliseconds;

namespace {

command shell(std::string script) { return command("sh").arg("-c").arg(std::move(script)); }

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

struct outcome {
  exit_status how;
  std::string output;
};

/// Runs it to its end without input.
awaitable<outcome> run_to_end(command what) {
  const auto executor = co_await asio::this_coro::executor;
  child_process process(executor, std::move(what));
  const auto stdio = process.take_stdio();
  stdio->shutdown_send();
  outcome result;
  auto reading = receive_all(*stdio);
  result.output = co_await std::move(reading);
  auto waiting = process.wait();
  result.how = co_await std::move(waiting);
  co_return result;
}

outcome finish(command what) {
  outcome result;
  run([](command program, outcome& into) -> awaitable<void> {
    auto running = run_to_end(std::move(program));
    into = co_await std::move(running);
  }(std::move(what), result));
  return result;
}

exit_status code(int number) {
  exit_status how;
  how.code = number;
  return how;
}

exit_status signalled(int number) {
  exit_status how;
  how.signal = number;
  return how;
}

/// A program that says when it is ready, so that no signal comes before its traps are set.
awaitable<exit_status> stop_once_ready(command what) {
  const auto executor = co_await asio::this_coro::executor;
  child_process process(executor, std::move(what));
  const auto stdio = process.take_stdio();
  auto ready = receive(*stdio, 6);
  const auto said = co_await std::move(ready);
  CHECK(said == "ready\n");
  auto stopping = process.stop();
  const auto how = co_await std::move(stopping);
  co_return how;
}

exit_status stop(command what) {
  exit_status result;
  run([](command program, exit_status& into) -> awaitable<void> {
    auto stopping = stop_once_ready(std::move(program));
    into = co_await std::move(stopping);
  }(std::move(what), result));
  return result;
}

}  // namespace

TEST_CASE("arguments reach the program untouched by any shell") {
  const auto result = finish(command("printf").args({"[%s]", "$(id) `id`", "a b", "", "'\"\\"}));
  CHECK(result.output == "[$(id) `id`][a b][]['\"\\]");
  CHECK(result.how.success());
}

TEST_CASE("environment and directory are the program's own") {
  const temporary_directory directory;
  ::setenv("ANTIPHON_TEST_INHERITED", "kept", 1);
  ::setenv("ANTIPHON_TEST_CHANGED", "old", 1);
  const auto result = finish(shell("echo $ANTIPHON_TEST_INHERITED $ANTIPHON_TEST_CHANGED; pwd -P")
                                 .env("ANTIPHON_TEST_CHANGED", "one")
                                 .env("ANTIPHON_TEST_CHANGED", "new")
                                 .directory(directory.path()));
  CHECK(result.output == "kept new\n" + std::filesystem::canonical(directory.path()).string() + "\n");
  CHECK(std::string(::getenv("ANTIPHON_TEST_CHANGED")) == "old");
}

TEST_CASE("how a program ended is reported: its code, or its signal") {
  CHECK(finish(shell("exit 0")).how == code(0));
  CHECK(finish(shell("exit 7")).how == code(7));
  CHECK(finish(shell("kill -KILL $$")).how == signalled(SIGKILL));
}

TEST_CASE("a program that can't be started is an error that names it") {
  run([]() -> awaitable<void> {
    const temporary_directory directory;
    std::ofstream(directory.path("data")) << "not a program";
    auto reactor_starts = pause_for(milliseconds(1));
    co_await std::move(reactor_starts);
    const auto before = open_descriptors();
    struct attempt {
      command what;
      int error;
      std::string named;
    };
    const std::vector<attempt> attempts = {
        {command("no-such-program"), ENOENT, "no-such-program"},
        {command(directory.path("data")), EACCES, directory.path("data")},
        {command("cat").directory(directory.path("nowhere")), ENOENT, directory.path("nowhere")},
    };
    for (const auto& one : attempts) {
      auto starting = error_of(antiphon::spawn(one.what));
      const auto ec = co_await std::move(starting);
      CHECK(ec == error_code(one.error, boost::system::system_category()));
      auto again = what_of(antiphon::spawn(one.what));
      const auto what = co_await std::move(again);
      CHECK_MESSAGE(what.find(one.named) != std::string::npos, what);
    }
    CHECK(open_descriptors() == before);
    CHECK_FALSE(has_children());
  }());
}

TEST_CASE("a program inherits three descriptors, no blocked signal, and SIGPIPE's default") {
  const int leaky = ::fcntl(0, F_DUPFD, 50);  // not close-on-exec
  REQUIRE(leaky >= 50);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  // ls has one more for the directory itself.
  CHECK(finish(command("ls").args({"-x", "/proc/self/fd"})).output == "0  1  2  3\n");
  const auto signals = finish(command("grep").args({"-E", "SigBlk|SigIgn", "/proc/self/status"})).output;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(leaky);
  CHECK(signals.find("SigBlk:\t0000000000000000") != std::string::npos);
  const auto ignored = std::stoull(signals.substr(signals.find("SigIgn:\t") + 8, 16), nullptr, 16);
  CHECK((ignored & (1ull << (SIGPIPE - 1))) == 0);
}

TEST_CASE("standard error comes line by line, to the last one") {
  std::vector<std::string> lines;
  const auto hook = [&lines](std::string_view line) { lines.emplace_back(line); };
  finish(shell("printf 'one\\ntw' >&2; sleep 0.02; printf 'o\\r\\n\\nlast' >&2").stderr_to(hook));
  CHECK(lines == std::vector<std::string>{"one", "two", "", "last"});
}

TEST_CASE("a line of standard error without an end comes in pieces, and nothing is lost") {
  std::vector<std::size_t> sizes;
  const auto hook = [&sizes](std::string_view line) { sizes.push_back(line.size()); };
  const auto result = finish(shell("head -c 150000 /dev/zero >&2; echo >&2; echo short >&2").stderr_to(hook));
  CHECK(result.how.success());
  CHECK(sizes == std::vector<std::size_t>{65536, 65536, 150000 - 2 * 65536, 5});
}

TEST_CASE("standard error is drained however much there is, while the program serves") {
  std::size_t total = 0;
  const auto hook = [&total](std::string_view line) { total += line.size() + 1; };
  const auto result = finish(shell("yes noise | head -c 3000000 >&2; echo served").stderr_to(hook));
  CHECK(result.output == "served\n");
  CHECK(total == 3000000);
}

TEST_CASE("standard error may be discarded") {
  const auto result =
      finish(shell("echo x >&2; readlink /proc/$$/fd/2").stderr_to(command::stderr_target::discard));
  CHECK(result.output == "/dev/null\n");
}

TEST_CASE("a hook that throws harms nobody") {
  int exits = 0;
  const auto result = finish(shell("echo x >&2")
                                 .stderr_to([](std::string_view) { throw std::runtime_error("hook"); })
                                 .on_exit([&exits](exit_status) {
                                   ++exits;
                                   throw std::runtime_error("hook");
                                 }));
  CHECK(result.how.success());
  CHECK(exits == 1);
}

TEST_CASE("the ladder: the end of the input is enough for some") {
  CHECK(stop(shell("echo ready; cat > /dev/null; exit 5")) == code(5));
}

TEST_CASE("the ladder: SIGTERM for those who don't read their input") {
  CHECK(stop(shell("echo ready; exec sleep 1000").stop_times(milliseconds(30), milliseconds(5000))) ==
        signalled(SIGTERM));
}

TEST_CASE("the ladder: SIGKILL for those who ignore SIGTERM too") {
  CHECK(stop(shell("trap '' TERM; echo ready; exec sleep 1000")
                 .stop_times(milliseconds(30), milliseconds(30))) == signalled(SIGKILL));
}

TEST_CASE("the ladder: each rung has its own time, and none is waited for once the program has ended") {
  const auto time = [](command what, exit_status expected) {
    const auto start = std::chrono::steady_clock::now();
    CHECK(stop(std::move(what)) == expected);
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start).count();
  };
  const auto deaf = [] { return shell("trap '' TERM; echo ready; exec sleep 1000"); };
  const auto obedient = [] { return shell("echo ready; exec sleep 1000"); };
  CHECK(time(shell("echo ready; exec cat").stop_times(milliseconds(9000), milliseconds(9000)), code(0)) <
        4000);
  const auto first_only =
      time(obedient().stop_times(milliseconds(150), milliseconds(9000)), signalled(SIGTERM));
  CHECK(first_only >= 150);
  CHECK(first_only < 4000);
  const auto second_long = time(deaf().stop_times(milliseconds(20), milliseconds(300)), signalled(SIGKILL));
  CHECK(second_long >= 320);
  CHECK(second_long < 4000);
}

TEST_CASE("the ladder's times may be as long as a number can say") {
  CHECK(stop(shell("echo ready; exec cat").stop_times(milliseconds::max(), milliseconds::max())) == code(0));
}

TEST_CASE("a spawned program is stopped and reaped in the background when its transport goes") {
  for (const bool by_close : {true, false}) {
    std::vector<exit_status> exits;
    run([](bool close, std::vector<exit_status>& seen) -> awaitable<void> {
      auto program = shell("exec sleep 1000")
                         .stop_times(milliseconds(20), milliseconds(5000))
                         .on_exit([&seen](exit_status how) { seen.push_back(how); });
      auto starting = antiphon::spawn(std::move(program));
      auto peer = co_await std::move(starting);
      if (close) peer->close();
      CHECK(seen.empty());
    }(by_close, exits));  // returns once the io_context has nothing left to do
    CHECK(exits == std::vector<exit_status>{signalled(SIGTERM)});
    CHECK_FALSE(has_children());
  }
}

TEST_CASE("a program that ends by itself is reaped at once, and its transport shows the end") {
  run([]() -> awaitable<void> {
    int exits = 0;
    auto program = shell("printf bye; exit 3").on_exit([&exits](exit_status how) {
      CHECK(how == code(3));
      ++exits;
    });
    auto starting = antiphon::spawn(std::move(program));
    const auto peer = co_await std::move(starting);
    auto receiving = receive_all(*peer);
    const auto got = co_await std::move(receiving);
    CHECK(got == "bye");
    while (exits == 0) {
      auto sleeping = pause_for(milliseconds(1));
      co_await std::move(sleeping);
    }
    CHECK_FALSE(has_children());
    peer->close();
    CHECK(exits == 1);
  }());
}

TEST_CASE("several may wait for the same end, also after it") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    child_process process(executor, command("cat"));
    CHECK(process.pid() > 0);
    int told = 0;
    for (int i = 0; i < 3; ++i) {
      asio::co_spawn(executor, process.wait(), [&told](std::exception_ptr, exit_status how) {
        CHECK(how == code(0));
        ++told;
      });
    }
    auto turn = settle();
    co_await std::move(turn);
    CHECK(told == 0);
    auto stopping = process.stop();
    auto how = co_await std::move(stopping);
    CHECK(how == code(0));
    auto again = process.wait();
    how = co_await std::move(again);
    CHECK(how == code(0));
    stopping = process.stop();
    how = co_await std::move(stopping);
    CHECK(how == code(0));
    turn = settle();
    co_await std::move(turn);
    CHECK(told == 3);
  }());
}

TEST_CASE("what waits for a program's end may outlive the object that started it") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const auto start = [&executor] { return child_process(executor, command("true")).wait(); };
    auto waiting = start();
    auto pause = pause_for(std::chrono::milliseconds(100));
    co_await std::move(pause);
    const auto how = co_await std::move(waiting);
    CHECK(how == code(0));
  }());
}

TEST_CASE("no process is nothing to wait for") {
  child_process nothing;
  CHECK(nothing.pid() == -1);
  CHECK(nothing.take_stdio() == nullptr);
  CHECK_THROWS_AS(static_cast<void>(nothing.wait()), boost::system::system_error);
  CHECK_THROWS_AS(static_cast<void>(nothing.stop()), boost::system::system_error);
}

TEST_CASE("waiting can be given up without harm") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    child_process process(executor, command("cat"));
    asio::cancellation_signal give_up;
    bool aborted = false;
    asio::co_spawn(
        executor, process.wait(),
        asio::bind_cancellation_slot(
            give_up.slot(), [&aborted](std::exception_ptr e, exit_status) { aborted = e != nullptr; }));
    auto turn = settle();
    co_await std::move(turn);
    give_up.emit(asio::cancellation_type::terminal);
    turn = settle();
    co_await std::move(turn);
    CHECK(aborted);
    auto stopping = process.stop();
    const auto how = co_await std::move(stopping);
    CHECK(how == code(0));
  }());
}

TEST_CASE("the transport of a child process is taken once, and closing it leaves the process alone") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    child_process process(executor,
                          shell("exec sleep 1000").stop_times(milliseconds(10), milliseconds(5000)));
    auto stdio = process.take_stdio();
    CHECK(stdio != nullptr);
    CHECK(process.take_stdio() == nullptr);
    stdio.reset();
    auto sleeping = pause_for(milliseconds(50));
    co_await std::move(sleeping);
    CHECK(::kill(process.pid(), 0) == 0);
    auto stopping = process.stop();
    const auto how = co_await std::move(stopping);
    CHECK(how == signalled(SIGTERM));
  }());
}

TEST_CASE("an io_context that goes first takes its programs with it") {
  SUBCASE("one that obeys SIGTERM") {
    asio::io_context context(1);
    child_process process(context.get_executor(), command("cat"));
  }
  SUBCASE("one that doesn't, in the middle of the ladder") {
    std::optional<asio::io_context> context(std::in_place, 1);
    run_on(*context, [](std::optional<asio::io_context>&) -> awaitable<void> { co_return; }(context));
    context->restart();
    auto process = std::make_unique<child_process>(context->get_executor(),
                                                   shell("trap '' TERM; echo ready; exec sleep 1000"));
    auto stdio = process->take_stdio();
    std::exception_ptr failure;
    bool ready = false;
    asio::co_spawn(*context, receive(*stdio, 6), [&ready](std::exception_ptr, std::string) { ready = true; });
    while (!ready) context->run_one();
    process.reset();
    context->run_for(milliseconds(5));
    stdio.reset();
    context.reset();
  }
  SUBCASE("one whose transport is suspended in a coroutine") {
    asio::io_context context(1);
    std::exception_ptr failure;
    start(
        context,
        []() -> awaitable<void> {
          auto program = command("cat");
          auto starting = antiphon::spawn(std::move(program));
          const auto peer = co_await std::move(starting);
          auto receiving = receive_all(*peer);
          co_await std::move(receiving);
        }(),
        failure);
    context.run_for(milliseconds(20));
  }
  CHECK_FALSE(has_children());
}

TEST_CASE("a thousand programs leave no zombie and no descriptor") {
  const auto one = []() -> awaitable<void> {
    auto program = command("cat").stderr_to([](std::string_view) {});
    auto starting = antiphon::spawn(std::move(program));
    const auto peer = co_await std::move(starting);
    auto sending = send(*peer, "ping");
    co_await std::move(sending);
    auto receiving = receive(*peer, 4);
    const auto got = co_await std::move(receiving);
    CHECK(got == "ping");
  };
  asio::io_context context(1);
  std::exception_ptr failure;
  start(context, one(), failure);
  drain(context);
  const auto before = open_descriptors();
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 20; ++i) start(context, one(), failure);
    drain(context);
  }
  CHECK_FALSE(failure);
  CHECK(open_descriptors() == before);
  CHECK_FALSE(has_children());
}
