// The relay that `./dev bench relay` measures: its client on standard input and output, one target, the
// command that its arguments are.

#include <antiphon/antiphon.hpp>
#include <antiphon/relay/broker.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace relay = antiphon::relay;

asio::awaitable<void> run_server(antiphon::endpoint& server, relay::target& to) {
  to.attach(server);
  auto running = server.run();
  co_await std::move(running);
  to.detach("its process has ended");
}

asio::awaitable<antiphon::ended> serve(std::vector<std::string> words) {
  relay::broker_options rules;
  rules.otherwise = "server";
  relay::broker hub(rules);
  relay::target& behind = hub.add("server");
  behind.starting();

  antiphon::command command(words.front());
  for (std::size_t i = 1; i < words.size(); ++i) command.arg(words[i]);
  auto spawning = antiphon::spawn(std::move(command));
  antiphon::transport_ptr pipes = co_await std::move(spawning);
  antiphon::endpoint server(std::move(pipes), hub.target_routes(behind));
  const auto executor = co_await asio::this_coro::executor;
  asio::co_spawn(executor, run_server(server, behind), asio::detached);

  auto opening = antiphon::open_stdio();
  antiphon::transport_ptr own = co_await std::move(opening);
  antiphon::endpoint client(std::move(own), hub.client_routes());
  const relay::membership joined = hub.join(client);
  auto running = client.run();
  const antiphon::ended how = co_await std::move(running);
  server.close();
  co_return how;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) {
    fmt::print(stderr, "usage: relay_server COMMAND [ARGUMENT...]\n");
    return 2;
  }
  return antiphon::run_main(serve(std::move(words)));
}
