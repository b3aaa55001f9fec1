#include "tests/support/session.hpp"

#include <antiphon/delivery.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using antiphon::deliverer;
using antiphon::delivery_mode;
using antiphon::delivery_options;
using antiphon::delivery_state;
using support::awaitable;

namespace {

using namespace std::chrono_literals;

struct work_order {
  std::string item;
  int count = 0;
};
BOOST_DESCRIBE_STRUCT(work_order, (), (item, count))

/// A receiver of deliveries that writes down what reaches its handlers.
struct workshop {
  std::vector<std::string> seen;

  antiphon::router routes() {
    antiphon::router all;
    antiphon::on_delivery(all, "make", antiphon::must_be<work_order>(),
                          [this](antiphon::call_context&, const antiphon::raw_json& payload) {
                            seen.emplace_back(payload.text());
                            return payload.decode<work_order>().count * 2;
                          });
    antiphon::on_delivery(all, "break", antiphon::anything(),
                          [this](antiphon::call_context&, const antiphon::raw_json&) {
                            seen.emplace_back("break");
                            throw antiphon::rpc_error(7, "broken");
                          });
    antiphon::on_delivery(all, "hang", antiphon::anything(), hang);
    return all;
  }
  static awaitable<void> hang(antiphon::call_context&, const antiphon::raw_json&) {
    boost::asio::steady_timer never(co_await boost::asio::this_coro::executor);
    never.expires_at(boost::asio::steady_timer::time_point::max());
    auto waiting = never.async_wait(boost::asio::use_awaitable);
    co_await std::move(waiting);
  }
};

std::string envelope(const std::string& method, const std::string& delivery, const std::string& payload,
                     int id = 1) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method +
         R"(","params":{"delivery":)" + delivery + R"(,"payload":)" + payload + "}}";
}

/// What each mode makes of one delivery, from a sender to a workshop.
template <class Script>
void between(workshop& receiver, Script script) {
  antiphon::router routes;
  deliverer out(routes);
  support::couple both(std::move(routes), receiver.routes());
  both.play([&](support::couple& c) -> awaitable<void> { return script(*c.left, out); });
}

}  // namespace

TEST_CASE("a delivery that is confirmed is accepted before its handler runs") {
  workshop receiver;
  antiphon::router routes;
  bool answered = false;
  antiphon::on_delivery(routes, "slow", antiphon::anything(),
                        [&](antiphon::call_context& call, const antiphon::raw_json&) -> awaitable<int> {
                          auto asking = call.call<bool>("may I?");
                          answered = co_await std::move(asking);
                          co_return 5;
                        });
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    auto asking = s.peer.ask(envelope("slow", R"({"mode":"confirmed"})", "null"));
    const auto receipt = co_await std::move(asking);
    CHECK(boost::json::serialize(receipt) == R"({"jsonrpc":"2.0","id":1,"result":null})");
    CHECK_FALSE(answered);
    auto hearing = s.peer.hear_json();
    const auto question = co_await std::move(hearing);
    CHECK(question.at("method") == "may I?");
    auto saying = s.peer.say(R"({"jsonrpc":"2.0","id":1,"result":true})");
    co_await std::move(saying);
  });
  CHECK(answered);
}

TEST_CASE("the receipt of a delivery comes as a notification before its response") {
  workshop receiver;
  support::session session(receiver.routes());
  session.play([&](support::session& s) -> awaitable<void> {
    auto asking = s.peer.ask(
        envelope("make", R"({"mode":"with_receipt_and_response","id":17})", R"({"item":"x","count":4})"));
    const auto receipt = co_await std::move(asking);
    CHECK(boost::json::serialize(receipt) ==
          R"({"jsonrpc":"2.0","method":"delivery/accepted","params":{"id":17}})");
    auto hearing = s.peer.hear_json();
    const auto response = co_await std::move(hearing);
    CHECK(boost::json::serialize(response) == R"({"jsonrpc":"2.0","id":1,"result":8})");
  });
  CHECK(receiver.seen == std::vector<std::string>{R"({"item":"x","count":4})"});
}

TEST_CASE("what breaks the contract is refused with its path, and no handler sees it") {
  workshop receiver;
  for (const std::string mode : {"confirmed", "with_response", "with_receipt_and_response"}) {
    const auto answer = support::answer_to(
        receiver.routes(),
        envelope("make", R"({"id":1,"mode":")" + mode + "\"}", R"({"item":"x","count":"y"})"));
    CHECK(support::error_code_of(answer) == -32602);
    CHECK(answer.at("error").at("data").at("accepted") == false);
    CHECK(answer.at("error").at("data").at("path") == "/count");
  }
  CHECK(receiver.seen.empty());
}

