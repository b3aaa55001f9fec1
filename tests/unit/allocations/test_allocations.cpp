#include "tests/support/pairs.hpp"
#include "tests/unit/allocations/counting_new.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

// What a message costs an endpoint that has warmed up, in allocations: from the bytes that arrive to those of
// the reply. (Where it says "at most", coroutines of handlers and callers are the messages' own.)

namespace asio = boost::asio;

namespace {

constexpr int warm_up = 200;
constexpr int rounds = 1'000;

// Asio puts two blocks by. Whether a coroutine's frame fits into one of them is a matter of its size, which
// each compiler has its own idea of.
#ifdef __clang__
constexpr double put_by_in_vain = 3;
#else
constexpr double put_by_in_vain = 2;
#endif

int sum(int a, int b) { return a + b; }
void note(int) {}
asio::awaitable<int> suspended_sum(int a, int b) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  co_return a + b;
}

antiphon::router routes() {
  antiphon::router all;
  all.on_request("sum", sum);
  all.on_request("suspended_sum", suspended_sum);
  all.on_notification("note", note);
  return all;
}

std::string framed(std::string_view text) {
  return "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + std::string(text);
}

struct cost {
  double allocations = -1;
  double frames = -1;
};

void report(const std::string& what, cost each, cost most) {
  std::printf("%-48s %.2f allocations (at most %.0f), %.2f of Asio's own (at most %.0f)\n", what.c_str(),
              each.allocations, most.allocations, each.frames, most.frames);
  for (const double seen : {each.allocations, each.frames}) CHECK_MESSAGE(seen >= 0, what);
  CHECK_MESSAGE(each.allocations <= most.allocations + 0.01, what);
  CHECK_MESSAGE(each.frames <= most.frames + 0.01, what);
}

// What it sends once a round, and how many bytes it waits for then.
struct exchange {
  std::string request;
  std::size_t reply = 0;
};

exchange asking(std::string_view method) {
  const std::string text =
      R"({"jsonrpc":"2.0","id":17,"method":")" + std::string(method) + R"(","params":[20,22]})";
  return {framed(text), framed(R"({"jsonrpc":"2.0","id":17,"result":42})").size()};
}
// A notification and, so that its end is known, a request: what the latter costs is known.
exchange telling() {
  exchange both = asking("sum");
  both.request.insert(0, framed(R"({"jsonrpc":"2.0","method":"note","params":[1]})"));
  return both;
}

// Allocations in a round, once it has warmed up.
class rounds_counter {
 public:
  void round() {
    if (++done_ != warm_up) return;
    allocations_ = test::allocations();
    frames_ = test::frame_allocations();
  }
  bool more() const { return done_ < warm_up + rounds; }
  cost each() const {
    return {static_cast<double>(test::allocations() - allocations_) / rounds,
            static_cast<double>(test::frame_allocations() - frames_) / rounds};
  }

 private:
  int done_ = 0;
  std::size_t allocations_ = 0;
  std::size_t frames_ = 0;
};

asio::awaitable<void> serve(antiphon::transport_ptr over) {
  antiphon::endpoint server(std::move(over), routes());
  auto running = server.run();
  co_await std::move(running);
}

asio::awaitable<void> exchange_over(antiphon::transport& far, const exchange& what, cost& each) {
  antiphon::buffer space = antiphon::buffer::allocate(4096);
  const std::string_view parts[] = {what.request};
  rounds_counter count;
  for (; count.more(); count.round()) {
    auto sending = far.send(parts);
    co_await std::move(sending);
    for (space.clear(); space.size() < what.reply;) {
      auto receiving = far.receive_into(space);
      co_await std::move(receiving);
    }
  }
  each = count.each();
}

cost over_memory_pipe(const exchange& what) {
  asio::io_context io(1);
  auto ends = antiphon::make_memory_pipe(io.get_executor());
  cost each;
  asio::co_spawn(io, serve(std::move(ends.first)), asio::detached);
  asio::co_spawn(io, exchange_over(*ends.second, what, each),
                 [&ends](std::exception_ptr) { ends.second->close(); });
  io.run();
  return each;
}

// The peer is a thread that does nothing but write and read.
cost over_pipe(const exchange& what) {
  const auto to = support::make_raw_pipe();
  const auto from = support::make_raw_pipe();
  cost each;
  std::thread peer([&] {
    char space[4096];
    rounds_counter count;
    bool fine = true;
    for (; fine && count.more(); count.round()) {
      const auto size = static_cast<ssize_t>(what.request.size());
      fine = ::write(to.second, what.request.data(), what.request.size()) == size;
      for (std::size_t heard = 0; fine && heard < what.reply;) {
        const ssize_t got = ::read(from.first, space, sizeof(space));
        fine = got > 0;
        heard += fine ? static_cast<std::size_t>(got) : 0;
      }
    }
    if (fine) each = count.each();
    ::close(to.second);
    ::close(from.first);
  });
  asio::io_context io(1);
  const auto serve_pipe = [&]() -> asio::awaitable<void> {
    auto opening = support::open_descriptors(to.first, from.second);
    antiphon::transport_ptr over = co_await std::move(opening);
    auto serving = serve(std::move(over));
    co_await std::move(serving);
  };
  asio::co_spawn(io, serve_pipe(), asio::detached);
  io.run();
  peer.join();
  return each;
}

asio::awaitable<void> call_often(antiphon::endpoint& client, cost& each) {
  rounds_counter count;
  for (; count.more(); count.round()) {
    auto calling = client.call<int>("sum", 20, 22);
    const int result = co_await std::move(calling);
    REQUIRE(result == 42);
  }
  each = count.each();
}

cost calls_over_memory_pipe() {
  asio::io_context io(1);
  auto [near, far] = antiphon::make_memory_pipe(io.get_executor());
  cost each;
  asio::co_spawn(io, serve(std::move(near)), asio::detached);
  antiphon::endpoint client(std::move(far));
  const auto body = [&each](antiphon::endpoint& self) { return call_often(self, each); };
  asio::co_spawn(io, client.run(body), asio::detached);
  io.run();
  return each;
}

}  // namespace

TEST_CASE("a request to a synchronous handler costs an endpoint that has warmed up no allocation") {
  report("request and reply, memory pipe", over_memory_pipe(asking("sum")), {0, 0});
  report("request and reply, pipe", over_pipe(asking("sum")), {0, 0});
}

TEST_CASE("a notification costs an endpoint that has warmed up no allocation") {
  report("notification, request and reply, memory pipe", over_memory_pipe(telling()), {0, 0});
  report("notification, request and reply, pipe", over_pipe(telling()), {0, 0});
}

TEST_CASE("a request to a coroutine that suspends costs an endpoint that has warmed up one allocation") {
  report("request to a coroutine and reply, memory pipe", over_memory_pipe(asking("suspended_sum")),
         {1, put_by_in_vain});
  report("request to a coroutine and reply, pipe", over_pipe(asking("suspended_sum")), {1, 2});
}

TEST_CASE("a call costs one allocation at most") {
  report("call, memory pipe", calls_over_memory_pipe(), {1, 3});
}
