#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

// The memory that an endpoint takes from its pool: when it gives it back, and what it does when there is
// none.

using antiphon::buffer;
using antiphon::buffer_pool;
using antiphon::buffer_pool_options;
using antiphon::exhausted;
using support::awaitable;
using support::session;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kib = 1024;

antiphon::memory_pipe_options over(std::shared_ptr<buffer_pool> pool) {
  antiphon::memory_pipe_options options;
  options.buffers = std::move(pool);
  return options;
}

antiphon::router routes() {
  antiphon::router made;
  made.on_request("echo", [](antiphon::raw_json params) { return params; });
  return made;
}

const std::string ask = R"({"jsonrpc":"2.0","id":1,"method":"echo","params":[1]})";
const std::string answer = R"({"jsonrpc":"2.0","id":1,"result":[1]})";

std::string large(std::size_t size) {
  return R"({"jsonrpc":"2.0","id":1,"method":"echo","params":[")" + std::string(size, 'x') + R"("]})";
}

// Its memory comes back, by another thread's hand, just before somebody waits for it.
class just_missed final : public antiphon::transport {
 public:
  explicit just_missed(executor_type executor) : executor_(std::move(executor)) {}
  buffer acquire(std::size_t at_least) override { return there_ ? buffer::allocate(at_least) : buffer(); }
  void wait_for_memory(antiphon::memory_waiter& /*who*/) override { there_ = true; }
  awaitable<std::size_t> receive_into(buffer& into) override {
    CHECK_FALSE(into.space().empty());
    co_return 0;
  }
  awaitable<void> send(std::span<const std::string_view> /*parts*/) override { co_return; }
  void close() noexcept override {}
  executor_type get_executor() override { return executor_; }

 private:
  executor_type executor_;
  bool there_ = false;
};

}  // namespace

TEST_CASE("an endpoint at rest gives back what it wrote into, and serves the next message all the same") {
  const auto pool = std::make_shared<buffer_pool>();
  session one(routes(), {}, over(pool));
  one.play([&](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(ask);
    auto heard = co_await std::move(asking);
    CHECK(heard == support::json(answer));
    CHECK(pool->stats().bytes_out == 128 * kib);
    for (int i = 0; i < 1000 && pool->stats().bytes_out > 64 * kib; ++i) {
      auto pausing = support::pause_for(10ms);
      co_await std::move(pausing);
    }
    CHECK(pool->stats().bytes_out == 64 * kib);
    asking = s.peer.ask(ask);
    heard = co_await std::move(asking);
    CHECK(heard == support::json(answer));
  });
}