TEST_CASE("an envelope that is none is refused") {
  workshop receiver;
  const auto code = [&](const std::string& delivery) {
    return support::error_code_of(support::answer_to(receiver.routes(), envelope("break", delivery, "null")));
  };
  CHECK(code(R"({"mode":"by pigeon"})") == -32602);
  CHECK(code(R"({"mode":"with_receipt_and_response"})") == -32602);
  CHECK(code("5") == -32602);
  CHECK(support::error_code_of(support::answer_to(
            receiver.routes(), R"({"jsonrpc":"2.0","id":1,"method":"make","params":{}})")) == -32602);
  CHECK(receiver.seen.empty());
}

TEST_CASE("without metadata, a request wants a response and a notification nothing") {
  workshop receiver;
  support::session session(receiver.routes());
  session.play([&](support::session& s) -> awaitable<void> {
    auto saying =
        s.peer.say(R"({"jsonrpc":"2.0","method":"make","params":{"payload":{"item":"n","count":1}}})");
    co_await std::move(saying);
    auto asking =
        s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"make","params":{"payload":{"item":"r","count":2}}})");
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("result") == 4);
  });
  CHECK(receiver.seen.size() == 2);
}

TEST_CASE("each mode tells its sender what it promises") {
  workshop receiver;
  between(receiver, [](antiphon::endpoint& to, deliverer& out) -> awaitable<void> {
    const work_order one{"a", 3};
    auto sending = out.deliver(to, delivery_options(delivery_mode::fire_and_forget), "make", one);
    const auto sent = co_await std::move(sending);
    CHECK(sent.state == delivery_state::sent);
    CHECK_FALSE(sent.response);

    sending = out.deliver(to, delivery_options(delivery_mode::confirmed), "make", one);
    const auto confirmed = co_await std::move(sending);
    CHECK(confirmed.state == delivery_state::accepted);
    CHECK_FALSE(confirmed.response);

    auto calling = out.deliver<int>(to, delivery_options(delivery_mode::with_response), "make", one);
    const auto answered = co_await std::move(calling);
    CHECK(answered.state == delivery_state::answered);
    CHECK(answered.response == 6);

    int receipts = 0;
    delivery_options both(delivery_mode::with_receipt_and_response);
    both.accept_within = 10s;
    both.on_accepted = [&receipts] { ++receipts; };
    calling = out.deliver<int>(to, both, "make", one);
    const auto told = co_await std::move(calling);
    CHECK(told.response == 6);
    CHECK(receipts == 1);
  });
  CHECK(receiver.seen.size() == 4);
}

TEST_CASE("refused and failed are told apart") {
  workshop receiver;
  between(receiver, [](antiphon::endpoint& to, deliverer& out) -> awaitable<void> {
    const work_order one{"a", 3};
    for (const auto mode :
         {delivery_mode::confirmed, delivery_mode::with_response, delivery_mode::with_receipt_and_response}) {
      auto sending = out.deliver(to, delivery_options(mode), "make", std::string("no order"));
      const auto refused = co_await std::move(sending);
      CHECK(refused.state == delivery_state::refused);
      sending = out.deliver(to, delivery_options(mode), "unknown", one);
      const auto unknown = co_await std::move(sending);
      CHECK(unknown.state == delivery_state::refused);
      sending = out.deliver(to, delivery_options(mode), "break", one);
      const auto broken = co_await std::move(sending);
      CHECK(broken.state ==
            (mode == delivery_mode::confirmed ? delivery_state::accepted : delivery_state::failed));
    }
    auto calling = out.deliver<std::string>(to, delivery_options(), "make", one);
    const auto unexpected = co_await std::move(calling);
    CHECK(unexpected.state == delivery_state::failed);
    CHECK(unexpected.failure->message.starts_with("unexpected response"));
  });
}

TEST_CASE("a delivery without a receipt in time is lost, and its peer is told") {
  antiphon::router routes;
  deliverer out(routes);
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    for (const auto mode : {delivery_mode::confirmed, delivery_mode::with_receipt_and_response}) {
      delivery_options how(mode);
      how.accept_within = 20ms;
      auto sending = out.deliver(*s.endpoint, how, "make", 1);
      const auto result = co_await std::move(sending);
      CHECK(result.state == delivery_state::lost);
      CHECK(result.failure->code == antiphon::errc::timed_out);
      auto hearing = s.peer.hear_json();
      const auto request = co_await std::move(hearing);
      CHECK(request.at("params").at("payload") == 1);
      hearing = s.peer.hear_json();
      const auto cancel = co_await std::move(hearing);
      CHECK(cancel.at("method") == "$/cancelRequest");
      CHECK(cancel.at("params").at("id") == request.at("id"));
    }
  });
}

