#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/relay/topics.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using antiphon::raw_json;
using antiphon::relay::slow_subscriber;
using antiphon::relay::topic_limits;
using antiphon::relay::topic_message;
using antiphon::relay::topics;
namespace asio = boost::asio;
using support::awaitable;

namespace {

using texts = std::vector<std::string>;

/// A subscriber that takes a message only when it is let.
struct reader {
  explicit reader(asio::io_context& context) : gate(context, asio::steady_timer::time_point::max()) {}

  topics::deliver taking() {
    return [this](std::shared_ptr<const topic_message> one) { return take(std::move(one)); };
  }
  awaitable<void> take(std::shared_ptr<const topic_message> one) {
    if (broken) throw std::runtime_error("gone");
    while (!open) {
      antiphon::error_code ignored;
      co_await gate.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    got.push_back(std::move(one));
  }
  void let() {
    open = true;
    gate.cancel();
  }
  texts heard() const {
    texts all;
    for (const auto& one : got) all.emplace_back(one->payload().text());
    return all;
  }

  asio::steady_timer gate;
  bool open = false;
  bool broken = false;
  std::vector<std::shared_ptr<const topic_message>> got;
};

struct hall {
  explicit hall(topic_limits limits = topic_limits()) : on(context.get_executor(), limits) {}

  /// Runs until nothing can go on. For how many it was queued; -1 while it waits.
  std::shared_ptr<int> publish(std::string topic, const std::string& payload) {
    auto queued = std::make_shared<int>(-1);
    asio::co_spawn(
        context, on.publish(std::move(topic), raw_json(payload).keep()),
        [queued](const std::exception_ptr&, std::size_t count) { *queued = static_cast<int>(count); });
    settle();
    return queued;
  }
  void settle() {
    context.restart();
    context.poll();
  }

