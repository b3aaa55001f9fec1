#include "tests/unit/allocation_failures/books.hpp"
#include "tests/unit/allocation_failures/each_failure.hpp"
#include "tests/unit/allocation_failures/speaker.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/relay/broker.hpp>
#include <antiphon/relay/topics.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/describe/class.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

// A client, a relay and a server behind it while memory runs out, each with an endpoint of its own.

namespace asio = boost::asio;
namespace relay = antiphon::relay;
using asio::awaitable;
using std::chrono::milliseconds;
using test::attempt;
using namespace std::chrono_literals;

namespace {

struct addressed {
  std::string target;
  int number = 0;
};
BOOST_DESCRIBE_STRUCT(addressed, (), (target, number))

struct subscription {
  std::string topic;
};
BOOST_DESCRIBE_STRUCT(subscription, (), (topic))

struct publication {
  std::string topic;
  std::string payload;
};
BOOST_DESCRIBE_STRUCT(publication, (), (topic, payload))

const antiphon::error_code as_asked{7, antiphon::rpc_category()};

antiphon::error_code told(relay::relay_errc code) {
  return {static_cast<int>(code), antiphon::rpc_category()};
}

antiphon::router client_routes(test::books& in, int& events) {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_notification("note", [&in](const std::string&) { ++in.heard; });
  routes.on_notification("topics/event", [&in, &events](const publication&) {
    ++in.heard;
    ++events;
  });
  return routes;
}

/// @param way of which `exit` takes the end, as when a process is killed
antiphon::router server_routes(test::books& in, antiphon::transport& way) {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_request("next", [](const addressed& what) { return what.number + 1; });
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
  routes.on_notification("note", [&in](antiphon::call_context& call, const std::string&) -> awaitable<void> {
    ++in.heard;
    auto telling = call.peer().notify("note", "heard");
    co_await std::move(telling);
  });
  routes.on_notification("exit", [&way] { way.close(); });
  return routes;
}

/// What joins the two, as long as the io_context and longer.
class middle {
 public:
  middle(asio::io_context& context, test::books& in)
      : books_(in), topics_(context.get_executor()), server_(hub_.add("server", few_at_a_time())) {}

  awaitable<bool> join(antiphon::transport_ptr to_client, antiphon::transport_ptr to_server) {
    antiphon::endpoint server(std::move(to_server), hub_.target_routes(server_));
    auto routes = hub_.client_routes();
    relay::serve_topics(routes, topics_);
    antiphon::endpoint client(std::move(to_client), std::move(routes));
    const relay::membership joined = hub_.join(client);
    auto beside = test::speaker::beside(test::entered(books_.runs, attach(server, server.run())));
    co_await std::move(beside);
    auto running = client.run();
    co_await std::move(running);
    co_return true;
  }

 private:
  static relay::target_options few_at_a_time() {
    relay::target_options options;
    options.max_in_flight = 2;
    return options;
  }
  /// Messages for a connection that nobody runs would wait for ever, so both begin and end together.
  awaitable<bool> attach(antiphon::peer through, awaitable<antiphon::ended> running) {
    struct detached_at_end {
      relay::target& server;
      ~detached_at_end() { server.detach("it has ended"); }
    };
    const detached_at_end guard{server_};
    server_.attach(std::move(through));
    co_await std::move(running);
    co_return true;
  }

  test::books& books_;
  relay::broker hub_;
  relay::topics topics_;
  relay::target& server_;
};

class relayed : test::speaker {
 public:
  relayed(asio::io_context& context, test::books& in) : speaker(in), middle_(context, in) {}

  void begin(asio::io_context& context) {
    antiphon::memory_pipe_options options;
    options.capacity = 4 * 1024;
    options.buffers = std::make_shared<antiphon::buffer_pool>();
    auto front = antiphon::make_memory_pipe(context.get_executor(), options);
    auto back = antiphon::make_memory_pipe(context.get_executor(), options);
    const auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(context, entered(in().runs, serve(std::move(back.second))), ignore);
    asio::co_spawn(context, entered(in().runs, middle_.join(std::move(front.second), std::move(back.first))),
                   ignore);
    asio::co_spawn(context, entered(in().runs, talk(std::move(front.first))), ignore);
  }

 private:
  awaitable<bool> serve(antiphon::transport_ptr over) {
    auto routes = server_routes(in(), *over);
    antiphon::endpoint endpoint(std::move(over), std::move(routes));
    auto running = endpoint.run();
    co_await std::move(running);
    co_return true;
  }
  awaitable<bool> talk(antiphon::transport_ptr over) {
    antiphon::endpoint endpoint(std::move(over), client_routes(in(), events_));
    auto running = endpoint.run([this](antiphon::endpoint& to) { return say_all(to); });
    const antiphon::ended end = co_await std::move(running);
    co_return end.reason == antiphon::end_reason::closed_here;
  }