TEST_CASE("a trimmed buffer is as usable as before") {
  buffer_pool pool;
  buffer b = pool.acquire(64 * kib);
  std::fill(b.space().begin(), b.space().end(), 'a');
  b.commit(5000);
  b.trim();
  CHECK(b.bytes() == std::string(5000, 'a'));
  CHECK(b.space().size() == 64 * kib - 5000);
  CHECK(b.data()[20'000] == 0);  // a page that the system had back
  std::fill(b.space().begin(), b.space().end(), 'b');
  b.commit(b.space().size());
  CHECK(b.bytes().substr(5000) == std::string(64 * kib - 5000, 'b'));
}

TEST_CASE("an endpoint whose pool is exhausted reads on when memory comes back, where the pool is to wait") {
  buffer_pool_options bounded;
  bounded.max_bytes_out = 200 * kib;
  bounded.when_exhausted = exhausted::wait;
  const auto pool = std::make_shared<buffer_pool>(bounded);
  std::optional<buffer> others = pool->acquire(64 * kib);
  std::optional<buffer> more = pool->acquire(64 * kib);
  std::optional<buffer> most = pool->acquire(64 * kib);
  session one(routes(), {}, over(pool));
  one.play([&](session& s) -> awaitable<void> {
    auto saying = s.peer.say(ask);
    co_await std::move(saying);
    auto pausing = support::pause_for(50ms);
    co_await std::move(pausing);
    CHECK(s.endpoint->stats().requests_received == 0);
    others.reset();
    auto hearing = s.peer.hear_json();
    const auto heard = co_await std::move(hearing);
    CHECK(heard == support::json(answer));
  });
  CHECK(one.how->reason == antiphon::end_reason::end_of_input);
  CHECK(pool->stats().refused > 0);
}

TEST_CASE("memory that comes back between asking for it and waiting for it is not missed") {
  support::asio::io_context context(1);
  antiphon::endpoint endpoint(std::make_unique<just_missed>(context.get_executor()));
  std::optional<antiphon::ended> how;
  support::asio::co_spawn(context, endpoint.run(),
                          [&how](std::exception_ptr, const antiphon::ended& end) { how = end; });
  support::drain(context);
  REQUIRE(how);
  CHECK(how->reason == antiphon::end_reason::end_of_input);
}

TEST_CASE("a message that outgrows the pool waits for it in the middle") {
  buffer_pool_options bounded;
  bounded.max_bytes_out = 600 * kib;
  bounded.when_exhausted = exhausted::wait;
  const auto pool = std::make_shared<buffer_pool>(bounded);
  std::optional<buffer> others = pool->acquire(256 * kib);
  std::optional<buffer> more = pool->acquire(256 * kib);
  session one(routes(), {}, over(pool));
  const std::string message = large(200 * kib);
  std::exception_ptr failure;
  one.play([&](session& s) -> awaitable<void> {
    bool said = false;
    support::start(
        *s.context,
        [](session& of, std::string text, bool& done) -> awaitable<void> {
          auto saying = of.peer.say(std::move(text));
          co_await std::move(saying);
          done = true;
        }(s, message, said),
        failure);
    auto pausing = support::pause_for(50ms);
    co_await std::move(pausing);
    CHECK(s.endpoint->stats().requests_received == 0);
    others.reset();
    auto hearing = s.peer.hear_json();
    const auto heard = co_await std::move(hearing);
    CHECK(heard.at("result").at(0).as_string().size() == 200 * kib);
    CHECK(said);
  });
  CHECK(one.how->reason == antiphon::end_reason::end_of_input);
}

TEST_CASE("an endpoint whose pool is exhausted ends and says why, where the pool is to fail") {
  buffer_pool_options bounded;
  bounded.max_bytes_out = 64 * kib;
  const auto pool = std::make_shared<buffer_pool>(bounded);
  const buffer others = pool->acquire(64 * kib);
  session one(routes(), {}, over(pool));
  one.play([&](session& s) -> awaitable<void> {
    auto hearing = s.peer.hear_json();
    const auto heard = co_await std::move(hearing);
    CHECK(heard.is_null());
  });
  CHECK(one.how->reason == antiphon::end_reason::connection_lost);
  CHECK(one.how->error == antiphon::errc::buffers_exhausted);
}

TEST_CASE("an endpoint that waits for memory can be closed, and sees its peer go") {
  buffer_pool_options bounded;
  bounded.max_bytes_out = 64 * kib;
  bounded.when_exhausted = exhausted::wait;
  const auto pool = std::make_shared<buffer_pool>(bounded);
  const buffer others = pool->acquire(64 * kib);
  SUBCASE("closed") {
    session one(routes(), {}, over(pool));
    one.play([&](session& s) -> awaitable<void> {
      auto turn = support::settle();
      co_await std::move(turn);
      s.endpoint->close();
      auto hearing = s.peer.hear_json();
      const auto heard = co_await std::move(hearing);
      CHECK(heard.is_null());
    });
    CHECK(one.how->reason == antiphon::end_reason::closed_here);
  }
  SUBCASE("the peer goes") {
    antiphon::endpoint_options options;
    options.close_timeout = 50ms;
    options.drain_timeout = 50ms;
    session one(routes(), options, over(pool));
    one.play([&](session&) -> awaitable<void> {
      auto turn = support::settle();
      co_await std::move(turn);
    });
    CHECK(one.how.has_value());
  }
  SUBCASE("abandoned") {
    std::exception_ptr failure;
    session one(routes(), {}, over(pool));
    support::start(
        *one.context,
        [](session& s) -> awaitable<void> {
          auto running = s.endpoint->run();
          co_await std::move(running);
        }(one),
        failure);
    one.context->poll();
  }
}
