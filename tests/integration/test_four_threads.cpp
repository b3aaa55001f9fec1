#include "tests/integration/call_table.hpp"
#include "tests/integration/links.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

// Many connections on one io_context that four threads run, with a strand an endpoint. For the thread
// sanitizer, above all.

namespace {

namespace asio = antiphon::asio;
using asio::awaitable;

constexpr int thread_count = 4;

class crowd {
 public:
  /// Starts `body` on a strand of its own, or on that given.
  void start(awaitable<void> body) { start(asio::make_strand(context_), std::move(body)); }
  void start(asio::any_io_executor where, awaitable<void> body) {
    asio::co_spawn(std::move(where), std::move(body), [this](std::exception_ptr failure) {
      const std::lock_guard lock(mutex_);
      if (failure && !failure_) failure_ = failure;
    });
  }
  void run() {
    std::vector<std::jthread> threads;
    for (int i = 0; i < thread_count; ++i)
      threads.emplace_back([this] { context_.run_for(support::patience); });
    threads.clear();
    CHECK(context_.stopped());
    if (failure_) std::rethrow_exception(failure_);
  }
  asio::any_io_executor new_strand() { return asio::make_strand(context_); }

 private:
  asio::io_context context_{thread_count};
  std::mutex mutex_;
  std::exception_ptr failure_;
};

std::atomic<int> served;
std::atomic<int> played;

awaitable<void> serve(antiphon::transport_ptr over) {
  int bumps = 0;
  antiphon::endpoint server(std::move(over), links::make_routes(bumps));
  auto running = server.run();
  const antiphon::ended how = co_await std::move(running);
  if (how.reason == antiphon::end_reason::end_of_input && !how.error) ++served;
}

// Nothing is captured for messages here: doctest keeps that per thread, and a coroutine changes threads.
awaitable<void> play(antiphon::transport_ptr over) {
  antiphon::endpoint client(std::move(over), links::make_client_routes());
  auto body = [](antiphon::endpoint& server) -> awaitable<void> {
    for (const links::table_entry& entry : links::call_table()) {
      auto playing = entry.play(server);
      co_await std::move(playing);
    }
  };
  auto running = client.run(body);
  const antiphon::ended how = co_await std::move(running);
  if (how.reason == antiphon::end_reason::closed_here) ++played;
}

awaitable<void> serve_descriptor(int both_ways) {
  auto opening = support::open_descriptors(both_ways, both_ways);
  auto over = co_await std::move(opening);
  auto serving = serve(std::move(over));
  co_await std::move(serving);
}
awaitable<void> play_descriptor(int both_ways) {
  auto opening = support::open_descriptors(both_ways, both_ways);
  auto over = co_await std::move(opening);
  auto playing = play(std::move(over));
  co_await std::move(playing);
}

awaitable<void> play_tcp(std::uint16_t port) {
  auto connecting = antiphon::connect_tcp("127.0.0.1", port);
  auto over = co_await std::move(connecting);
  auto playing = play(std::move(over));
  co_await std::move(playing);
}
awaitable<void> serve_tcp(crowd& all) {
  auto listening = antiphon::listen_tcp();
  auto listener = co_await std::move(listening);
  all.start(play_tcp(listener.port()));
  auto accepting = listener.accept();
  auto over = co_await std::move(accepting);
  auto serving = serve(std::move(over));
  co_await std::move(serving);
}

}  // namespace

TEST_CASE("the call table holds on four threads with a strand for each endpoint") {
  constexpr int pairs_of_each = 2;
  served = played = 0;
  crowd all;
  for (int i = 0; i < pairs_of_each; ++i) {
    const auto near = all.new_strand();
    const auto far = all.new_strand();
    auto ends = antiphon::make_memory_pipe(near, far);
    all.start(near, play(std::move(ends.first)));
    all.start(far, serve(std::move(ends.second)));
    const auto sockets = support::make_socketpair();
    all.start(play_descriptor(sockets.first));
    all.start(serve_descriptor(sockets.second));
    all.start(serve_tcp(all));
  }
  all.run();
  CHECK(played == 3 * pairs_of_each);
  CHECK(served == 3 * pairs_of_each);
}
