#include "tests/integration/links.hpp"
#include "tests/support/forked.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

// The code of docs/guide/transports.md, at work, and what a whole endpoint makes of what transports report.

namespace asio = antiphon::asio;
using antiphon::end_reason;
using antiphon::ended;
using antiphon::errc;
using antiphon::error_code;
using asio::awaitable;
using namespace std::chrono_literals;

namespace {

antiphon::router make_routes() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_request("nap", [](int ms) -> awaitable<int> {
    auto pausing = support::pause_for(std::chrono::milliseconds(ms));
    co_await std::move(pausing);
    co_return ms;
  });
  return routes;
}

awaitable<int> add(antiphon::peer& to, int a, int b) {
  auto calling = to.call<int>("add", a, b);
  co_return co_await std::move(calling);
}

/// Serves `over` in the background; the end goes into `how`.
awaitable<void> serve_into(antiphon::transport_ptr over, std::optional<ended>& how) {
  antiphon::endpoint server(std::move(over), make_routes());
  auto running = server.run();
  how = co_await std::move(running);
}

/// Calls `add` once over what `connecting` opens, and hangs up.
awaitable<int> add_over(awaitable<antiphon::transport_ptr> connecting) {
  antiphon::endpoint client(co_await std::move(connecting));
  int sum = 0;
  auto running = client.run([&sum](antiphon::endpoint& server) -> awaitable<void> {
    auto adding = add(server, 40, 2);
    sum = co_await std::move(adding);
  });
  co_await std::move(running);
  co_return sum;
}

awaitable<int> serve_stdio() {
  auto opening = antiphon::open_stdio();
  antiphon::endpoint peer(co_await std::move(opening), make_routes());
  auto running = peer.run();
  const ended how = co_await std::move(running);
  co_return how.exit_code();
}

antiphon::endpoint_options impatient() {
  antiphon::endpoint_options options;
  options.partial_message_timeout = 10s;  // for a whole message, however it comes
  options.idle_timeout = 10min;           // without a byte, and without anything to wait for
  return options;
}

awaitable<void> serve_tcp(antiphon::listener& at) {
  auto serving = antiphon::serve(at, make_routes, impatient());
  co_await std::move(serving);  // until `at` is closed, or this is cancelled
}

struct initialize_params {
  std::optional<int> processId;
};
BOOST_DESCRIBE_STRUCT(initialize_params, (), (processId))

awaitable<ended> serve_client(antiphon::transport_ptr over) {
  std::optional<int> client;
  asio::steady_timer named(over->get_executor(), asio::steady_timer::time_point::max());
  antiphon::router routes;
  routes.on_request("initialize", [&](initialize_params params) {
    client = params.processId;
    named.cancel();
    return true;
  });
  const auto until_client_ends = [&](antiphon::endpoint&) -> awaitable<void> {
    error_code woken;
    while (!client) co_await named.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    try {
      auto waiting = antiphon::when_process_ends(*client);
      co_await std::move(waiting);
    } catch (const boost::system::system_error& e) {
      if (e.code() != boost::system::errc::no_such_process) throw;  // it had ended before
    }
  };
  antiphon::endpoint server(std::move(over), std::move(routes));
  auto running = server.run(until_client_ends);
  co_return co_await std::move(running);
}

}  // namespace

TEST_CASE("two endpoints of one program talk over a memory pipe") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto ends = antiphon::make_memory_pipe(executor);
    antiphon::endpoint client(std::move(ends.first));
    antiphon::endpoint server(std::move(ends.second), make_routes());
    asio::co_spawn(executor, server.run(), asio::detached);
    auto running = client.run([](antiphon::endpoint& peer) -> awaitable<void> {
      auto adding = add(peer, 1, 2);
      const int sum = co_await std::move(adding);
      CHECK(sum == 3);
    });
    co_await std::move(running);
  }());
}

TEST_CASE("two endpoints share a pool that has a bound") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    antiphon::buffer_pool_options bounds;
    bounds.max_bytes_out = 64 << 20;                    // for all who share the pool
    bounds.when_exhausted = antiphon::exhausted::wait;  // an endpoint then stops reading until there is room
    const auto pool = std::make_shared<antiphon::buffer_pool>(bounds);
    antiphon::memory_pipe_options options;
    options.buffers = pool;
    auto ends = antiphon::make_memory_pipe(executor, options);
    antiphon::endpoint client(std::move(ends.first));
    antiphon::endpoint server(std::move(ends.second), make_routes());
    asio::co_spawn(executor, server.run(), asio::detached);
    auto running = client.run([&](antiphon::endpoint& peer) -> awaitable<void> {
      auto adding = add(peer, 1, 2);
      const int sum = co_await std::move(adding);
      CHECK(sum == 3);
      CHECK(pool->stats().bytes_out >= 4 * 64 * 1024);
    });
    co_await std::move(running);
  }());
}

