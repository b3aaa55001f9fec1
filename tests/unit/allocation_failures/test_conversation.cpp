#include "tests/unit/allocation_failures/books.hpp"
#include "tests/unit/allocation_failures/each_failure.hpp"
#include "tests/unit/allocation_failures/speaker.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

// Two endpoints that talk while memory runs out, on one executor: calls and handlers on another one can't be
// whole without memory (docs/decisions/0035).

namespace asio = boost::asio;
using antiphon::errc;
using asio::awaitable;
using std::chrono::milliseconds;
using test::attempt;
using namespace std::chrono_literals;

namespace {

awaitable<int> nap(int ms) {
  asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds(ms));
  auto sleeping = timer.async_wait(asio::deferred);
  co_await std::move(sleeping);
  co_return ms;
}

awaitable<int> call_back(antiphon::call_context& call, int n) {
  auto calling = call.peer().call<int>("add", n, 1);
  const int sum = co_await std::move(calling);
  co_return sum;
}

antiphon::router make_routes(test::books& in) {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_request("repeat", [](std::string text) { return text; });
  routes.on_request("fail",
                    []() -> int { throw antiphon::rpc_error(7, "as asked", antiphon::raw_json("[1]")); });
  routes.on_request("back", call_back);
  routes.on_request("nap", nap);
  antiphon::route_options newest;
  newest.supersede_key = [](const antiphon::raw_json&) { return std::string("the same for all of them"); };
  routes.on_request("newest nap", nap, {}, newest);
  routes.on_notification("note", [&in](const std::string&) { ++in.heard; });
  routes.on_notification("slow note", [](antiphon::call_context& call) -> awaitable<void> {
    auto telling = call.peer().notify("note", "heard");
    co_await std::move(telling);
  });
  return routes;
}

antiphon::endpoint_options make_options(test::books& in) {
  antiphon::endpoint_options options;
  options.max_in_flight = 3;
  options.max_queued = 4;
  options.overload = antiphon::overload::reject;
  options.max_outgoing_bytes = 20'000;
  options.stall_after = 15ms;
  options.on_stall = [&in](const antiphon::stall_report&) { ++in.heard; };
  return options;
}

class conversation : test::speaker {
 public:
  using speaker::speaker;

  void begin(asio::io_context& context) {
    antiphon::memory_pipe_options options;
    options.capacity = 4 * 1024;
    options.buffers = std::make_shared<antiphon::buffer_pool>();
    auto ends = antiphon::make_memory_pipe(context.get_executor(), options);
    const auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(context, entered(in().runs, listen(std::move(ends.second))), ignore);
    asio::co_spawn(context, entered(in().runs, talk(std::move(ends.first))), ignore);
  }

 private:
  /// Serves until the other side has finished.
  awaitable<bool> listen(antiphon::transport_ptr over) {
    antiphon::endpoint endpoint(std::move(over), make_routes(in()), make_options(in()));
    auto running = endpoint.run();
    co_await std::move(running);
    co_return true;  // who has left may have left an answer that can't be written any more
  }

  awaitable<bool> talk(antiphon::transport_ptr over) {
    antiphon::endpoint endpoint(std::move(over), make_routes(in()), make_options(in()));
    auto running = endpoint.run([this](antiphon::endpoint& to) { return say_all(to); });
    const antiphon::ended end = co_await std::move(running);
    if (saying_) ++in().answers_wrong;  // `run` returns after its body
    co_return end.reason == antiphon::end_reason::closed_here;
  }

  struct marked {
    explicit marked(bool& what) noexcept : is(what) { is = true; }
    marked(const marked&) = delete;
    ~marked() { is = false; }
    bool& is;
  };

