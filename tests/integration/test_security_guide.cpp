#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/middleware/shared_secret.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <unistd.h>

#include <string>
#include <vector>

// The code of docs/security.md, at work.

namespace asio = antiphon::asio;
using asio::awaitable;
using namespace std::chrono_literals;

namespace {

antiphon::router make_routes() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  return routes;
}

awaitable<antiphon::listener> listen_for_two_users(std::string path) {
  antiphon::listen_options options;
  options.users.add(33);     // www-data, beside the user that this process runs as
  options.file_mode = 0666;  // whoever may reach the file is asked who he is
  auto listening = antiphon::listen_unix(path, options);
  antiphon::listener at = co_await std::move(listening);
  co_return at;
}

/// More for those who may do more.
antiphon::router routes_for(const antiphon::transport& over) {
  antiphon::router routes = make_routes();
  const auto who = over.credentials();
  if (who && who->user == ::geteuid()) routes.on_request("stop", [] { return true; });
  return routes;
}

antiphon::router guarded_routes(const std::string& secret) {
  antiphon::router routes;
  antiphon::require_secret(routes, secret);
  routes.on_request("add", [](int a, int b) { return a + b; });
  return routes;
}

antiphon::endpoint_options for_strangers() {
  antiphon::endpoint_options options;
  options.limits.message_bytes = 1024 * 1024;
  options.max_in_flight = 16;
  options.max_in_flight_bytes = 1024 * 1024;
  options.max_queued = 64;
  options.max_queued_bytes = 1024 * 1024;
  options.max_outgoing_bytes = 1024 * 1024;
  options.partial_message_timeout = 10s;
  options.idle_timeout = 5min;
  return options;
}

awaitable<int> add_with(antiphon::transport_ptr over, std::string secret, std::string& problem) {
  antiphon::endpoint client(std::move(over));
  int sum = 0;
  auto running = client.run([&](antiphon::endpoint& server) -> awaitable<void> {
    try {
      auto saying = server.call<bool>("authenticate", secret);
      co_await std::move(saying);
      auto adding = server.call<int>("add", 40, 2);
      sum = co_await std::move(adding);
    } catch (const antiphon::rpc_error& e) {
      problem = e.message();
    }
  });
  co_await std::move(running);
  co_return sum;
}

}  // namespace

TEST_CASE("the security guide's TCP server serves who knows its secret, and nobody else") {
  support::run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto listening = antiphon::listen_tcp();
    antiphon::listener at = co_await std::move(listening);
    const std::string secret = "5d41402abc4b2a76b9719d911017c592";
    auto serving = antiphon::serve(at, [secret] { return guarded_routes(secret); }, for_strangers());
    asio::co_spawn(executor, std::move(serving), asio::detached);
    const std::vector<std::string> attempts = {secret, "5d41402abc4b2a76b9719d911017c593"};
    for (const std::string& said : attempts) {
      std::string problem;
      auto connecting = antiphon::connect_tcp("127.0.0.1", at.port());
      auto over = co_await std::move(connecting);
      auto adding = add_with(std::move(over), said, problem);
      const int sum = co_await std::move(adding);
      CHECK(sum == (said == secret ? 42 : 0));
      CHECK(problem == (said == secret ? "" : "wrong secret"));
    }
    at.close();
  }());
}

TEST_CASE("the security guide's Unix server lets its own user in, and gives him more") {
  const support::temporary_directory directory;
  support::run([](std::string path) -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto listening = listen_for_two_users(path);
    antiphon::listener at = co_await std::move(listening);
    auto connecting = antiphon::connect_unix(path);
    auto over = co_await std::move(connecting);
    auto accepting = at.accept();
    auto accepted = co_await std::move(accepting);
    antiphon::router routes = routes_for(*accepted);
    antiphon::endpoint server(std::move(accepted), std::move(routes));
    asio::co_spawn(executor, server.run(), asio::detached);
    antiphon::endpoint client(std::move(over));
    bool stopped = false;
    auto running = client.run([&stopped](antiphon::endpoint& peer) -> awaitable<void> {
      auto stopping = peer.call<bool>("stop");
      stopped = co_await std::move(stopping);
    });
    co_await std::move(running);
    CHECK(stopped);
    at.close();
  }(directory.path("socket")));
}
