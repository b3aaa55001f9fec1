#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/buffer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <climits>
#include <functional>
#include <memory>
#include <vector>

namespace asio = antiphon::asio;
using antiphon::hang_up;
using antiphon::transport;
using asio::awaitable;
using namespace support;

namespace {

void for_each(const std::vector<kind>& kinds, const std::function<awaitable<void>(kind)>& body) {
  for (const kind k : kinds) {
    const std::string name = name_of(k);
    CAPTURE(name);
    run(body(k));
  }
}

/// Where what `near` sends arrives: at the far end, or back from a child that echoes.
transport& arrival(pair& both) { return both.far ? *both.far : *both.near; }

/// The same without waiting for it; `failure` keeps an exception.
template <class Awaitable>
void in_background(const asio::any_io_executor& executor, Awaitable body, error_code& how, bool& done) {
  asio::co_spawn(executor, std::move(body), [&how, &done](std::exception_ptr e, error_code ec) {
    how = e ? error_code(asio::error::fault) : ec;
    done = true;
  });
}

awaitable<void> arrives_whole(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{100}, std::size_t{5000}}) {
    const auto bytes = pattern(size);
    auto sending = send(*both.near, bytes);
    // The other end reads while this one still writes: some of these are larger than what the pipe holds.
    const auto executor = co_await asio::this_coro::executor;
    error_code how;
    bool sent = false;
    in_background(executor, error_of(std::move(sending)), how, sent);
    auto receiving = receive(arrival(both), size);
    const auto got = co_await std::move(receiving);
    CHECK(got == bytes);
    while (!sent) {
      auto turn = settle();
      co_await std::move(turn);
    }
    CHECK(how == error_code());
  }
}

awaitable<void> gathers_many_parts(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  const auto bytes = pattern(40000);
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  // More than one system call takes, of all sizes, empty ones among them.
  for (std::size_t i = 0; at < bytes.size(); ++i) {
    const auto size = std::min(i % 23, bytes.size() - at);
    parts.push_back(std::string_view(bytes).substr(at, size));
    at += size;
  }
  CHECK(parts.size() > IOV_MAX);
  const auto executor = co_await asio::this_coro::executor;
  error_code how;
  bool sent = false;
  in_background(executor, error_of(both.near->send(parts)), how, sent);
  auto receiving = receive(arrival(both), bytes.size());
  const auto got = co_await std::move(receiving);
  CHECK(got == bytes);
  while (!sent) {
    auto turn = settle();
    co_await std::move(turn);
  }
  CHECK(how == error_code());
}

awaitable<void> appends_to_a_buffer(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  auto into = both.near->acquire(100);
  CHECK(into.size() == 0);
  CHECK(into.capacity() >= 100);
  auto first = send(*both.near, "one ");
  co_await std::move(first);
  while (into.size() < 4) {
    auto receiving = arrival(both).receive_into(into);
    co_await std::move(receiving);
  }
  auto second = send(*both.near, "two");
  co_await std::move(second);
  while (into.size() < 7) {
    auto receiving = arrival(both).receive_into(into);
    co_await std::move(receiving);
  }
  CHECK(into.bytes() == "one two");
}

awaitable<void> both_ways_at_once(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  // The tiny one moves three bytes a turn.
  const auto bytes = pattern(k == kind::tiny_memory ? 20000 : 4 << 20);
  const auto executor = co_await asio::this_coro::executor;
  error_code near_how;
  error_code far_how;
  bool near_sent = false;
  bool far_sent = false;
  const std::string_view parts[] = {bytes};
  in_background(executor, error_of(both.near->send(parts)), near_how, near_sent);
  in_background(executor, error_of(both.far->send(parts)), far_how, far_sent);
  auto turn = settle();
  co_await std::move(turn);
  CHECK_FALSE(near_sent);
  CHECK_FALSE(far_sent);
  auto receiving = receive(*both.near, bytes.size());
  const auto at_near = co_await std::move(receiving);
  CHECK(at_near == bytes);
  receiving = receive(*both.far, bytes.size());
  const auto at_far = co_await std::move(receiving);
  CHECK(at_far == bytes);
  CHECK(near_sent);
  CHECK(far_sent);
  CHECK(near_how == error_code());
  CHECK(far_how == error_code());
}

awaitable<void> end_of_input(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  auto last = send(*both.near, "ab");
  co_await std::move(last);
  both.near->shutdown_send();
  auto receiving = receive_all(*both.far);
  auto got = co_await std::move(receiving);
  CHECK(got == "ab");
  auto reply = send(*both.far, "cd");
  co_await std::move(reply);
  receiving = receive(*both.near, 2);
  got = co_await std::move(receiving);
  CHECK(got == "cd");
  both.far->close();
  receiving = receive_all(*both.near);
  got = co_await std::move(receiving);
  CHECK(got == "");
}

awaitable<void> sending_after_shutdown(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  both.near->shutdown_send();
  auto sending = error_of(send(*both.near, "x"));
  const auto ec = co_await std::move(sending);
  CHECK(ec == asio::error::broken_pipe);
}