TEST_CASE("a server on standard input and output answers and ends with its input") {
  const auto in = support::make_raw_pipe();
  const auto out = support::make_raw_pipe();
  support::forked server(in.first, out.second, 2, [] { return antiphon::run_main(serve_stdio()); });
  ::close(in.first);
  ::close(out.second);
  const std::string body = R"({"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]})";
  support::write_all(in.second, "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  ::close(in.second);
  const std::string answer = R"({"jsonrpc":"2.0","id":1,"result":3})";
  CHECK(support::read_to_end(out.first) ==
        "Content-Length: " + std::to_string(answer.size()) + "\r\n\r\n" + answer);
  CHECK(server.wait() == 0);
  ::close(out.first);
}

TEST_CASE("closing a listener lets what runs be answered, and then its serving is over") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    antiphon::listen_options limits;
    limits.max_connections = 100;
    auto opening = antiphon::listen_tcp("127.0.0.1", 0, limits);  // loopback, any free port
    antiphon::listener at = co_await std::move(opening);
    bool over = false;
    asio::co_spawn(executor, serve_tcp(at), [&over](std::exception_ptr) { over = true; });

    auto connecting = antiphon::connect_tcp("127.0.0.1", at.port());
    antiphon::endpoint client(co_await std::move(connecting));
    auto running = client.run([&](antiphon::endpoint& server) -> awaitable<void> {
      auto adding = add(server, 1, 2);
      const int sum = co_await std::move(adding);
      CHECK(sum == 3);
      auto napping = server.call<int>("nap", 200);
      asio::steady_timer later(executor, 50ms);
      later.async_wait([&at](error_code) { at.close(); });
      const int nap = co_await std::move(napping);
      CHECK(nap == 200);
      CHECK_FALSE(over);
    });
    co_await std::move(running);
    const std::uint16_t port = at.port();
    auto late = support::error_of(antiphon::connect_tcp("127.0.0.1", port));
    const error_code refused = co_await std::move(late);
    CHECK(refused == asio::error::connection_refused);
    for (int i = 0; i < 1000 && !over; ++i) {
      auto pausing = support::pause_for(5ms);
      co_await std::move(pausing);
    }
    CHECK(over);
  }());
}

TEST_CASE("a server on a Unix socket") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const support::temporary_directory directory;
    const std::string path = directory.path("socket");
    auto opening = antiphon::listen_unix(path);  // mode 0600; "@name" for an abstract name
    antiphon::listener at = co_await std::move(opening);
    asio::co_spawn(executor, antiphon::serve(at, make_routes), asio::detached);

    auto adding = add_over(antiphon::connect_unix(path));
    const int sum = co_await std::move(adding);
    CHECK(sum == 42);
    at.close();
    CHECK(::access(path.c_str(), F_OK) != 0);
  }());
}

TEST_CASE("a program is started, called, and stopped rung by rung") {
  support::run([]() -> awaitable<void> {
    std::vector<std::string> log;
    std::optional<antiphon::exit_status> exit;
    antiphon::command program(links::program("antiphon-conformance"));
    program.args({"--framing", "content-length"})
        .env("LC_ALL", "C")
        .directory("/")
        .stderr_to([&log](std::string_view line) { log.emplace_back(line); })
        .stop_times(2s, 2s)  // before SIGTERM, before SIGKILL
        .on_exit([&exit](antiphon::exit_status how) { exit = how; });
    auto spawning = antiphon::spawn(std::move(program));
    antiphon::endpoint server(co_await std::move(spawning));
    auto running = server.run([](antiphon::endpoint& peer) -> awaitable<void> {
      auto subtracting = peer.call<int>("subtract", 44, 2);
      const int difference = co_await std::move(subtracting);
      CHECK(difference == 42);
    });
    co_await std::move(running);  // closes its input
    for (int i = 0; i < 1000 && !exit; ++i) {
      auto pausing = support::pause_for(5ms);
      co_await std::move(pausing);
    }
    REQUIRE(exit);
    CHECK(exit->success());
    CHECK(log.empty());
  }());
}

