#include <antiphon/antiphon.hpp>

#include <fmt/core.h>

boost::asio::awaitable<void> talk(antiphon::endpoint& server) {
  int sum = co_await server.call<int>("add", 1, 2);
  fmt::print("1 + 2 = {}\n", sum);
  co_await server.notify("log", "the client has what it came for");
}

boost::asio::awaitable<antiphon::ended> start(std::string program) {
  antiphon::command tutorial_server(program);
  antiphon::endpoint server(co_await antiphon::spawn(std::move(tutorial_server)));
  co_return co_await server.run(talk);  // reads until talk returns, then closes
}

int main(int argc, char** argv) { return antiphon::run_main(start(argc > 1 ? argv[1] : "./server")); }