  awaitable<void> say_all(antiphon::endpoint& to) {
    const std::string large(20'000, 'l');
    auto first = attempt([&] { return ask(to, 3, "server/add", 1, 2); });
    co_await std::move(first);
    auto second = attempt([&] { return ask_by_member(to); });
    co_await std::move(second);
    auto third = attempt([&] { return ask_in_vain(to, as_asked, {}, "server/fail"); });
    co_await std::move(third);
    auto fourth = attempt([&] { return ask_nobody(to); });
    co_await std::move(fourth);
    auto fifth = attempt([&] { return tell(to, "server/note", "and one comes back"); });
    co_await std::move(fifth);
    auto sixth = attempt([&] { return ask(to, 6, "server/back", 5); });
    co_await std::move(sixth);
    auto seventh = attempt([&] { return ask(to, large, "server/repeat", large); });
    co_await std::move(seventh);
    auto eighth = attempt([&] { return ask_at_once(to); });
    co_await std::move(eighth);
    auto ninth =
        attempt([&] { return ask_and_cancel(to, ask(to, 3, "server/add", 1, 2), "server/nap", 500); });
    co_await std::move(ninth);
    auto tenth = attempt([&] { return take_part(to); });
    co_await std::move(tenth);
    auto last = attempt([&] { return see_it_go(to); });
    co_await std::move(last);
  }

  awaitable<void> ask_by_member(antiphon::peer to) {
    addressed what;
    what.target = "server";
    what.number = 4;
    return ask(std::move(to), 5, "next", what);
  }
  awaitable<void> ask_nobody(antiphon::peer to) {
    addressed what;
    what.target = "nobody";
    return ask_in_vain(std::move(to), told(relay::relay_errc::unknown_target), {}, "next", what);
  }

  /// More than the server may have at the same time.
  awaitable<void> ask_at_once(antiphon::peer to) {
    for (int n = 1; n <= 4; ++n) {
      auto asking = beside(ask(to, n, "server/nap", n));
      co_await std::move(asking);
    }
    auto noting = beside(tell(to, "server/note", "in the queue"));
    co_await std::move(noting);
    auto last = ask(to, 20, "server/nap", 20);
    co_await std::move(last);
  }

  awaitable<void> take_part(antiphon::peer to) {
    subscription news;
    news.topic = "news";
    publication item;
    item.topic = "news";
    item.payload = "of the day";
    std::optional<bool> subscribed;
    auto subscribing = attempt([&] { return ask_into(subscribed, to, "topics/subscribe", news); });
    co_await std::move(subscribing);
    if (!subscribed) co_return;
    int lost = 0;
    for (int i = 0; i < 4; ++i) {
      std::optional<int> reached;
      auto publishing = attempt([&] { return ask_into(reached, to, "topics/publish", item); });
      co_await std::move(publishing);
      if (reached == 0) lost = most_failures;
      if (reached) ++lost;
    }
    auto telling = attempt([&] { return tell(to, "topics/publish", item); });
    co_await std::move(telling);
    std::optional<bool> left;
    auto leaving = attempt([&] { return ask_into(left, to, "topics/unsubscribe", news); });
    co_await std::move(leaving);
    // What fails costs one event, or the connection, which would have ended by now.
    if (left && lost - events_ > most_failures) ++in().answers_wrong;
  }

  /// The server goes away while it has a call to answer.
  awaitable<void> see_it_go(antiphon::peer to) {
    const antiphon::error_code down = told(relay::relay_errc::target_down);
    auto open = beside(ask_in_vain(to, down, {}, "server/nap", 1000));
    co_await std::move(open);
    auto going = attempt([&] { return tell(to, "server/exit"); });
    co_await std::move(going);
    auto late = ask_in_vain(to, down, {}, "server/add", 1, 2);
    co_await std::move(late);
  }

  static constexpr int most_failures = 2;

  middle middle_;
  int events_ = 0;
};

const char* play() {
  std::optional<relayed> all;
  return test::play(9, [&all](asio::io_context& context, test::books& in) {
    all.emplace(context, in);
    all->begin(context);
  });
}

}  // namespace

TEST_CASE("what is said through a relay without failures is whole") {
  const char* const wrong = play();
  CHECK_MESSAGE(wrong == nullptr, std::string(wrong == nullptr ? "" : wrong));
}

TEST_CASE("any one request for memory may fail while a client and a server talk through a relay") {
  const test::outcome all = test::with_each_failure("relay", 0, play);
  MESSAGE(all.runs, " runs, ", all.bad, " bad");
  CHECK_MESSAGE(all.bad == 0, all.report);
  CHECK(all.runs > 100);
}

TEST_CASE("any two requests for memory may fail, not far from each other, while they talk through a relay") {
  for (const std::size_t gap : {4u, 20u}) {
    const test::outcome all = test::with_each_failure("relay, twice", gap, play);
    MESSAGE(all.runs, " runs, ", all.bad, " bad");
    CHECK_MESSAGE(all.bad == 0, all.report);
  }
}
