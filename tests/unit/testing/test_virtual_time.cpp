#include <antiphon/testing/virtual_time.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using antiphon::testing::virtual_time;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using real = std::chrono::system_clock;

TEST_CASE("in virtual time timers are over at once, in their order, each when it is due") {
  virtual_time time;
  asio::io_context context(1);
  std::vector<std::chrono::milliseconds> over;
  const auto start = steady::now();
  std::vector<asio::steady_timer> timers;
  for (const auto due : {900ms, 250ms, 1ms, 0ms, 251ms}) {
    timers.emplace_back(context, due).async_wait([&](boost::system::error_code error) {
      CHECK_FALSE(error);
      over.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - start));
    });
  }
  CHECK(time.run(context));
  CHECK(over == std::vector{0ms, 1ms, 250ms, 251ms, 900ms});
  CHECK(time.elapsed() == 900ms);
}

TEST_CASE("an hour of virtual time takes no time, and is an hour") {
  const auto began = real::now();
  virtual_time time;
  asio::io_context context(1);
  asio::steady_timer timer(context, 1h);
  bool over = false;
  timer.async_wait([&](boost::system::error_code) { over = true; });
  CHECK_FALSE(time.run(context, 59min));
  CHECK_FALSE(over);
  CHECK(time.run(context));
  CHECK(over);
  CHECK(time.elapsed() >= 1h);
  CHECK(time.elapsed() < 1h + 1us);
  CHECK(real::now() - began < 10s);  // of a slow and busy machine
}

TEST_CASE("virtual time stands still unless it is told to go on, and real time is back when it is gone") {
  const auto before = steady::now();
  {
    virtual_time time;
    const auto start = steady::now();
    CHECK(steady::now() == start);
    time.advance(5s);
    CHECK(steady::now() == start + 5s);
    CHECK(time.elapsed() == 5s);
  }
  CHECK(steady::now() >= before);
  CHECK(steady::now() < before + 1min);
}

TEST_CASE("virtual time is that of one thread") {
  const auto before = steady::now();
  virtual_time time;
  steady::time_point seen;
  std::thread other([&] { seen = steady::now(); });
  other.join();
  CHECK(seen >= before);
  CHECK(seen < before + 1min);
}

TEST_CASE("a thread has one virtual time") {
  virtual_time time;
  time.advance(1s);
  CHECK_THROWS_AS(virtual_time(), std::logic_error);
  CHECK(time.elapsed() == 1s);
}

TEST_CASE("what waits for ever is found out") {
  virtual_time time;
  asio::io_context context(1);
  asio::steady_timer never(context, steady::time_point::max());
  never.async_wait([](boost::system::error_code) {});
  CHECK_FALSE(time.run(context));
  CHECK(time.elapsed() == 1h);
}
