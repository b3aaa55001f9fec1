#include "tests/integration/links.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <doctest/doctest.h>

#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

// The example of a transport of one's own, as a program on a pseudo-terminal.

using antiphon::exit_status;
using antiphon::asio::awaitable;

namespace {

/// The example, serving on the slave of a terminal.
antiphon::child_process start_on(int slave, antiphon::asio::any_io_executor executor) {
  const std::string device = ::ttyname(slave);
  antiphon::command program(links::program("antiphon-custom-transport"));
  return antiphon::child_process(std::move(executor), std::move(program.arg(device)));
}

}  // namespace

TEST_CASE("the example's transport serves over a terminal, however large the messages are") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await antiphon::asio::this_coro::executor;
    const auto ends = support::make_terminal();
    auto server = start_on(ends.second, executor);
    auto opening = support::open_descriptors(ends.first, ends.first);
    antiphon::transport_ptr line = co_await std::move(opening);
    antiphon::endpoint_options options;
    options.framing = antiphon::line_framing::make;
    antiphon::endpoint client(std::move(line), antiphon::router(), options);
    auto body = [](antiphon::endpoint& peer) -> awaitable<void> {
      for (int i = 0; i < 100; ++i) {
        auto adding = peer.call<int>("add", i, 40);
        const int sum = co_await std::move(adding);
        CHECK(sum == i + 40);
      }
      // More than a terminal holds.
      const std::string much(100'000, 'm');
      auto asking = peer.call<std::vector<std::string>>("echo", much);
      const auto back = co_await std::move(asking);
      CHECK(back == std::vector<std::string>{much});
    };
    auto running = client.run(body);
    const antiphon::ended how = co_await std::move(running);
    CHECK(how.reason == antiphon::end_reason::closed_here);
    // Nobody has the other side any more.
    ::close(ends.second);
    auto waiting = server.wait();
    const exit_status end = co_await std::move(waiting);
    CHECK(end.code == 0);
  }());
}

TEST_CASE("the example's transport ends in order on SIGTERM") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await antiphon::asio::this_coro::executor;
    const auto ends = support::make_terminal();
    auto server = start_on(ends.second, executor);
    auto opening = support::open_descriptors(ends.first, ends.first);
    const antiphon::transport_ptr line = co_await std::move(opening);
    auto asking =
        support::send(*line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":[1,2]}\n");
    co_await std::move(asking);
    const std::string expected = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":3}\n";
    auto hearing = support::receive(*line, expected.size());
    const std::string answer = co_await std::move(hearing);
    CHECK(answer == expected);
    ::kill(server.pid(), SIGTERM);
    auto waiting = server.wait();
    const exit_status end = co_await std::move(waiting);
    CHECK(end.code == 0);
    ::close(ends.second);
  }());
}

TEST_CASE("the example says what is wrong with a device") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await antiphon::asio::this_coro::executor;
    std::string said;
    antiphon::command program(links::program("antiphon-custom-transport"));
    program.arg("/dev/null").stderr_to([&said](std::string_view line) { said = line; });
    antiphon::child_process server(executor, std::move(program));
    auto waiting = server.wait();
    const exit_status end = co_await std::move(waiting);
    CHECK(end.code == 1);
    CHECK(said.find("/dev/null") != std::string::npos);
  }());
}
