#include "tests/unit/allocation_failures/each_failure.hpp"
#include "tests/unit/allocation_failures/failing_new.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/virtual_time.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Two endpoints that talk while memory runs out. Whatever fails: each call ends once, with its answer, an
// error or the end of the connection, `run` returns on both sides, and nothing is left.

namespace asio = boost::asio;
using antiphon::error_code;
using asio::awaitable;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

namespace {

/// How many were begun, and how they have ended. Nothing here asks for memory.
struct tally {
  int begun = 0;
  int done = 0;       // as they do with memory
  int failed = 0;     // with another error, or an exception
  int destroyed = 0;  // their coroutine: nobody was told of an end

  int open() const noexcept { return begun - done - failed - destroyed; }
};

struct books {
  tally calls;
  tally runs;
  int answers_wrong = 0;
  int escaped = 0;  // exceptions that came out of io_context::run
};

/// One of a tally, from here to its end.
class entry {
 public:
  explicit entry(tally& in) noexcept : in_(in) { ++in_.begun; }
  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;
  ~entry() { ++*end_; }

  void ends(bool as_due) noexcept { end_ = as_due ? &in_.done : &in_.failed; }

 private:
  tally& in_;
  int* end_ = &in_.destroyed;
};

antiphon::router make_routes() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_request("repeat", [](std::string text) { return text; });
  routes.on_request("fail",
                    []() -> int { throw antiphon::rpc_error(7, "as asked", antiphon::raw_json("[1]")); });
  routes.on_request("back", [](antiphon::call_context& call, int n) -> awaitable<int> {
    auto calling = call.peer().call<int>("add", n, 1);
    const int sum = co_await std::move(calling);
    co_return sum;
  });
  routes.on_request("nap", [](int ms) -> awaitable<int> {
    asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds(ms));
    auto sleeping = timer.async_wait(asio::deferred);
    co_await std::move(sleeping);
    co_return ms;
  });
  routes.on_notification("note", [](const std::string&) {});
  routes.on_notification("slow note", [](antiphon::call_context& call) -> awaitable<void> {
    auto telling = call.peer().notify("note", "heard");
    co_await std::move(telling);
  });
  return routes;
}

antiphon::endpoint_options make_options() {
  antiphon::endpoint_options options;
  options.max_in_flight = 3;
  options.max_outgoing_bytes = 20'000;
  return options;
}

class conversation {
 public:
  explicit conversation(books& in) : books_(in) {}

  /// Serves until the other side has finished.
  awaitable<void> listen(antiphon::transport_ptr over) {
    return entered(books_.runs, serve(std::move(over)));
  }

  /// Says all that there is to say, one thing after the other and some at a time.
  awaitable<void> talk(antiphon::transport_ptr over) {
    return entered(books_.runs, ask_and_tell(std::move(over)));
  }

 private:
  awaitable<bool> serve(antiphon::transport_ptr over) {
    antiphon::endpoint endpoint(std::move(over), make_routes(), make_options());
    auto running = endpoint.run();
    co_await std::move(running);
    co_return true;  // who has left may have left an answer that can't be written any more
  }
  awaitable<bool> ask_and_tell(antiphon::transport_ptr over) {
    antiphon::endpoint endpoint(std::move(over), make_routes(), make_options());
    auto running = endpoint.run([this](antiphon::endpoint& to) { return say_all(to); });
    const antiphon::ended end = co_await std::move(running);
    co_return end.reason == antiphon::end_reason::closed_here;
  }

  /// In the books from its beginning to its end. `what` says whether that was the one with memory.
  static awaitable<void> entered(tally& in, awaitable<bool> what) {
    entry here(in);
    try {
      const bool as_due = co_await std::move(what);
      here.ends(as_due);
    } catch (...) {
      here.ends(false);
      throw;
    }
  }
  awaitable<void> call(awaitable<bool> what) { return entered(books_.calls, std::move(what)); }

