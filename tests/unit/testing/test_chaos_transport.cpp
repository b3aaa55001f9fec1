#include "tests/support/transports.hpp"

#include <antiphon/testing/chaos_transport.hpp>
#include <antiphon/testing/deterministic_context.hpp>
#include <antiphon/transport/memory_pipe.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>

using antiphon::error_code;
using antiphon::testing::chaos_options;
using antiphon::testing::deterministic_context;
using antiphon::testing::make_chaos_transport;
using support::asio::awaitable;
using namespace std::chrono_literals;
namespace asio = support::asio;

namespace {

struct through {
  std::string received;
  std::set<std::size_t> sizes;  // of the reads
  error_code sent;
  error_code read;
  bool ended = false;
};

awaitable<void> write(antiphon::transport_ptr to, std::string bytes, through& how) {
  const std::string_view all = bytes;
  const std::string_view parts[] = {all.substr(0, 10), {}, all.substr(10, 1), all.substr(11)};
  auto sending = support::error_of(to->send(parts));
  how.sent = co_await std::move(sending);
}

awaitable<void> read(antiphon::transport_ptr from, through& how) {
  for (;;) {
    auto space = antiphon::buffer::allocate(100);
    std::size_t count = 0;
    try {
      auto receiving = from->receive_into(space);
      count = co_await std::move(receiving);
    } catch (const boost::system::system_error& e) {
      how.read = e.code();
      co_return;
    }
    CHECK(count == space.size());
    how.sizes.insert(count);
    how.received += space.bytes();
    if (count == 0) break;
  }
  how.ended = true;
}

through pass(const std::string& bytes, std::uint64_t seed, chaos_options options) {
  deterministic_context context(seed);
  antiphon::memory_pipe_options pipe;
  pipe.capacity = 64;
  auto [near, far] = antiphon::make_memory_pipe(context.get_executor(), pipe);
  through how;
  std::exception_ptr failure;
  const auto ended = [&](std::exception_ptr e) {
    if (e) failure = e;
  };
  asio::co_spawn(context.get_executor(),
                 write(make_chaos_transport(std::move(near), seed, options), bytes, how), ended);
  asio::co_spawn(context.get_executor(), read(make_chaos_transport(std::move(far), seed + 1, options), how),
                 ended);
  CHECK(context.run(1min));
  if (failure) std::rethrow_exception(failure);
  return how;
}

}  // namespace

TEST_CASE("what goes through chaos comes out whole and in order, in pieces of any size") {
  const std::string bytes = support::pattern(1000);
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    chaos_options options;
    options.largest_piece = 1 + seed % 64;
    auto how = pass(bytes, seed, options);
    CHECK(how.received == bytes);
    CHECK(how.ended);
    CHECK_FALSE(how.sent);
    sizes.merge(how.sizes);
  }
  CHECK(sizes.size() > 60);
}

TEST_CASE("without chaos nothing changes") {
  chaos_options none;
  none.most_turns = none.cut_once_in = none.pause_once_in = none.no_memory_once_in = none.no_news_once_in = 0;
  const auto how = pass(support::pattern(60), 1, none);
  CHECK(how.sizes == std::set<std::size_t>{0, 60});
}

TEST_CASE("chaos breaks the connection where it is told to, and both sides see it") {
  chaos_options options;
  options.break_once_in = 10;
  const std::string bytes = support::pattern(1000);
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const auto how = pass(bytes, seed, options);
    CHECK(bytes.starts_with(how.received));
    CHECK((how.ended || how.read == asio::error::connection_reset));
    CHECK((!how.sent || how.sent == asio::error::connection_reset || how.sent == asio::error::broken_pipe));
    seen.insert(how.sent.message() + ", " + how.read.message());
  }
  CHECK(seen.size() >= 3);
}

TEST_CASE("closing ends what waits in chaos") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    deterministic_context context(seed);
    auto ends = antiphon::make_memory_pipe(context.get_executor());
    const auto near = make_chaos_transport(std::move(ends.first), seed);
    error_code error;
    const auto receive = [&]() -> awaitable<void> {
      auto space = antiphon::buffer::allocate(10);
      auto receiving = support::error_of(near->receive_into(space));
      error = co_await std::move(receiving);
    };
    asio::co_spawn(context.get_executor(), receive(), asio::detached);
    for (std::uint64_t i = seed % 8; i > 0; --i) context.run_one();
    near->close();
    CHECK(context.run(1min));
    CHECK(error == asio::error::operation_aborted);
  }
}

TEST_CASE("whoever finds no memory in chaos is woken, and may be again") {
  struct waiter final : antiphon::memory_waiter {
    bool memory_returned() noexcept override {
      ++woken;
      return true;
    }
    int woken = 0;
  };
  deterministic_context context(1);
  auto ends = antiphon::make_memory_pipe(context.get_executor());
  chaos_options options;
  options.no_memory_once_in = 2;
  const auto near = make_chaos_transport(std::move(ends.first), 1, options);
  int without = 0;
  for (int i = 0; i < 100; ++i) without += near->acquire(10) ? 0 : 1;
  CHECK(without > 20);
  CHECK(without < 80);
  waiter waiting;
  near->wait_for_memory(waiting);
  near->wait_for_memory(waiting);
  near->stop_waiting(waiting);
  CHECK(context.run(1min));
  CHECK(waiting.woken == 0);
  near->wait_for_memory(waiting);
  CHECK(context.run(1min));
  CHECK(waiting.woken == 1);
}
