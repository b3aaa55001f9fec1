// The relay that `./dev bench relay` measures: its client on standard input and output, one target, the
// command that its arguments are. It looks at no more of a message than its envelope; with `--check` in front
// of the command each is checked as a whole first, as an endpoint does by default.

#include <antiphon/antiphon.hpp>
#include <antiphon/relay/broker.hpp>

#include <boost/asio/awaitable.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace relay = antiphon::relay;

asio::awaitable<void> serve_client(relay::broker& hub, antiphon::endpoint_options options) {
  auto opening = antiphon::open_stdio();
  antiphon::transport_ptr own = co_await std::move(opening);
  antiphon::endpoint client(std::move(own), hub.client_routes(), std::move(options));
  const relay::membership joined = hub.join(client);
  auto running = client.run();
  co_await std::move(running);
}

asio::awaitable<antiphon::ended> serve(std::vector<std::string> words, antiphon::validation check) {
  relay::broker_options rules;
  rules.otherwise = "server";
  relay::broker hub(rules);
  relay::target& behind = hub.add("server");

  antiphon::command command(words.front());
  for (std::size_t i = 1; i < words.size(); ++i) command.arg(words[i]);
  auto spawning = antiphon::spawn(std::move(command));
  antiphon::transport_ptr pipes = co_await std::move(spawning);
  antiphon::endpoint_options options;
  options.check = check;
  antiphon::endpoint server(std::move(pipes), hub.target_routes(behind), options);
  behind.attach(server);
  const auto body = [&](antiphon::endpoint&) { return serve_client(hub, options); };
  auto running = server.run(body);
  const antiphon::ended how = co_await std::move(running);
  co_return how;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  auto check = antiphon::validation::envelope;
  if (!words.empty() && words.front() == "--check") {
    check = antiphon::validation::full;
    words.erase(words.begin());
  }
  if (words.empty()) {
    fmt::print(stderr, "usage: relay_server [--check] COMMAND [ARGUMENT...]\n");
    return 2;
  }
  return antiphon::run_main(serve(std::move(words), check));
}