awaitable<void> peer_gone(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  both.far->close();
  error_code ec;
  // TCP learns of it from the answer to the first write.
  for (int i = 0; i < 1000 && !ec; ++i) {
    auto sending = error_of(send(*both.near, "x"));
    ec = co_await std::move(sending);
    auto turn = pause_for(std::chrono::milliseconds(1));
    if (!ec) co_await std::move(turn);
  }
  const bool gone = ec == asio::error::broken_pipe || ec == asio::error::connection_reset;
  CHECK(gone);
}

awaitable<void> close_ends_receive(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  const auto executor = co_await asio::this_coro::executor;
  error_code how;
  bool done = false;
  in_background(executor, error_of(receive(*both.near, 1)), how, done);
  auto turn = settle();
  co_await std::move(turn);
  CHECK_FALSE(done);
  both.near->close();
  CHECK_FALSE(done);  // never from inside the call
  turn = settle();
  co_await std::move(turn);
  CHECK(done);
  CHECK(how == asio::error::operation_aborted);
  both.near->close();
  auto again = error_of(receive(*both.near, 1));
  how = co_await std::move(again);
  CHECK(how == asio::error::operation_aborted);
}

awaitable<void> close_ends_send(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  const auto executor = co_await asio::this_coro::executor;
  const auto bytes = pattern(16 << 20);
  const std::string_view parts[] = {bytes};
  error_code how;
  bool done = false;
  in_background(executor, error_of(both.near->send(parts)), how, done);
  auto turn = settle();
  co_await std::move(turn);
  CHECK_FALSE(done);
  both.near->close();
  CHECK_FALSE(done);
  turn = settle();
  co_await std::move(turn);
  CHECK(done);
  CHECK(how == asio::error::operation_aborted);
  auto again = error_of(send(*both.near, "x"));
  how = co_await std::move(again);
  CHECK(how == asio::error::operation_aborted);
}

awaitable<void> given_up_receive(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  const auto executor = co_await asio::this_coro::executor;
  transport& from = arrival(both);
  for (int round = 0; round < 3; ++round) {
    asio::cancellation_signal give_up;
    error_code how;
    bool done = false;
    asio::co_spawn(executor, error_of(receive(from, 1)),
                   asio::bind_cancellation_slot(give_up.slot(), [&](std::exception_ptr, error_code ec) {
                     how = ec;
                     done = true;
                   }));
    auto turn = settle();
    co_await std::move(turn);
    CHECK_FALSE(done);
    give_up.emit(asio::cancellation_type::terminal);
    turn = settle();
    co_await std::move(turn);
    CHECK(done);
    CHECK(how == asio::error::operation_aborted);
    auto sending = send(*both.near, "abc");
    error_code sent_how;
    bool sent = false;
    in_background(executor, error_of(std::move(sending)), sent_how, sent);
    auto receiving = receive(from, 3);
    const auto got = co_await std::move(receiving);
    CHECK(got == "abc");
    while (!sent) {
      turn = settle();
      co_await std::move(turn);
    }
  }
}

awaitable<void> sees_hang_up(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  const auto executor = co_await asio::this_coro::executor;
  transport& here = arrival(both);
  auto sending = send(*both.near, "unread");
  co_await std::move(sending);
  hang_up seen = hang_up::unknown;
  bool done = false;
  const auto watch = [&](bool input_has_ended) {
    done = false;
    asio::co_spawn(executor, here.wait_hang_up(input_has_ended), [&](std::exception_ptr e, hang_up how) {
      CHECK_FALSE(static_cast<bool>(e));
      seen = how;
      done = true;
    });
  };
  const auto until_done = [&done]() -> awaitable<void> {
    for (int i = 0; i < 2000 && !done; ++i) co_await pause_for(std::chrono::milliseconds(1));
  };
  watch(false);
  auto turn = settle();
  co_await std::move(turn);
  CHECK_FALSE(done);
  both.near->shutdown_send();
  auto first = until_done();
  co_await std::move(first);
  REQUIRE(done);
  CHECK(seen == hang_up::input_ended);
  watch(true);
  turn = settle();
  co_await std::move(turn);
  CHECK_FALSE(done);
  both.near->close();
  // A TCP peer that is gone shows once something is sent to it.
  const bool over_tcp = k == kind::tcp || k == kind::tcp_v6;
  if (over_tcp) {
    auto lost = error_of(send(here, "anyone?"));
    co_await std::move(lost);
  }
  auto second = until_done();
  co_await std::move(second);
  REQUIRE(done);
  CHECK(seen == hang_up::broken);
  // What came before is still there.
  if (!over_tcp) {
    auto receiving = receive(here, 6);
    const auto got = co_await std::move(receiving);
    CHECK(got == "unread");
  }
}