  awaitable<void> say_all(antiphon::endpoint& to) {
    const std::string large(100'000, 'l');
    auto first = attempt([&] { return call(ask(to, 3, "add", 1, 2)); });
    co_await std::move(first);
    auto second = attempt([&] { return call(ask_for_error(to)); });
    co_await std::move(second);
    auto third = attempt([&] { return call(tell(to, "note", "short")); });
    co_await std::move(third);
    auto fourth = attempt([&] { return call(ask(to, 6, "back", 5)); });
    co_await std::move(fourth);
    auto fifth = attempt([&] { return call(ask(to, large, "repeat", large)); });
    co_await std::move(fifth);
    auto sixth = attempt([&] { return call(tell(to, "slow note")); });
    co_await std::move(sixth);
    auto seventh = attempt([&] { return call(send_batch(to)); });
    co_await std::move(seventh);
    auto eighth = attempt([&] { return ask_at_once(to); });
    co_await std::move(eighth);
    auto ninth = attempt([&] { return ask_and_cancel(to); });
    co_await std::move(ninth);
    auto tenth = attempt(
        [&] { return call(ask_in_vain(to, antiphon::call_options(20ms), antiphon::errc::timed_out, 1000)); });
    co_await std::move(tenth);
  }

  /// A step may find no memory to begin.
  template <class Step>
  awaitable<void> attempt(Step step) {
    try {
      auto doing = step();
      co_await std::move(doing);
    } catch (const std::bad_alloc&) {
    } catch (const boost::system::system_error&) {  // the connection's end, or a failed write
    }
  }

  template <class Result, class... Args>
  awaitable<bool> ask(antiphon::peer to, Result expected, const char* method, Args... args) {
    auto calling = to.try_call<Result>(method, args...);
    const auto result = co_await std::move(calling);
    if (result.has_value() && *result != expected) ++books_.answers_wrong;
    co_return result.has_value();
  }
  awaitable<bool> ask_for_error(antiphon::peer to) {
    auto calling = to.try_call<int>("fail");
    const auto result = co_await std::move(calling);
    if (result.has_value()) ++books_.answers_wrong;
    co_return !result.has_value() && result.error().from_peer() && result.error().code.value() == 7;
  }
  template <class... Args>
  awaitable<bool> tell(antiphon::peer to, const char* method, Args... args) {
    auto telling = to.notify(method, args...);
    co_await std::move(telling);
    co_return true;
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
    if (five != 5 || eight != 8) ++books_.answers_wrong;
    co_return true;
  }
  awaitable<void> ask_at_once(antiphon::peer to) {
    const auto executor = co_await asio::this_coro::executor;
    for (int n = 1; n <= 6; ++n) {
      auto asking = call(ask(to, n, "nap", n));
      asio::co_spawn(executor, std::move(asking), [](std::exception_ptr) {});
    }
    auto last = call(ask(to, 20, "nap", 20));
    co_await std::move(last);
  }
  awaitable<void> ask_and_cancel(antiphon::peer to) {
    const auto executor = co_await asio::this_coro::executor;
    auto stop = std::make_shared<asio::cancellation_signal>();
    auto asking = call(ask_in_vain(to, {}, antiphon::errc::cancelled, 500));
    asio::co_spawn(executor, std::move(asking),
                   asio::bind_cancellation_slot(stop->slot(), [stop](std::exception_ptr) {}));
    auto meanwhile = attempt([&] { return call(ask(to, 3, "add", 1, 2)); });
    co_await std::move(meanwhile);
    stop->emit(asio::cancellation_type::terminal);
  }
  /// The answer comes too late.
  awaitable<bool> ask_in_vain(antiphon::peer to, antiphon::call_options options, antiphon::errc due, int ms) {
    auto calling = to.try_call<int>(options, "nap", ms);
    const auto result = co_await std::move(calling);
    if (result.has_value()) ++books_.answers_wrong;
    co_return result.has_error() && result.error().code == due;
  }

  books& books_;
};

/// Runs it to its end, like a program that goes on when a handler throws.
bool run_to_end(antiphon::testing::virtual_time& time, asio::io_context& context, books& in) {
  for (int times = 0; times < 50; ++times) {
    try {
      return time.run(context, 10min);
    } catch (const std::bad_alloc&) {
      ++in.escaped;
    }
  }
  return false;
}

/// So that what the pool of the program keeps doesn't grow when more of it is out than usual.
bool fill_pool() {
  std::vector<antiphon::buffer> out;
  for (const std::size_t size : {1'000u, 4'000u, 16'000u, 64'000u}) {
    for (int i = 0; i < 16; ++i) out.push_back(antiphon::shared_buffer_pool()->acquire(size));
  }
  return true;
}

/// What is wrong with it, or null.
const char* judge(const books& seen, bool ended) {
  if (!ended) return "it stalls";
  if (seen.calls.open() > 0 || seen.runs.open() > 0) return "not all have ended";
  // Asio destroys who awaits something that it finds no memory for, and that exception comes out of `run`.
  if (seen.calls.destroyed > seen.escaped || seen.runs.destroyed > seen.escaped)
    return "some ended without a word";
  if (seen.answers_wrong > 0) return "a wrong answer";
  if (!test::has_failed() && (seen.calls.failed > 0 || seen.runs.failed > 0))
    return "some failed with memory";
  return nullptr;
}

const char* play() {
  [[maybe_unused]] static const bool filled = fill_pool();
  static char wrong[250];
  books in;
  bool ended = false;
  {
    antiphon::testing::virtual_time time;
    std::optional<asio::io_context> context;
    try {
      context.emplace(1);
      antiphon::memory_pipe_options options;
      options.capacity = 4 * 1024;
      options.buffers = std::make_shared<antiphon::buffer_pool>();
      auto ends = antiphon::make_memory_pipe(context->get_executor(), options);
      conversation one(in);
      const auto ignore = [](std::exception_ptr) {};
      try {
        asio::co_spawn(*context, one.listen(std::move(ends.second)), ignore);
        asio::co_spawn(*context, one.talk(std::move(ends.first)), ignore);
      } catch (const std::bad_alloc&) {
      }
      ends = {};
      ended = run_to_end(time, *context, in);
    } catch (const std::bad_alloc&) {  // nothing has begun
      ended = true;
    }
    const books seen = in;
    if (const char* what = judge(seen, ended); what != nullptr) {
      std::snprintf(
          wrong, sizeof(wrong),
          "%s: %d calls, %d done, %d failed, %d destroyed; %d runs, %d done, %d failed, %d destroyed; "
          "%d exceptions escaped",
          what, seen.calls.begun, seen.calls.done, seen.calls.failed, seen.calls.destroyed, seen.runs.begun,
          seen.runs.done, seen.runs.failed, seen.runs.destroyed, seen.escaped);
      return wrong;
    }
  }
  return nullptr;
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
