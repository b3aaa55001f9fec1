#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/method_statistics.hpp>
#include <antiphon/middleware/exception_mapping.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/describe/members.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

using antiphon::method_figures;
using antiphon::method_statistics;
using support::awaitable;
using support::cancellation;
using support::notification;
using support::request;
using namespace std::chrono_literals;

namespace {

antiphon::router some_routes() {
  antiphon::router routes;
  routes.on_request("one", [] { return 1; });
  routes.on_request("throw", []() -> int { throw std::runtime_error("x"); });
  routes.on_request("odd", []() -> int { throw 5; });
  routes.on_request("memory", []() -> int { throw std::bad_alloc(); });
  routes.on_request("told", []() -> int { throw antiphon::rpc_error(7, "told"); });
  routes.on_request("take", [](int) {});
  routes.on_request("coma", []() -> awaitable<void> {
    support::asio::steady_timer timer(co_await support::asio::this_coro::executor);
    timer.expires_at(std::chrono::steady_clock::time_point::max());
    co_await timer.async_wait(support::asio::use_awaitable);
  });
  routes.on_request("nap", []() -> awaitable<void> {
    auto pause = support::pause_for(20ms);
    co_await std::move(pause);
  });
  routes.on_notification("one", [](antiphon::raw_json) {});
  routes.on_notification("bad", [] { throw std::runtime_error("x"); });
  return routes;
}

antiphon::endpoint_options with(std::shared_ptr<method_statistics> statistics) {
  antiphon::endpoint_options options;
  options.method_statistics = std::move(statistics);
  return options;
}

method_figures of(const method_statistics& statistics, std::string_view method) {
  for (auto& figures : statistics.snapshot()) {
    if (figures.method == method) return figures;
  }
  FAIL("no such method: " << method);
  return {};
}

/// received, answered, errors, exceptions, cancelled, rejected
std::vector<std::uint64_t> counts(const method_statistics& statistics, std::string_view method) {
  const method_figures figures = of(statistics, method);
  return {figures.received,   figures.answered,  figures.errors,
          figures.exceptions, figures.cancelled, figures.rejected};
}

using numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("what becomes of a method's messages is counted") {
  const auto statistics = std::make_shared<method_statistics>();
  support::session session(some_routes(), with(statistics));
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.ask(request(1, "one"));
    co_await s.peer.say(notification("one") + "\n" + notification("bad") + "\n" + notification("bad"));
    co_await s.peer.ask("[" + request(2, "one") + "," + notification("one") + "," + request(3, "throw") +
                        "]");
    co_await s.peer.ask(request(4, "odd"));
    co_await s.peer.ask(request(5, "memory"));
    co_await s.peer.ask(request(6, "told"));
    co_await s.peer.ask(request(7, "take"));
    co_await s.peer.ask(request(8, "unknown"));
    co_await s.peer.ask(request(9, "coma") + "\n" + cancellation(9));
    co_await s.peer.ask(request(10, "coma") + "\n" + request(10, "one"));  // an id that is in flight
    CHECK(counts(*statistics, "coma") == numbers{2, 0, 0, 0, 1, 0});
    co_await s.peer.ask(cancellation(10));
  });
  CHECK(counts(*statistics, "one") == numbers{5, 4, 0, 0, 0, 1});
  CHECK(counts(*statistics, "bad") == numbers{2, 0, 0, 2, 0, 0});
  CHECK(counts(*statistics, "throw") == numbers{1, 0, 0, 1, 0, 0});
  CHECK(counts(*statistics, "odd") == numbers{1, 0, 0, 1, 0, 0});
  CHECK(counts(*statistics, "memory") == numbers{1, 0, 0, 1, 0, 0});
  CHECK(counts(*statistics, "told") == numbers{1, 0, 1, 0, 0, 0});
  CHECK(counts(*statistics, "take") == numbers{1, 0, 1, 0, 0, 0});
  CHECK(counts(*statistics, "coma") == numbers{2, 0, 0, 0, 2, 0});
  CHECK(counts(*statistics, "nap") == numbers{0, 0, 0, 0, 0, 0});
  CHECK(std::ranges::is_sorted(statistics->snapshot(), {}, &method_figures::method));
}