TEST_CASE("once there is a receipt, only the time for the response counts") {
  workshop receiver;
  between(receiver, [](antiphon::endpoint& to, deliverer& out) -> awaitable<void> {
    delivery_options how(delivery_mode::with_receipt_and_response);
    bool accepted = false;
    how.accept_within = 50ms;
    how.answer_within = 200ms;
    how.on_accepted = [&accepted] { accepted = true; };
    const auto began = std::chrono::steady_clock::now();
    auto sending = out.deliver(to, how, "hang", 1);
    const auto result = co_await std::move(sending);
    CHECK(accepted);
    CHECK(result.state == delivery_state::lost);
    CHECK(result.failure->code == antiphon::errc::timed_out);
    CHECK(std::chrono::steady_clock::now() - began >= 190ms);
  });
}

TEST_CASE("a delivery whose sender gives up is lost by that, and its peer is told") {
  antiphon::router routes;
  deliverer out(routes);
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    for (const auto mode :
         {delivery_mode::confirmed, delivery_mode::with_response, delivery_mode::with_receipt_and_response}) {
      antiphon::delivery_result<> result;
      bool ended = false;
      const auto deliver = [&]() -> awaitable<void> {
        delivery_options how(mode);
        how.accept_within = 20s;
        auto sending = out.deliver(*s.endpoint, how, "make", 1);
        result = co_await std::move(sending);
        ended = true;
      };
      boost::asio::cancellation_signal stop;
      boost::asio::co_spawn(*s.context, deliver(),
                            boost::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
      auto hearing = s.peer.hear_json();
      const auto request = co_await std::move(hearing);
      stop.emit(boost::asio::cancellation_type::terminal);
      hearing = s.peer.hear_json();
      const auto cancel = co_await std::move(hearing);
      CHECK(cancel.at("method") == "$/cancelRequest");
      CHECK(cancel.at("params").at("id") == request.at("id"));
      REQUIRE(ended);
      CHECK(result.state == delivery_state::lost);
      CHECK(result.failure->code == antiphon::errc::cancelled);
    }
  });
}

TEST_CASE("receipts that nobody waits for are nothing") {
  antiphon::router routes;
  deliverer out(routes);
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    {
      const auto never_awaited =
          out.deliver(*s.endpoint, delivery_options(delivery_mode::with_receipt_and_response), "m", 1);
    }
    for (const std::string id : {"1", "99", "\"x\"", "-1"}) {
      auto saying =
          s.peer.say(R"({"jsonrpc":"2.0","method":"delivery/accepted","params":{"id":)" + id + "}}");
      co_await std::move(saying);
    }
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"x"})");
    const auto answer = co_await std::move(asking);
    CHECK(support::error_code_of(answer) == -32601);
  });
}

TEST_CASE("several connections come together in one queue, whose bound holds each of them up") {
  boost::asio::io_context context(1);
  antiphon::merged_deliveries all(context.get_executor(), 4);
  std::vector<support::wire> peers;
  std::vector<antiphon::endpoint> endpoints;
  std::exception_ptr failure;
  constexpr int connections = 3;
  constexpr int each = 50;
  for (int which = 0; which < connections; ++which) {
    auto ends = antiphon::make_memory_pipe(context.get_executor());
    antiphon::router routes;
    all.feed(routes, "event", antiphon::must_be<std::string>());
    peers.emplace_back(std::move(ends.first));
    endpoints.emplace_back(std::move(ends.second), std::move(routes), support::in_lines());
  }
  const auto serve = [&](int which) -> awaitable<void> {
    auto running = endpoints[static_cast<std::size_t>(which)].run();
    co_await std::move(running);
  };
  const auto speak = [&](int which) -> awaitable<void> {
    support::wire& peer = peers[static_cast<std::size_t>(which)];
    std::string text;
    for (int i = 0; i < each; ++i) {
      text += R"({"jsonrpc":"2.0","method":"event","params":{"payload":")" + std::to_string(which) + ":" +
              std::to_string(i) + "\"}}\n";
    }
    text += envelope("event", R"({"mode":"confirmed"})", "5", 1) + "\n";
    text += envelope("event", R"({"mode":"confirmed"})", "\"last\"", 2);
    auto saying = peer.say(text);
    co_await std::move(saying);
    auto hearing = peer.hear_json();
    const auto refused = co_await std::move(hearing);
    CHECK(support::error_code_of(refused) == -32602);
    hearing = peer.hear_json();
    const auto confirmed = co_await std::move(hearing);
    CHECK(confirmed.at("result").is_null());
    CHECK(confirmed.at("id") == 2);
    peer.hang_up();
  };
  std::vector<int> next(connections);
  int last = 0;
  const auto dispatch = [&]() -> awaitable<void> {
    while (last < connections) {
      auto waiting = all.next();
      const auto message = co_await std::move(waiting);
      REQUIRE(message);
      CHECK(message->method == "event");
      const auto text = message->payload.decode<std::string>();
      if (text == "last") {
        ++last;
        continue;
      }
      const int which = text[0] - '0';
      CHECK(text.substr(2) == std::to_string(next[static_cast<std::size_t>(which)]++));
    }
    all.close();
    auto waiting = all.next();
    const auto nothing = co_await std::move(waiting);
    CHECK_FALSE(nothing);
  };
  for (int which = 0; which < connections; ++which) {
    support::start(context, serve(which), failure);
    support::start(context, speak(which), failure);
  }
  support::start(context, dispatch(), failure);
  support::drain(context);
  if (failure) std::rethrow_exception(failure);
  CHECK(next == std::vector<int>(connections, each));
  CHECK(all.waited() > 0);
}

