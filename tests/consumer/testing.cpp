// A server's test: what it says to a peer that follows a script, in time that goes by without waiting.

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/deterministic_context.hpp>
#include <antiphon/testing/scripted_transport.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

int main() {
  antiphon::testing::deterministic_context context(1);
  const auto peer = std::make_shared<antiphon::testing::script>();
  peer->pauses(std::chrono::minutes(1))
      .says(R"({"jsonrpc":"2.0","id":1,"method":"add","params":[19,23]})"
            "\n")
      .ends();
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  antiphon::endpoint_options options;
  options.framing = antiphon::line_framing::make;
  antiphon::endpoint server(antiphon::testing::make_scripted_transport(context.get_executor(), peer),
                            std::move(routes), options);
  boost::asio::co_spawn(context.get_executor(), server.run(), boost::asio::detached);
  const bool ended = context.run();
  std::printf("%s", peer->sent().c_str());
  const bool answered = peer->sent().find(R"("result":42)") != std::string::npos;
  return ended && answered && context.elapsed() >= std::chrono::minutes(1) ? 0 : 1;
}