  /// One thing after the other and some at a time.
  awaitable<void> say_all(antiphon::endpoint& to) {
    const marked here(saying_);
    const std::string large(100'000, 'l');
    auto first = attempt([&] { return ask(to, 3, "add", 1, 2); });
    co_await std::move(first);
    auto second = attempt([&] { return ask_in_vain(to, as_asked, {}, "fail"); });
    co_await std::move(second);
    auto third = attempt([&] { return tell(to, "note", "short"); });
    co_await std::move(third);
    auto fourth = attempt([&] { return ask(to, 6, "back", 5); });
    co_await std::move(fourth);
    auto fifth = attempt([&] { return ask(to, large, "repeat", large); });
    co_await std::move(fifth);
    auto sixth = attempt([&] { return tell(to, "slow note"); });
    co_await std::move(sixth);
    auto seventh = attempt([&] { return call(send_batch(to)); });
    co_await std::move(seventh);
    auto eighth = attempt([&] { return ask_at_once(to); });
    co_await std::move(eighth);
    auto ninth = attempt([&] { return ask_for_newest(to); });
    co_await std::move(ninth);
    auto tenth = attempt([&] { return ask_and_cancel(to, ask(to, 3, "add", 1, 2), "nap", 500); });
    co_await std::move(tenth);
    auto eleventh =
        attempt([&] { return ask_in_vain(to, errc::timed_out, antiphon::call_options(20ms), "nap", 1000); });
    co_await std::move(eleventh);
  }

  awaitable<bool> send_batch(antiphon::peer to) {
    auto batch = to.new_batch();
    auto sum = batch.call<int>("add", 2, 3);
    auto back = batch.call<int>("back", 7);
    batch.notify("note", "in a batch");
    auto sending = batch.send();
    co_await std::move(sending);
    const int five = co_await std::move(sum);
    const int eight = co_await std::move(back);
    if (five != 5 || eight != 8) ++in().answers_wrong;
    co_return true;
  }

  /// More than run at the same time, and one more than may wait.
  awaitable<void> ask_at_once(antiphon::peer to) {
    for (int n = 16; n <= 22; ++n) {
      auto asking = beside(ask(to, n, "nap", n));
      co_await std::move(asking);
    }
    auto refused = ask_in_vain(to, antiphon::rpc_errc::overloaded, {}, "nap", 1);
    co_await std::move(refused);
    auto until_all_are_over = nap(100);
    co_await std::move(until_all_are_over);
  }

  awaitable<void> ask_for_newest(antiphon::peer to) {
    auto older = beside(ask_in_vain(to, antiphon::rpc_errc::request_cancelled, {}, "newest nap", 30));
    co_await std::move(older);
    auto newer = ask(to, 10, "newest nap", 10);
    co_await std::move(newer);
  }

  const antiphon::error_code as_asked{7, antiphon::rpc_category()};
  bool saying_ = false;
};

const char* play() {
  std::optional<conversation> one;
  // Two notes alone and one in a batch; four reports of naps that take so long.
  return test::play(7, [&one](asio::io_context& context, test::books& in) {
    one.emplace(in);
    one->begin(context);
  });
}

}  // namespace

TEST_CASE("a conversation without failures is whole") {
  const char* const wrong = play();
  CHECK_MESSAGE(wrong == nullptr, std::string(wrong == nullptr ? "" : wrong));
}

TEST_CASE("any one request for memory may fail while two endpoints talk") {
  const test::outcome all = test::with_each_failure("conversation", 0, play);
  MESSAGE(all.runs, " runs, ", all.bad, " bad");
  CHECK_MESSAGE(all.bad == 0, all.report);
  CHECK(all.runs > 100);
}

// Two in a row would end the program: Asio asks for memory to unwind a coroutine that it found none for.
TEST_CASE("any two requests for memory may fail, not far from each other, while two endpoints talk") {
  for (const std::size_t gap : {3u, 4u, 7u, 20u}) {
    const test::outcome all = test::with_each_failure("conversation, twice", gap, play);
    MESSAGE(all.runs, " runs, ", all.bad, " bad");
    CHECK_MESSAGE(all.bad == 0, all.report);
  }
}