  asio::io_context context;
  topics on;
};

/// Two have subscribed to "news": one takes nothing until it is let, the other all.
struct slow_and_quick : hall {
  explicit slow_and_quick(topic_limits limits) : hall(limits) {
    quick.let();
    first.subscribe("news");
    second.subscribe("news");
  }
  reader slow{context};
  reader quick{context};
  antiphon::relay::subscriber first = on.join(slow.taking());
  antiphon::relay::subscriber second = on.join(quick.taking());
};

topic_limits bounded(std::size_t count, slow_subscriber what) {
  topic_limits limits;
  limits.max_queued = count;
  limits.when_full = what;
  return limits;
}

}  // namespace

TEST_CASE("who has subscribed gets what is published, in order, and nobody else") {
  hall one;
  reader first(one.context), second(one.context);
  first.let();
  second.let();
  auto a = one.on.join(first.taking());
  auto b = one.on.join(second.taking());
  CHECK(a.subscribe("news"));
  CHECK_FALSE(a.subscribe("news"));
  CHECK(b.subscribe("news"));
  CHECK(b.subscribe("sport"));
  CHECK(*one.publish("news", "1") == 2);
  CHECK(*one.publish("sport", "2") == 1);
  CHECK(*one.publish("weather", "3") == 0);
  CHECK(*one.publish("news", "4") == 2);
  CHECK(first.heard() == texts{"1", "4"});
  CHECK(second.heard() == texts{"1", "2", "4"});
  CHECK(one.on.stats().topics == 2);
  CHECK(a.unsubscribe("news"));
  CHECK_FALSE(a.unsubscribe("news"));
  CHECK(*one.publish("news", "5") == 1);
  CHECK(one.on.stats().delivered == 6);
  CHECK(one.on.stats().published == 5);
}

TEST_CASE("all subscribers share one payload") {
  hall one;
  reader first(one.context), second(one.context);
  first.let();
  second.let();
  auto a = one.on.join(first.taking());
  auto b = one.on.join(second.taking());
  a.subscribe("news");
  b.subscribe("news");
  one.publish("news", '"' + std::string(100'000, 'x') + '"');
  REQUIRE(first.got.size() == 1);
  REQUIRE(second.got.size() == 1);
  CHECK(first.got[0]->payload().text().data() == second.got[0]->payload().text().data());
}

TEST_CASE("drop_oldest: a slow subscriber loses the oldest, which is counted, and others lose nothing") {
  slow_and_quick one(bounded(3, slow_subscriber::drop_oldest));
  // The first is on its way already.
  for (int i = 0; i < 8; ++i) CHECK(*one.publish("news", std::to_string(i)) == 2);
  CHECK(one.on.stats().dropped == 4);
  CHECK(one.on.stats().queued == 3);
  one.slow.let();
  one.settle();
  CHECK(one.slow.heard() == texts{"0", "5", "6", "7"});
  CHECK(one.quick.got.size() == 8);
  CHECK(one.on.stats().most_queued == 3);
}

TEST_CASE("the bound in bytes holds as well, and a message that is larger than it waits alone") {
  topic_limits limits;
  limits.max_queued_bytes = 10;
  hall one(limits);
  reader slow(one.context);
  auto a = one.on.join(slow.taking());
  a.subscribe("news");
  one.publish("news", "0");
  one.publish("news", "11111");
  one.publish("news", "22222");
  CHECK(one.on.stats().queued_bytes == 10);
  one.publish("news", "33333");
  CHECK(one.on.stats().queued_bytes == 10);
  one.publish("news", "444444444444444");
  CHECK(one.on.stats().queued == 1);
  CHECK(one.on.stats().dropped == 3);
  slow.let();
  one.settle();
  CHECK(slow.heard() == texts{"0", "444444444444444"});
}

TEST_CASE("block: whoever publishes waits for the slow one, and nothing is lost") {
  slow_and_quick one(bounded(2, slow_subscriber::block));
  for (int i = 0; i < 3; ++i) CHECK(*one.publish("news", std::to_string(i)) == 2);
  const auto waiting = one.publish("news", "3");
  CHECK(*waiting == -1);
  CHECK(one.quick.got.size() == 4);  // it doesn't wait for the slow one
  CHECK(one.on.stats().waited == 1);
  one.slow.let();
  one.settle();
  CHECK(*waiting == 2);
  CHECK(one.slow.heard() == texts{"0", "1", "2", "3"});
  CHECK(one.on.stats().dropped == 0);
}

TEST_CASE("block: what is published later doesn't overtake what waits") {
  hall one(bounded(1, slow_subscriber::block));
  reader slow(one.context);
  auto a = one.on.join(slow.taking());
  a.subscribe("news");
  for (int i = 0; i < 4; ++i) one.publish("news", std::to_string(i));
  CHECK(one.on.stats().waited == 2);
  slow.let();
  one.publish("news", "4");
  CHECK(slow.heard() == texts{"0", "1", "2", "3", "4"});
}

TEST_CASE("block: who waits for a subscriber goes on when that leaves") {
  hall one(bounded(1, slow_subscriber::block));
  reader slow(one.context);
  auto a = one.on.join(slow.taking());
  a.subscribe("news");
  one.publish("news", "0");
  one.publish("news", "1");
  const auto waiting = one.publish("news", "2");
  CHECK(*waiting == -1);
  a = antiphon::relay::subscriber();
  one.settle();
  CHECK(*waiting == 0);
  CHECK(one.on.stats().subscribers == 0);
  CHECK(one.on.stats().queued == 0);
  CHECK(one.on.stats().most_queued == 1);
  slow.let();
  one.settle();
}

TEST_CASE("disconnect: a subscriber that is too slow is ended, once, and the others go on") {
  hall one(bounded(2, slow_subscriber::disconnect));
  reader slow(one.context), quick(one.context);
  quick.let();
  int ended = 0;
  auto a = one.on.join(slow.taking(), [&ended] { ++ended; });
  auto b = one.on.join(quick.taking());
  a.subscribe("news");
  b.subscribe("news");
  for (int i = 0; i < 6; ++i) one.publish("news", std::to_string(i));
  CHECK(ended == 1);
  CHECK(one.on.stats().disconnected == 1);
  CHECK(one.on.stats().subscribers == 1);
  CHECK(quick.got.size() == 6);
  CHECK_FALSE(a.subscribe("sport"));
  slow.let();
  one.settle();
}

TEST_CASE("a subscriber that can't be reached any more is out, without harm to the others") {
  hall one;
  reader broken(one.context), quick(one.context);
  broken.broken = true;
  quick.let();
  int ended = 0;
  auto a = one.on.join(broken.taking(), [&ended] { ++ended; });
  auto b = one.on.join(quick.taking());
  a.subscribe("news");
  b.subscribe("news");
  CHECK(*one.publish("news", "0") == 1);
  CHECK(ended == 1);
  CHECK(*one.publish("news", "1") == 1);
  CHECK(quick.got.size() == 2);
  CHECK(one.on.stats().dropped == 1);
}

TEST_CASE("topics may end before their subscribers") {
  asio::io_context context;
  reader slow(context);
  antiphon::relay::subscriber left;
  {
    topics on(context.get_executor());
    left = on.join(slow.taking());
    CHECK(left.subscribe("news"));
  }
  CHECK_FALSE(left.subscribe("news"));
}

TEST_CASE("peers subscribe, publish and hear by methods, and their connection's end is that of all this") {
  std::optional<topics> on;
  antiphon::relay::topic_methods methods;
  methods.event = "heard";
  texts heard;
  {
    support::couple two;
    on.emplace(two.context->get_executor());
    antiphon::router listening, serving;
    listening.on_notification("heard", [&](raw_json what) { heard.emplace_back(what.text()); });
    antiphon::relay::serve_topics(serving, *on, methods);
    auto ends = antiphon::make_memory_pipe(two.context->get_executor());
    two.left.emplace(std::move(ends.first), std::move(listening));
    two.right.emplace(std::move(ends.second), std::move(serving));
    two.play([&](support::couple& both) -> awaitable<void> {
      const auto& to = *both.left;
      const std::map<std::string, std::string> news{{"topic", "news"}};
      auto subscribing = to.call<bool>("topics/subscribe", news);
      const bool fresh = co_await std::move(subscribing);
      CHECK(fresh);
      auto publishing = to.call<int>("topics/publish", raw_json(R"({"topic":"news","payload":{"a": [1]}})"));
      const int reached = co_await std::move(publishing);
      CHECK(reached == 1);
      auto telling = to.notify("topics/publish", raw_json(R"({"topic":"news","payload":2})"));
      co_await std::move(telling);
      auto refusing = to.try_call("topics/publish", raw_json(R"({"payload":2})"));
      const auto refused = co_await std::move(refusing);
      CHECK(refused.error().code == antiphon::rpc_errc::invalid_params);
      CHECK(on->stats().subscribers == 1);
      auto leaving = to.call<bool>("topics/unsubscribe", news);
      const bool was = co_await std::move(leaving);
      CHECK(was);
    });
  }
  CHECK(heard == texts{R"({"topic":"news","payload":{"a": [1]}})", R"({"topic":"news","payload":2})"});
  CHECK(on->stats().subscribers == 0);
}
