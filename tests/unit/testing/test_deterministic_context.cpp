#include <antiphon/testing/deterministic_context.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <stdlib.h>

#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

namespace asio = boost::asio;
using antiphon::testing::deterministic_context;
using antiphon::testing::dice;
using antiphon::testing::seeds;
using asio::awaitable;
using namespace std::chrono_literals;

namespace {

std::string order_of(std::uint64_t seed, unsigned handlers) {
  deterministic_context context(seed);
  std::string order;
  for (unsigned i = 0; i < handlers; ++i)
    asio::post(context.get_executor(), [&order, i] { order += static_cast<char>('a' + i); });
  CHECK(context.run());
  CHECK(context.handlers_run() == handlers);
  return order;
}

awaitable<void> take_turns(std::string& order, char name) {
  const auto executor = co_await asio::this_coro::executor;
  for (int i = 0; i < 3; ++i) {
    order += name;
    co_await asio::post(executor, asio::deferred);
  }
  asio::steady_timer timer(executor, 1ms);
  co_await timer.async_wait(asio::deferred);
  order += name;
}

std::string order_of_coroutines(std::uint64_t seed) {
  deterministic_context context(seed);
  std::string order;
  for (const char name : {'a', 'b', 'c'})
    asio::co_spawn(context.get_executor(), take_turns(order, name), asio::detached);
  CHECK(context.run());
  return order + std::to_string(context.handlers_run()) + "/" + std::to_string(context.elapsed().count());
}

}  // namespace

TEST_CASE("with seed 0 handlers run in the order in which they became ready, in no time") {
  CHECK(order_of(0, 6) == "abcdef");
  deterministic_context context;
  asio::post(context.get_executor(), [] {});
  CHECK(context.run());
  CHECK(context.elapsed() == 0ms);
}

TEST_CASE("over many seeds handlers run in every order") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) seen.insert(order_of(seed, 3));
  CHECK(seen == std::set<std::string>{"abc", "acb", "bac", "bca", "cab", "cba"});
}

TEST_CASE("the same seed is the same run") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::string once = order_of_coroutines(seed);
    CHECK(once == order_of_coroutines(seed));
    seen.insert(once);
  }
  CHECK(seen.size() > 50);
}

TEST_CASE("a timer that is due is noticed before what is ready, or after it") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    deterministic_context context(seed);
    std::string order;
    asio::steady_timer timer(context.get_executor(), 0ms);
    timer.async_wait([&](boost::system::error_code) { order += 't'; });
    asio::post(context.get_executor(), [&] { order += 'p'; });
    CHECK(context.run());
    seen.insert(order);
  }
  CHECK(seen == std::set<std::string>{"pt", "tp"});
}

TEST_CASE("handlers dispatch at once, and post for later") {
  deterministic_context context;
  const auto executor = context.get_executor();
  std::string order;
  asio::dispatch(executor, [&] {
    order += '1';
    asio::post(executor, [&] { order += '4'; });
    asio::dispatch(executor, [&] { order += '2'; });
    order += '3';
  });
  CHECK(order.empty());
  CHECK(context.run());
  CHECK(order == "1234");
}

TEST_CASE("what a handler throws comes out of run, which may be called again") {
  deterministic_context context;
  const auto executor = context.get_executor();
  int ran = 0;
  asio::post(executor, [] { throw std::runtime_error("one"); });
  asio::post(executor, [&] {
    asio::dispatch(executor, [] { throw std::runtime_error("two"); });
    ++ran;
  });
  asio::post(executor, [&] { ++ran; });
  CHECK_THROWS_WITH(context.run(), "one");
  CHECK_THROWS_WITH(context.run(), "two");
  CHECK(ran == 1);
  CHECK(context.run());
  CHECK(ran == 2);
}

TEST_CASE("what hasn't run is destroyed with the context, with what it brings then") {
  struct brings_another {
    explicit brings_another(deterministic_context::executor_type to, std::shared_ptr<int> what)
        : executor(std::move(to)), held(std::move(what)) {}
    brings_another(brings_another&&) noexcept = default;
    ~brings_another() {
      if (held) asio::post(executor, [kept = held] {});
    }
    void operator()() const {}
    deterministic_context::executor_type executor;
    std::shared_ptr<int> held;
  };
  const auto held = std::make_shared<int>();
  {
    deterministic_context context(7);
    asio::post(context.get_executor(), brings_another(context.get_executor(), held));
    const auto waits = [](std::shared_ptr<int>) -> awaitable<void> {
      asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
      co_await timer.async_wait(asio::deferred);
    };
    asio::co_spawn(context.get_executor(), waits(held), asio::detached);
    CHECK(context.run_one());
    CHECK(held.use_count() > 1);
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("a stall is told from an end") {
  deterministic_context context(3);
  asio::steady_timer never(context.get_executor(), asio::steady_timer::time_point::max());
  never.async_wait([](boost::system::error_code) {});
  CHECK_FALSE(context.run(1min));
  CHECK(context.elapsed() == 1min);
  never.cancel();
  CHECK(context.run());
}

TEST_CASE("work that nobody does is a stall") {
  deterministic_context context(3);
  auto work =
      asio::prefer(asio::any_io_executor(context.get_executor()), asio::execution::outstanding_work.tracked);
  CHECK_FALSE(context.run(1s));
  work = {};
  CHECK(context.run());
}

TEST_CASE("a bad seed alone is played where the environment says so") {
  const char* const before = std::getenv("ANTIPHON_SEED");
  const std::string kept = before != nullptr ? before : "";
  const auto played = [] {
    std::string all;
    for (const std::uint64_t seed : seeds(4)) all += std::to_string(seed) + " ";
    return all;
  };
  ::unsetenv("ANTIPHON_SEED");
  CHECK(played() == "1 2 3 4 ");
  CHECK(seeds(4).count() == 4);
  ::setenv("ANTIPHON_SEED", "77", 1);
  CHECK(played() == "77 ");
  ::unsetenv("ANTIPHON_SEED");
  if (before != nullptr) ::setenv("ANTIPHON_SEED", kept.c_str(), 1);
}

TEST_CASE("dice with the same seed fall alike") {
  dice one(5);
  dice other(5);
  for (int i = 0; i < 100; ++i) CHECK(one.below(1000) == other.below(1000));
  CHECK_FALSE(one.once_in(0));
  CHECK(one.once_in(1));
}