TEST_CASE("a server ends with the process that its client named") {
  const auto serve_client_of = [](std::optional<int> pid, const std::function<void()>& then) {
    asio::io_context context(1);
    std::optional<ended> how;
    std::exception_ptr failure;
    auto ends = antiphon::make_memory_pipe(context.get_executor());
    antiphon::endpoint client(std::move(ends.first));
    support::start(
        context,
        [](antiphon::transport_ptr over, std::optional<ended>& into) -> awaitable<void> {
          auto serving = serve_client(std::move(over));
          into = co_await std::move(serving);
        }(std::move(ends.second), how),
        failure);
    support::start(
        context,
        [](antiphon::endpoint& peer, std::optional<int> named, const std::function<void()>& next,
           std::optional<ended>& seen) -> awaitable<void> {
          auto running = peer.run([&](antiphon::endpoint& server) -> awaitable<void> {
            initialize_params params;
            params.processId = named;
            auto initializing = server.call<bool>("initialize", params);
            const bool done = co_await std::move(initializing);
            CHECK(done);
            auto settling = support::settle();
            co_await std::move(settling);
            next();
            for (int i = 0; i < 40 && !seen; ++i) {
              auto pausing = support::pause_for(5ms);
              co_await std::move(pausing);
            }
          });
          co_await std::move(running);
        }(client, pid, then, how),
        failure);
    support::drain(context);
    CHECK_FALSE(failure);
    REQUIRE(how);
    return how->reason;
  };
  const auto forever = [] {
    for (;;) ::pause();
    return 0;
  };
  SUBCASE("while it lives the server does, and then it ends by itself") {
    support::forked parent(0, 1, 2, forever);
    CHECK(serve_client_of(parent.pid(), [&] { ::kill(parent.pid(), SIGKILL); }) == end_reason::closed_here);
  }
  SUBCASE("one that lives on") {
    support::forked parent(0, 1, 2, forever);
    CHECK(serve_client_of(parent.pid(), [] {}) == end_reason::end_of_input);
  }
  SUBCASE("one that has ended already") {
    support::forked parent(0, 1, 2, [] { return 0; });
    parent.wait();
    CHECK(serve_client_of(parent.pid(), [] {}) == end_reason::closed_here);
  }
  SUBCASE("none") {
    CHECK(serve_client_of(std::nullopt, [] {}) == end_reason::end_of_input);
  }
}

TEST_CASE("the death of a program ends the programs that it has started by the end of their input") {
  // Orphans become ours, so that we see how they end.
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const auto report = support::make_raw_pipe();
  support::forked parent(0, report.second, 2, [] {
    support::run([]() -> awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      antiphon::child_process child(executor, antiphon::command(links::program("antiphon-conformance")));
      antiphon::endpoint server(child.take_stdio());
      const auto body = [&child](antiphon::endpoint& peer) -> awaitable<void> {
        auto subtracting = peer.call<int>("subtract", 3, 2);
        co_await std::move(subtracting);
        support::write_all(1, std::to_string(child.pid()) + "\n");
        auto pausing = support::pause_for(std::chrono::hours(1));
        co_await std::move(pausing);
      };
      auto running = server.run(body);
      co_await std::move(running);
    }());
    return 0;
  });
  ::close(report.second);
  std::string line;
  for (std::string byte; (byte = support::read_exactly(report.first, 1)) != "\n" && !byte.empty();)
    line += byte;
  ::close(report.first);
  REQUIRE_FALSE(line.empty());
  const pid_t child = std::stoi(line);
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  ::kill(parent.pid(), SIGKILL);
  CHECK(parent.wait() == -SIGKILL);
  pollfd end{process, POLLIN, 0};
  const bool in_time = ::poll(&end, 1, 5000) == 1;
  CHECK(in_time);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  // By itself, and in order: 0 is what the end of the input gives.
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  ::close(process);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("a peer that reads no more is an error that run returns") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const auto up = support::make_raw_pipe();
    const auto down = support::make_raw_pipe();
    auto opening = support::open_descriptors(up.first, down.second);
    std::optional<ended> how;
    antiphon::transport_ptr over = co_await std::move(opening);
    asio::co_spawn(executor, serve_into(std::move(over), how), asio::detached);
    ::close(down.first);
    const std::string body = R"({"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]})";
    support::write_all(up.second, "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    for (int i = 0; i < 1000 && !how; ++i) {
      auto pausing = support::pause_for(5ms);
      co_await std::move(pausing);
    }
    REQUIRE(how);
    CHECK(how->reason == end_reason::connection_lost);
    CHECK(how->error == asio::error::broken_pipe);
    CHECK(how->exit_code() == 1);
    ::close(up.second);
  }());
}

TEST_CASE("one peer that stalls is ended, and the others of its server don't notice") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto opening = antiphon::listen_tcp();
    antiphon::listener at = co_await std::move(opening);
    antiphon::endpoint_options limits;
    limits.partial_message_timeout = 100ms;
    asio::co_spawn(executor, antiphon::serve(at, make_routes, limits), asio::detached);
    auto connecting = antiphon::connect_tcp("127.0.0.1", at.port());
    const antiphon::transport_ptr stalled = co_await std::move(connecting);
    auto beginning = support::send(*stalled, "Content-Length: 1000\r\n\r\n{");
    co_await std::move(beginning);
    connecting = antiphon::connect_tcp("127.0.0.1", at.port());
    antiphon::endpoint other(co_await std::move(connecting));
    auto running = other.run([&](antiphon::endpoint& server) -> awaitable<void> {
      auto hearing = support::receive_all(*stalled);
      const std::string told = co_await std::move(hearing);
      CHECK(told.find("a message was begun and not finished in time") != std::string::npos);
      auto adding = add(server, 1, 2);
      const int sum = co_await std::move(adding);
      CHECK(sum == 3);
    });
    co_await std::move(running);
    at.close();
  }());
}
