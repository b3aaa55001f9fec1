#include "tests/support/pairs.hpp"
#include "tests/unit/allocation_failures/each_failure.hpp"
#include "tests/unit/allocation_failures/failing_new.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <unistd.h>

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

// Over a socket, where Asio needs memory whenever reader or writer are to wait.

using boost::asio::awaitable;

namespace {

// More than a socket takes at once.
const std::string much(3'000'000, 'x');

awaitable<void> serve(antiphon::transport_ptr over) {
  antiphon::router routes;
  routes.on_request("much", [] { return std::string_view(much); });
  antiphon::endpoint server(std::move(over), std::move(routes));
  auto running = server.run();
  co_await std::move(running);
}

awaitable<void> ask(antiphon::endpoint& to, bool& wrong) {
  auto asking = to.try_call<std::string>("much");
  const auto answer = co_await std::move(asking);
  if (answer.has_value() && *answer != much) wrong = true;
}

awaitable<void> talk(antiphon::transport_ptr over, bool& wrong) {
  antiphon::endpoint client(std::move(over));
  auto running = client.run([&wrong](antiphon::endpoint& to) { return ask(to, wrong); });
  co_await std::move(running);
}

// With buffers of their own: those that others keep would be taken for leaks.
awaitable<void> connect(support::pair& both, std::string path) {
  antiphon::listen_options options;
  options.buffers = std::make_shared<antiphon::buffer_pool>();
  auto listening = antiphon::listen_unix(path, options);
  antiphon::listener at = co_await std::move(listening);
  auto connecting = antiphon::connect_unix(path, std::make_shared<antiphon::buffer_pool>());
  both.near = co_await std::move(connecting);
  auto accepting = at.accept();
  both.far = co_await std::move(accepting);
}

// It ends, one way or the other: a hang is noticed by whoever calls this.
const char* exchange_much() {
  test::pause_failing();
  boost::asio::io_context io(1);
  support::pair both;
  const std::string name = "@antiphon-test-" + std::to_string(::getpid());
  boost::asio::co_spawn(io, connect(both, name), boost::asio::detached);
  io.run();
  io.restart();
  test::go_on_failing();
  bool wrong = false;
  try {
    boost::asio::co_spawn(io, serve(std::move(both.far)), [](const std::exception_ptr&) {});
    boost::asio::co_spawn(io, talk(std::move(both.near), wrong), [](const std::exception_ptr&) {});
  } catch (const std::bad_alloc&) {  // then one of them talks to nobody
  }
  for (bool more = true; more;) {
    try {
      io.run();
      more = false;
    } catch (const std::bad_alloc&) {  // as of any handler's
    }
  }
  return wrong ? "another answer than the one that was sent" : nullptr;
}

}  // namespace

TEST_CASE("any one request for memory may fail while much goes over a socket") {
  REQUIRE(exchange_much() == nullptr);
  const test::outcome all = test::with_each_failure("socket", 0, exchange_much);
  MESSAGE(all.runs, " runs, ", all.bad, " bad");
  CHECK_MESSAGE(all.bad == 0, all.report);
  CHECK(all.runs > 20);
}