awaitable<void> close_ends_watching(kind k) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  const auto executor = co_await asio::this_coro::executor;
  hang_up seen = hang_up::broken;
  bool done = false;
  asio::co_spawn(executor, arrival(both).wait_hang_up(false), [&](std::exception_ptr, hang_up how) {
    seen = how;
    done = true;
  });
  auto turn = settle();
  co_await std::move(turn);
  CHECK_FALSE(done);
  arrival(both).close();
  turn = settle();
  co_await std::move(turn);
  CHECK(done);
  CHECK(seen == hang_up::unknown);
}

struct other_coroutine {
  int turns = 0;
  bool stop = false;
};

awaitable<void> take_turns(std::shared_ptr<other_coroutine> me) {
  const auto executor = co_await asio::this_coro::executor;
  while (!me->stop) {
    ++me->turns;
    co_await asio::post(executor, asio::deferred);
  }
}

awaitable<void> suspended_both_ways(kind k, bool& waits) {
  auto making = make_pair(k);
  pair both = co_await std::move(making);
  const auto executor = co_await asio::this_coro::executor;
  const auto bytes = pattern(16 << 20);
  const std::string_view parts[] = {bytes};
  error_code how;
  bool done = false;
  in_background(executor, error_of(both.near->send(parts)), how, done);
  waits = true;
  auto receiving = receive(*both.near, 1 << 25);
  co_await std::move(receiving);
}

}  // namespace

TEST_CASE("bytes arrive whole and in order") { for_each(all_kinds(), arrives_whole); }

TEST_CASE("more parts than one system call takes arrive in order") {
  for_each(all_kinds(), gathers_many_parts);
}

TEST_CASE("a receive appends to what the buffer holds") {
  auto kinds = all_kinds();
  std::erase(kinds, kind::tiny_memory);  // holds three bytes: a send of four waits for its reader
  for_each(kinds, appends_to_a_buffer);
}

TEST_CASE("two peers that both write more than fits make progress once they read") {
  for_each(two_ended_kinds(), both_ways_at_once);
}

TEST_CASE("after shutdown_send the peer reads the rest, then the end, and may still answer") {
  for_each(two_ended_kinds(), end_of_input);
}

TEST_CASE("sending after shutdown_send is a broken pipe") { for_each(all_kinds(), sending_after_shutdown); }

TEST_CASE("writing to a peer that is gone is an error, never a signal") {
  for_each(two_ended_kinds(), peer_gone);
}

TEST_CASE("close ends a suspended receive with operation_aborted") {
  for_each(all_kinds(), close_ends_receive);
}

TEST_CASE("close ends a suspended send with operation_aborted") { for_each(all_kinds(), close_ends_send); }

TEST_CASE("a receive that is given up loses nothing") { for_each(all_kinds(), given_up_receive); }

TEST_CASE("the peer's end is seen without reading, though bytes are unread") {
  for_each({kind::memory, kind::tcp, kind::tcp_v6, kind::unix_socket, kind::abstract_unix_socket,
            kind::stdio_on_pipes, kind::stdio_on_socketpair},
           sees_hang_up);
}

TEST_CASE("close ends the watching for the peer's end") { for_each(all_kinds(), close_ends_watching); }

TEST_CASE("a peer that never stops sending leaves other coroutines their turn") {
  for_each(two_ended_kinds(), [](kind k) -> awaitable<void> {
    auto making = make_pair(k);
    pair both = co_await std::move(making);
    const auto executor = co_await asio::this_coro::executor;
    error_code how;
    bool sent = false;
    const auto bytes = pattern(2000);
    const std::string_view parts[] = {bytes};
    in_background(executor, error_of(both.far->send(parts)), how, sent);
    const auto other = std::make_shared<other_coroutine>();
    asio::co_spawn(executor, take_turns(other), asio::detached);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      auto one = antiphon::buffer::allocate(1);
      auto receiving = both.near->receive_into(one);
      co_await std::move(receiving);
    }
    other->stop = true;
    CHECK(other->turns > 50);
    CHECK(how == error_code());
  });
}

TEST_CASE("descriptors return to what they were") {
  for_each(all_kinds(), [](kind k) -> awaitable<void> {
    const auto once = [](kind what) -> awaitable<void> {
      auto making = make_pair(what);
      pair both = co_await std::move(making);
      auto sending = send(*both.near, "abc");
      co_await std::move(sending);
      auto receiving = receive(arrival(both), 3);
      co_await std::move(receiving);
    };
    auto warm_up = once(k);
    co_await std::move(warm_up);
    if (k == kind::child) co_return;  // reaped in the background: see the tests of child processes
    const auto before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
      auto again = once(k);
      co_await std::move(again);
    }
    CHECK(open_descriptors() == before);
  });
}

TEST_CASE("an io_context may be destroyed with operations suspended in its transports") {
  for (const kind k : all_kinds()) {
    const std::string name = name_of(k);
    CAPTURE(name);
    bool waits = false;
    {
      asio::io_context context(1);
      asio::co_spawn(context, suspended_both_ways(k, waits), asio::detached);
      for (int i = 0; i < 1000 && !waits; ++i) context.run_for(std::chrono::milliseconds(1));
      context.run_for(std::chrono::milliseconds(5));
    }
    CHECK(waits);
  }
}
