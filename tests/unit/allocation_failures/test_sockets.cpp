#include "tests/support/pairs.hpp"
#include "tests/unit/allocation_failures/books.hpp"
#include "tests/unit/allocation_failures/each_failure.hpp"
#include "tests/unit/allocation_failures/failing_new.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <unistd.h>

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

// Over a socket, where Asio needs memory whenever reader or writer are to wait.

namespace asio = boost::asio;
using asio::awaitable;

namespace {

// More than a socket takes at once.
const std::string much(3'000'000, 'x');

// With buffers of their own: what the program's pool keeps would be taken for leaks.
awaitable<void> connect(support::pair& both) {
  const std::string path = "@antiphon-test-" + std::to_string(::getpid());
  antiphon::listen_options options;
  options.buffers = std::make_shared<antiphon::buffer_pool>();
  auto listening = antiphon::listen_unix(path, options);
  antiphon::listener at = co_await std::move(listening);
  auto connecting = antiphon::connect_unix(path, std::make_shared<antiphon::buffer_pool>());
  both.near = co_await std::move(connecting);
  auto accepting = at.accept();
  both.far = co_await std::move(accepting);
}

awaitable<bool> serve(antiphon::transport_ptr over) {
  antiphon::router routes;
  routes.on_request("much", [] { return std::string_view(much); });
  antiphon::endpoint server(std::move(over), std::move(routes));
  auto running = server.run();
  co_await std::move(running);
  co_return true;
}

awaitable<bool> ask(antiphon::endpoint& to, test::books& in) {
  auto asking = to.try_call<std::string>("much");
  const auto answer = co_await std::move(asking);
  if (answer.has_value() && *answer != much) ++in.answers_wrong;
  co_return answer.has_value();
}

awaitable<bool> talk(antiphon::transport_ptr over, test::books& in) {
  antiphon::endpoint client(std::move(over));
  auto running = client.run([&in](antiphon::endpoint& to) { return test::entered(in.calls, ask(to, in)); });
  const antiphon::ended end = co_await std::move(running);
  co_return end.reason == antiphon::end_reason::closed_here;
}

void begin(asio::io_context& context, test::books& in) {
  support::pair both;
  test::pause_failing();
  asio::co_spawn(context, connect(both), asio::detached);
  context.run();
  context.restart();
  test::go_on_failing();
  const auto ignore = [](const std::exception_ptr&) {};
  asio::co_spawn(context, test::entered(in.runs, serve(std::move(both.far))), ignore);
  asio::co_spawn(context, test::entered(in.runs, talk(std::move(both.near), in)), ignore);
}

const char* exchange_much() { return test::play(0, begin); }

}  // namespace

TEST_CASE("any one request for memory may fail while much goes over a socket") {
  const char* const wrong = exchange_much();
  REQUIRE_MESSAGE(wrong == nullptr, std::string(wrong == nullptr ? "" : wrong));
  const test::outcome all = test::with_each_failure("socket", 0, exchange_much);
  MESSAGE(all.runs, " runs, ", all.bad, " bad");
  CHECK_MESSAGE(all.bad == 0, all.report);
  CHECK(all.runs > 20);
}
