// A client calls through a relay what a server answers.

#include <antiphon/antiphon.hpp>
#include <antiphon/relay/broker.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

namespace asio = boost::asio;

int main() {
  asio::io_context context(1);
  auto behind = antiphon::make_memory_pipe(context.get_executor());
  auto before = antiphon::make_memory_pipe(context.get_executor());

  antiphon::router routes;
  routes.on_request("shout", [](const std::string& word) { return word + "!"; });
  antiphon::endpoint server(std::move(behind.first), std::move(routes));

  antiphon::relay::broker hub;
  antiphon::relay::target& target = hub.add("voice");
  antiphon::endpoint to_server(std::move(behind.second), hub.target_routes(target));
  target.attach(to_server);
  antiphon::endpoint to_client(std::move(before.first), hub.client_routes());
  const antiphon::relay::membership joined = hub.join(to_client);

  antiphon::endpoint client(std::move(before.second));
  for (antiphon::endpoint* one : {&server, &to_server, &to_client})
    asio::co_spawn(context, one->run(), asio::detached);
  std::string answer;
  const auto talk = [&answer](antiphon::endpoint& there) -> asio::awaitable<void> {
    auto asked = there.call<std::string>("voice/shout", "hello");
    answer = co_await std::move(asked);
  };
  asio::co_spawn(context, client.run(talk),
                 [&to_server](const std::exception_ptr& failure, const antiphon::ended&) {
                   to_server.close();
                   if (failure) std::rethrow_exception(failure);
                 });
  context.run();
  std::printf("%s\n", answer.c_str());
  return answer == "hello!" ? 0 : 1;
}