TEST_CASE("overload, closing and what never ran are counted as rejected and cancelled") {
  const auto statistics = std::make_shared<method_statistics>();
  auto options = with(statistics);
  options.max_in_flight = 1;
  options.max_queued = 1;
  options.overload = antiphon::overload::reject;
  support::session session(some_routes(), options);
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "coma") + "\n" + request(2, "one") + "\n" + request(3, "one"));
    const auto overloaded = co_await s.peer.hear_json();
    CHECK(support::error_code_of(overloaded) == -32000);
    const auto cancelled = co_await s.peer.ask(cancellation(2));
    CHECK(support::error_code_of(cancelled) == -32800);
    s.endpoint->close(1h);
    auto settling = support::settle();
    co_await std::move(settling);
    const auto closing = co_await s.peer.ask(request(4, "one"));
    CHECK(support::error_code_of(closing) == -32000);
    co_await s.peer.say(notification("one"));
    const auto last = co_await s.peer.ask(cancellation(1));
    CHECK(support::error_code_of(last) == -32800);
  });
  CHECK(counts(*statistics, "one") == numbers{4, 0, 0, 0, 1, 3});
  CHECK(counts(*statistics, "coma") == numbers{1, 0, 0, 0, 1, 0});
}

TEST_CASE("an exception that is mapped to an error is counted as that") {
  const auto statistics = std::make_shared<method_statistics>();
  auto options = with(statistics);
  options.middleware.push_back(antiphon::exception_mapping::make(
      [](std::exception_ptr) -> std::optional<antiphon::rpc_error> { return antiphon::rpc_error(7, "x"); }));
  support::answer_to(some_routes(), request(1, "throw"), options);
  CHECK(counts(*statistics, "throw") == numbers{1, 0, 1, 0, 0, 0});
}

TEST_CASE("queue, run and write times are those of the method") {
  const auto statistics = std::make_shared<method_statistics>(1);
  auto options = with(statistics);
  options.max_in_flight = 1;
  support::session session(some_routes(), options);
  session.play([&](support::session& s) -> awaitable<void> {
    std::string both = request(1, "nap") + "\n" + request(2, "one");
    co_await s.peer.say(std::move(both));
    co_await s.peer.hear();
    co_await s.peer.hear();
    co_await s.peer.ask(request(3, "one"));
  });
  constexpr std::uint64_t ms = 1'000'000;
  const auto nap = of(*statistics, "nap");
  CHECK(nap.queue.samples == 1);
  CHECK(nap.queue.max_ns < 20 * ms);
  CHECK(nap.run.samples == 1);
  CHECK(nap.run.p50_ns >= 20 * ms * 99 / 100);
  CHECK(nap.run.max_ns >= 20 * ms);
  CHECK(nap.write.samples == 1);
  const auto one = of(*statistics, "one");
  CHECK(one.queue.samples == 2);
  CHECK(one.queue.max_ns >= 19 * ms);  // that long behind the other
  CHECK(one.queue.p50_ns < 19 * ms);   // and not at all
  CHECK(one.run.max_ns < 19 * ms);
  CHECK(one.write.samples == 2);
  CHECK(one.write.max_ns > 0);
}

TEST_CASE("an answer that the peer doesn't take is being written all the while") {
  const auto statistics = std::make_shared<method_statistics>(1);
  antiphon::router routes;
  routes.on_request("large", [] { return std::string(100'000, 'x'); });
  antiphon::memory_pipe_options pipe;
  pipe.capacity = 1024;
  support::session session(std::move(routes), with(statistics), pipe);
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.say(request(1, "large"));
    auto pause = support::pause_for(20ms);
    co_await std::move(pause);
    CHECK(of(*statistics, "large").run.samples == 1);
    CHECK(of(*statistics, "large").write.samples == 0);
    co_await s.peer.hear();
  });
  const auto large = of(*statistics, "large");
  CHECK(large.write.samples == 1);
  CHECK(large.write.max_ns >= 20'000'000 * 9 / 10);
  CHECK(large.run.max_ns < large.write.max_ns);
}

TEST_CASE("one message in so many is timed, all are counted") {
  const auto statistics = std::make_shared<method_statistics>(16);
  support::session session(some_routes(), with(statistics));
  constexpr std::uint64_t messages = 8000;
  session.play([&](support::session& s) -> awaitable<void> {
    for (std::uint64_t i = 0; i < messages / 100; ++i) {
      std::string some;
      for (int j = 0; j < 100; ++j) some += notification("one") + "\n";
      some += request(1, "take");
      co_await s.peer.ask(std::move(some));
    }
  });
  const auto one = of(*statistics, "one");
  CHECK(one.received == messages);
  CHECK(one.answered == messages);
  CHECK(one.run.samples > messages / 16 / 2);
  CHECK(one.run.samples < messages / 16 * 2);
  CHECK(one.queue.samples == one.run.samples);
  CHECK(one.write.samples == 0);  // nothing to write
}

TEST_CASE("endpoints on several threads share statistics, read meanwhile, and none gets lost") {
  const auto statistics = std::make_shared<method_statistics>(2);
  constexpr int threads = 4;
  constexpr int sessions = 10;
  constexpr int messages = 200;
  std::atomic<int> running = threads;
  const auto work = [&] {
    for (int round = 0; round < sessions; ++round) {
      support::session session(some_routes(), with(statistics));
      session.play([&](support::session& s) -> awaitable<void> {
        std::string some;
        for (int i = 0; i < messages; ++i) some += notification("one") + "\n";
        some += request(1, "one");
        co_await s.peer.ask(std::move(some));
      });
    }
    --running;
  };
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i) pool.emplace_back(work);
  std::uint64_t before = 0;
  bool sensible = true;
  while (running > 0) {
    for (const auto& figures : statistics->snapshot()) {
      if (figures.method != "one") continue;
      sensible = sensible && figures.received >= before && figures.answered <= figures.received;
      before = figures.received;
    }
  }
  for (std::thread& one : pool) one.join();
  CHECK(sensible);
  CHECK(counts(*statistics, "one")[1] == threads * sessions * (messages + 1));
}