namespace {

/// One message is confirmed, and another waits for room.
awaitable<void> fill_queue_of_one(support::wire& peer) {
  auto asking = peer.ask(envelope("event", R"({"mode":"confirmed"})", "1", 1));
  const auto first = co_await std::move(asking);
  CHECK(first.at("result").is_null());
  auto saying = peer.say(envelope("event", R"({"mode":"confirmed"})", "2", 2));
  co_await std::move(saying);
}

}  // namespace

TEST_CASE("a queue that is closed refuses what waits for room, and still gives out what it has confirmed") {
  boost::asio::io_context elsewhere(1);
  antiphon::merged_deliveries all(elsewhere.get_executor(), 1);
  antiphon::router routes;
  all.feed(routes, "event");
  routes.on_request(
      "close", [&all] { all.close(); }, {}, antiphon::route_options(antiphon::order::immediate));
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    auto filling = fill_queue_of_one(s.peer);
    co_await std::move(filling);
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":3,"method":"close"})");
    const auto one = co_await std::move(asking);
    auto hearing = s.peer.hear_json();
    const auto other = co_await std::move(hearing);
    const auto& refused = one.at("id") == 2 ? one : other;
    CHECK(refused.at("id") == 2);
    CHECK(support::error_code_of(refused) == -32000);
    asking = s.peer.ask(envelope("event", R"({"mode":"confirmed"})", "4", 4));
    const auto late = co_await std::move(asking);
    CHECK(support::error_code_of(late) == -32000);
  });
  std::vector<std::string> left;
  const auto drain_queue = [&]() -> awaitable<void> {
    for (;;) {
      auto waiting = all.next();
      const auto message = co_await std::move(waiting);
      if (!message) co_return;
      left.emplace_back(message->payload.text());
    }
  };
  support::run_on(elsewhere, drain_queue());
  CHECK(left == std::vector<std::string>{"1"});
}

TEST_CASE("a message that is cancelled while it waits for room is cancelled, not refused") {
  boost::asio::io_context elsewhere(1);
  antiphon::merged_deliveries all(elsewhere.get_executor(), 1);
  antiphon::router routes;
  all.feed(routes, "event");
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    auto filling = fill_queue_of_one(s.peer);
    co_await std::move(filling);
    auto asking = s.peer.ask(support::cancellation(2));
    const auto cancelled = co_await std::move(asking);
    CHECK(cancelled.at("id") == 2);
    CHECK(support::error_code_of(cancelled) == -32800);
  });
  CHECK(all.waited() == 1);
}

TEST_CASE("a queue that is closed from another thread leaves nobody waiting") {
  for (int round = 0; round < 3000; ++round) {
    boost::asio::io_context context(1);
    antiphon::merged_deliveries all(context.get_executor(), 1);
    std::atomic<int> ready = 0;
    const auto meet = [&ready] {
      ++ready;
      while (ready.load() < 2) std::this_thread::yield();
    };
    const auto take = [&]() -> awaitable<void> {
      meet();
      auto waiting = all.next();
      const auto nothing = co_await std::move(waiting);
      CHECK_FALSE(nothing);
    };
    std::thread closer([&] {
      meet();
      // A little later each time, so that it falls into each step of the other.
      for (std::atomic<int> spin = 0; spin < round % 300; ++spin) {
      }
      all.close();
    });
    support::run_on(context, take());
    closer.join();
  }
}
