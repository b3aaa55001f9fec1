// What has to be one and the same on both sides of a shared library's boundary: exceptions, error categories,
// and what Asio keeps in variables of its own. The program starts itself as its server.

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace asio = boost::asio;

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "boundary: not so: %s\n", what);
}

class refusal : public antiphon::rpc_error {
 public:
  refusal() : rpc_error(-32050, "not today", boost::json::value(7)) {}
};

asio::awaitable<antiphon::ended> serve() {
  antiphon::router routes;
  routes.on_request("refuse", [](int) -> int { throw refusal(); });
  routes.on_request("stumble", [](int) -> int { throw std::runtime_error("a stone"); });
  routes.on_request("double", [](int what) { return 2 * what; });
  antiphon::endpoint peer(co_await antiphon::open_stdio(), std::move(routes));
  co_return co_await peer.run();
}

asio::awaitable<void> talk(antiphon::endpoint& server) {
  // Thrown here, over there: the library has to know it for what it is.
  try {
    auto refused = server.call<int>("refuse", 1);
    co_await std::move(refused);
    expect(false, "a refusal is thrown");
  } catch (const antiphon::rpc_error& error) {
    expect(error.value() == -32050 && error.message() == "not today", "the refusal's code and message");
    expect(error.code().category() == antiphon::rpc_category(), "rpc_category() is one object");
    expect(error.data() && error.data()->decode<int>() == 7, "the refusal's data");
  }
  auto stumbled = server.try_call<int>("stumble", 1);
  const auto result = co_await std::move(stumbled);
  expect(result.has_error() && result.error().code.value() == -32603, "a handler's exception is -32603");
  // Thrown by the library, as its base class and by its base's base.
  try {
    auto misread = server.call<std::string>("double", 1);
    co_await std::move(misread);
    expect(false, "a wrong type is thrown");
  } catch (const boost::system::system_error& error) {
    expect(error.code() == antiphon::errc::wrong_type, "errc::wrong_type is itself");
  }
  try {
    auto refused = server.call<int>("refuse", 1);
    co_await std::move(refused);
  } catch (const std::exception& error) {
    expect(dynamic_cast<const antiphon::rpc_error*>(&error) != nullptr, "a dynamic_cast finds rpc_error");
  }
  for (int round = 0; round < 100; ++round) {
    auto asked = server.call<int>("double", round);
    const int doubled = co_await std::move(asked);
    expect(doubled == 2 * round, "an answer through pipes");
  }
}

// The library opens sockets on an io_context that this program runs: each half of Asio looks into the other's
// variables when bytes come that nobody waits for.
asio::awaitable<void> meet(std::string path) {
  antiphon::listener listener = co_await antiphon::listen_unix(path);
  antiphon::transport_ptr here = co_await antiphon::connect_unix(path);
  antiphon::transport_ptr there = co_await listener.accept();
  asio::steady_timer later(co_await asio::this_coro::executor);
  for (int round = 0; round < 3; ++round) {
    std::string_view word = "word";
    co_await there->send(std::span(&word, 1));
    later.expires_after(std::chrono::milliseconds(1));
    auto waiting = later.async_wait(asio::deferred);
    co_await std::move(waiting);
    antiphon::buffer got = here->acquire(100);
    const std::size_t count = co_await here->receive_into(got);
    expect(count == word.size(), "what was sent is received");
  }
}

// The library's error in a category that Asio compares by its address.
asio::awaitable<void> look_up() {
  try {
    auto connecting = antiphon::connect_tcp("..", 1);
    co_await std::move(connecting);
    expect(false, "no host has this name");
  } catch (const boost::system::system_error& error) {
    expect(error.code() == asio::error::host_not_found, "Asio's category is one object");
  }
}

asio::awaitable<void> start(std::string program) {
  antiphon::command itself(program);
  itself.arg("serve");
  antiphon::endpoint server(co_await antiphon::spawn(std::move(itself)));
  const antiphon::ended how = co_await server.run(talk);
  expect(how.reason == antiphon::end_reason::closed_here, "the conversation was ended here");
  co_await meet(program + ".socket");
  co_await look_up();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "serve") return antiphon::run_main(serve());
  asio::io_context context(1);
  asio::co_spawn(context, start(argv[0]), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  context.run();
  return failures == 0 ? 0 : 1;
}
