#include "tests/unit/relay/hall.hpp"

#include <antiphon/relay/sharing.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <utility>

// What docs/guide/relay.md shows, at work.

namespace asio = boost::asio;
namespace relay = antiphon::relay;

namespace {

asio::awaitable<void> run_target(relay::broker& hub, relay::target& to, antiphon::transport_ptr over) {
  antiphon::endpoint server(std::move(over), hub.target_routes(to));
  to.attach(server);
  auto running = server.run();
  co_await std::move(running);
  to.detach("its connection has ended");
}

asio::awaitable<void> serve_client(relay::broker& hub, antiphon::transport_ptr over) {
  antiphon::endpoint client(std::move(over), hub.client_routes());
  const relay::membership joined = hub.join(client);
  auto running = client.run();
  co_await std::move(running);
}

relay::broker_options by_extension(const relay::broker& hub) {
  relay::broker_options rules;
  rules.choose = [&hub](const antiphon::call_context& message) {
    relay::choice found;
    if (message.method().ends_with(".sql")) found.to = hub.find("sqlite");
    return found;
  };
  return rules;
}

asio::awaitable<void> share(relay::shared_server& shared, antiphon::transport_ptr over) {
  antiphon::endpoint client(std::move(over), shared.client_routes());
  const relay::shared_client place = shared.join(client);
  auto running = client.run();
  co_await std::move(running);
}

antiphon::router adding() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_request("initialize", [](antiphon::raw_json) { return std::string("ready"); });
  return routes;
}

/// Calls `script` with an endpoint, behind whose transport `serve` stands, and with `server` at the end.
template <class Serve, class Run, class Script>
void play(Serve serve, Run run, Script script) {
  asio::io_context context(1);
  std::exception_ptr failure;
  auto front = antiphon::make_memory_pipe(context.get_executor());
  auto back = antiphon::make_memory_pipe(context.get_executor());
  antiphon::endpoint server(std::move(back.second), adding());
  antiphon::endpoint client(std::move(front.first));
  const auto body = [&](antiphon::endpoint& caller) -> asio::awaitable<void> {
    auto playing = script(caller);
    co_await std::move(playing);
    server.close();
  };
  const auto wait = [](antiphon::endpoint& one) -> asio::awaitable<void> {
    auto running = one.run();
    co_await std::move(running);
  };
  const auto call = [&]() -> asio::awaitable<void> {
    auto running = client.run(body);
    co_await std::move(running);
  };
  support::start(context, run(std::move(back.first)), failure);
  support::start(context, serve(std::move(front.second)), failure);
  support::start(context, wait(server), failure);
  support::start(context, call(), failure);
  support::drain(context);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

TEST_CASE("the guide's broker joins a client and a target") {
  relay::broker hub;
  relay::target& to = hub.add("sum");
  to.starting();
  play([&](antiphon::transport_ptr over) { return serve_client(hub, std::move(over)); },
       [&](antiphon::transport_ptr over) { return run_target(hub, to, std::move(over)); },
       [](antiphon::endpoint& caller) -> asio::awaitable<void> {
         auto calling = caller.call<int>("sum/add", 2, 3);
         const int sum = co_await std::move(calling);
         CHECK(sum == 5);
       });
  CHECK(to.stats().results == 1);
  CHECK(to.state() == relay::target_state::down);
}

TEST_CASE("the guide's own rule goes before the others") {
  relay::broker elsewhere;
  elsewhere.add("sqlite").starting();
  support::hall h(by_extension(elsewhere));
  support::wire& client = h.client();
  h.play([&]() -> asio::awaitable<void> {
    auto saying = client.say(R"({"jsonrpc":"2.0","id":1,"method":"sum/all.sql"})");
    co_await std::move(saying);
    auto settling = support::settle();
    co_await std::move(settling);
    CHECK(elsewhere.find("sqlite")->stats().queued == 1);
  });
}

TEST_CASE("the guide's shared server answers a client") {
  relay::shared_server shared("server");
  shared.server().starting();
  play([&](antiphon::transport_ptr over) { return share(shared, std::move(over)); },
       [&](antiphon::transport_ptr over) -> asio::awaitable<void> {
         antiphon::endpoint server(std::move(over), shared.server_routes());
         shared.server().attach(server);
         auto running = server.run();
         co_await std::move(running);
         shared.end("it has ended");
       },
       [](antiphon::endpoint& caller) -> asio::awaitable<void> {
         auto greeting = caller.call<std::string>("initialize");
         const std::string greeted = co_await std::move(greeting);
         CHECK(greeted == "ready");
         auto calling = caller.call<int>("add", 2, 3);
         const int sum = co_await std::move(calling);
         CHECK(sum == 5);
       });
}