TEST_CASE("the snapshot of an endpoint has a JSON form with each of its counters") {
  support::session session(some_routes());
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.ask(request(1, "one"));
    antiphon::endpoint_stats stats = s.endpoint->stats();
    // Each has a value of its own.
    std::uint64_t value = 1ULL << 60;
    boost::mp11::mp_for_each<
        boost::describe::describe_members<antiphon::endpoint_stats, boost::describe::mod_public>>(
        [&](auto member) { stats.*member.pointer = ++value; });
    const auto pool = antiphon::shared_buffer_pool();
    antiphon::output_chain out(*pool, 4096);
    antiphon::encode(out, stats);
    std::vector<antiphon::slice> parts;
    out.take(parts);
    REQUIRE(parts.size() == 1);
    const auto told = support::json(parts[0].bytes());
    CHECK(told.as_object().size() * sizeof(std::uint64_t) == sizeof(stats));
    CHECK(told.at("bytes_received").to_number<std::uint64_t>() == stats.bytes_received);
    CHECK(told.at("outgoing_bytes_peak").to_number<std::uint64_t>() == value);
    // And back.
    const auto again = antiphon::raw_json(parts[0].bytes()).decode<antiphon::endpoint_stats>();
    CHECK(again.in_flight_peak == stats.in_flight_peak);
  });
}

TEST_CASE("the built-in method answers while all permits are taken, and others wait") {
  auto options = with(std::make_shared<method_statistics>());
  options.statistics_method = "$/statistics";
  options.max_in_flight = 2;
  for (const auto overload : {antiphon::overload::wait, antiphon::overload::reject}) {
    options.overload = overload;
    options.max_queued = 2;
    options.method_statistics = std::make_shared<method_statistics>();
    support::session session(some_routes(), options);
    session.play([&](support::session& s) -> awaitable<void> {
      co_await s.peer.say(request(1, "coma") + "\n" + request(2, "coma") + "\n" + request(3, "one"));
      const auto answer = co_await s.peer.ask(request(4, "$/statistics"));
      CHECK(answer.at("id") == 4);
      const auto& endpoint = answer.at("result").at("endpoint");
      CHECK(endpoint.at("in_flight") == 2);
      CHECK(endpoint.at("queued") == 1);
      CHECK(endpoint.at("requests_received") == 4);
      CHECK(endpoint.at("results_sent") == 0);
      std::map<std::string, std::int64_t> received;
      for (const auto& method : answer.at("result").at("methods").as_array())
        received[std::string(method.at("method").as_string())] = method.at("received").as_int64();
      CHECK(received["coma"] == 2);
      CHECK(received["one"] == 1);
      CHECK(received["$/statistics"] == 1);
      CHECK(received.size() == 10);
      co_await s.peer.ask(cancellation(1));
      co_await s.peer.hear();
      co_await s.peer.ask(cancellation(2));
    });
  }
}

TEST_CASE("without per-method statistics the built-in method answers the rest, and is off by default") {
  antiphon::endpoint_options options;
  const auto off = support::answer_to(some_routes(), request(1, "$/statistics"), options);
  CHECK(support::error_code_of(off) == -32601);
  options.statistics_method = "one";  // which takes the place of a route
  const auto on = support::answer_to(some_routes(), request(1, "one"), options);
  CHECK(on.at("result").at("endpoint").at("requests_received") == 1);
  CHECK_FALSE(on.at("result").as_object().contains("methods"));
}
