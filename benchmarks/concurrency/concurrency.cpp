// Many calls at once, between endpoints that are connected by sockets and run on one thread: what is measured
// is the work of both sides together. `./dev bench concurrency` makes a table of it.

#include "benchmarks/concurrency/pairs.hpp"
#include "benchmarks/program.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using bench::pairs;

constexpr std::size_t calls_a_round = 1024;
constexpr auto slow_time = std::chrono::milliseconds(1);
constexpr std::size_t heavy_bytes = 256 * 1024;

// --- handlers ---------------------------------------------------------------------------------------------

awaitable<int> slow(int n) {
  asio::steady_timer timer(co_await asio::this_coro::executor, slow_time);
  co_await timer.async_wait(asio::use_awaitable);
  co_return n;
}

// Makes and fills as much memory as a large document, and answers with little.
int heavy(int n) {
  const std::string document(heavy_bytes, static_cast<char>('a' + n % 26));
  return static_cast<int>(document[static_cast<std::size_t>(n) % document.size()]);
}

awaitable<int> for_ever(antiphon::call_context& call) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, asio::steady_timer::time_point::max());
  while (!call.cancelled()) {
    auto waiting = timer.async_wait(asio::use_awaitable);
    co_await std::move(waiting);
  }
  co_return 0;
}

antiphon::router routes() {
  antiphon::router all;
  all.on_request("fast", [](int n) { return n; });
  all.on_request("slow", slow);
  all.on_request("heavy", heavy);
  all.on_request("for ever", for_ever);
  return all;
}

// --- callers ----------------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 1> only_fast{"fast"};
constexpr std::array<std::string_view, 3> thirds{"fast", "slow", "heavy"};

template <std::size_t Count>
awaitable<void> call_in_turn(antiphon::peer server, const std::array<std::string_view, Count>& methods,
                             std::size_t first, std::size_t count, std::size_t& left) {
  for (std::size_t i = 0; i < count; ++i) {
    auto calling = server.try_call<int>(methods[(first + i) % Count], 1);
    const auto answer = co_await std::move(calling);
    if (answer.has_error()) co_return;  // `left` stays too large
  }
  left -= count;
}

// `at_once` callers share the calls of a round, and the connections.
template <std::size_t Count>
void call_at_once(benchmark::State& state, std::size_t connections, std::size_t at_once,
                  const std::array<std::string_view, Count>& methods, std::size_t calls) {
  pairs all(connections, routes);
  for (auto _ : state) {
    std::size_t left = calls;
    for (std::size_t i = 0; i < at_once; ++i) {
      const std::size_t share = calls / at_once + (i < calls % at_once ? 1 : 0);
      all.start(call_in_turn(all.client(i % connections), methods, i, share, left));
    }
    if (!all.run_until([&left] { return left == 0; })) return state.SkipWithError("a call was lost");
  }
}

awaitable<void> call_one(antiphon::peer server, std::size_t& answered, std::size_t& refused) {
  auto calling = server.try_call<int>("fast", 1);
  const auto answer = co_await std::move(calling);
  ++(answer.has_error() ? refused : answered);
}

// All of them are called before the first answer is looked at, and again when all are answered.
void burst(benchmark::State& state, std::size_t calls) {
  pairs all(1, routes);
  for (auto _ : state) {
    std::size_t answered = 0;
    std::size_t refused = 0;
    for (std::size_t i = 0; i < calls; ++i) all.start(call_one(all.client(0), answered, refused));
    if (!all.run_until([&] { return answered == calls; })) return state.SkipWithError("a call was lost");
  }
}

// A server that has one permit and no queue, and somebody holds the permit.
void reject(benchmark::State& state) {
  antiphon::endpoint_options full;
  full.max_in_flight = 1;
  full.max_queued = 0;
  full.overload = antiphon::overload::reject;
  pairs all(1, routes, full);
  auto holding = [](antiphon::peer server) -> awaitable<void> {
    auto calling = server.try_call<int>("for ever");
    const auto ignored = co_await std::move(calling);
    benchmark::DoNotOptimize(&ignored);
  };
  all.start(holding(all.client(0)));
  if (!all.run_until([&] { return all.server(0).stats().in_flight == 1; }))
    return state.SkipWithError("the permit is free");
  for (auto _ : state) {
    std::size_t answered = 0;
    std::size_t refused = 0;
    for (std::size_t i = 0; i < calls_a_round; ++i) all.start(call_one(all.client(0), answered, refused));
    if (!all.run_until([&] { return answered + refused == calls_a_round; }) || answered != 0)
      return state.SkipWithError("a call was not rejected");
  }
}

// --- the yardstick ----------------------------------------------------------------------------------------

// As many bytes there and back, one after the other, with nothing but the system calls.
void bare_round_trips(benchmark::State& state) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return state.SkipWithError("socketpair");
  const std::string_view request =
      "Content-Length: 57\r\n\r\n"
      R"({"jsonrpc":"2.0","id":1000,"method":"fast","params":[1]})";
  char space[256];
  bool whole = true;
  for (auto _ : state) {
    for (const auto& [from, to] : {std::pair(ends[0], ends[1]), std::pair(ends[1], ends[0])}) {
      whole =
          ::write(from, request.data(), request.size()) > 0 && ::read(to, space, sizeof(space)) > 0 && whole;
    }
  }
  if (!whole) state.SkipWithError("socket");
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace

int main(int argc, char** argv) {
  bench::program program(argc, argv);
  if (program.wants("at once")) {
    bench::add("at once", "bare round trips", 0, bare_round_trips);
    for (const std::size_t at_once : {1U, 4U, 12U, 128U}) {
      bench::add(
          "at once", std::to_string(at_once), 0,
          [=](benchmark::State& state) { call_at_once(state, 1, at_once, only_fast, calls_a_round); },
          calls_a_round);
    }
  }
  if (program.wants("thirds")) {
    for (const std::size_t at_once : {12U, 128U}) {
      const std::size_t calls = 3 * at_once;
      bench::add(
          "thirds", std::to_string(at_once), 0,
          [=](benchmark::State& state) { call_at_once(state, 1, at_once, thirds, calls); }, calls);
    }
  }
  if (program.wants("burst")) {
    for (const std::size_t calls : {100U, 1000U, 10'000U}) {
      bench::add(
          "burst", std::to_string(calls), 0, [=](benchmark::State& state) { burst(state, calls); }, calls);
    }
  }
  if (program.wants("overload")) {
    bench::add(
        "overload", "answered", 0, [](benchmark::State& state) { burst(state, calls_a_round); },
        calls_a_round);
    bench::add("overload", "rejected", 0, reject, calls_a_round);
  }
  if (program.wants("connections")) {
    for (const std::size_t connections : {1U, 4U, 16U, 64U}) {
      bench::add(
          "connections", std::to_string(connections), 0,
          [=](benchmark::State& state) { call_at_once(state, connections, 128, only_fast, calls_a_round); },
          calls_a_round);
    }
  }
  return program.run();
}
