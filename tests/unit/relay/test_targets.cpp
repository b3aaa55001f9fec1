#include "tests/unit/relay/hall.hpp"

// Targets that are down, slow or full, and requests that are cancelled.

using support::all_settled;
using support::awaitable;
using support::expect;
using support::hall;
using support::hear;
using support::id_of;
using support::request;
using support::result;
using support::say;
using support::wire;
using target_options = support::relay::target_options;
using state = support::relay::target_state;

namespace {

target_options permits(std::size_t in_flight, std::size_t queued = target_options().max_queued) {
  target_options options;
  options.max_in_flight = in_flight;
  options.max_queued = queued;
  return options;
}
std::string down(std::string id, std::string reason) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"error":{"code":-32010,"message":"target \"s\" is down: )" +
         reason + R"(","data":{"target":"s","reason":")" + reason + "\"}}}";
}

}  // namespace

TEST_CASE("a target that goes down fails its requests at once, and nobody else's") {
  hall h;
  wire& s = h.up("s");
  wire& other = h.up("t");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client, request("1", "s/a"));
    co_await say(client, request("2", "t/a"));
    co_await say(client, request("3", "s/b"));
    co_await hear(s);
    co_await hear(s);
    co_await hear(other);
    h.hub.find("s")->detach("exited with status 1");
    co_await expect(client, down("1", "exited with status 1"));
    co_await expect(client, down("3", "exited with status 1"));
    co_await say(client, request("4", "s/a"));
    co_await expect(client, down("4", "exited with status 1"));
    co_await say(other, result("1", "2"));
    co_await expect(client, result("2", "2"));
    const auto stats = h.hub.find("s")->stats();
    CHECK(stats.failed_down == 3);
    CHECK(stats.in_flight == 0);
    CHECK(h.hub.find("s")->state() == state::down);
    // It comes back over another connection; an answer over the old one is none.
    wire& again = h.attach(*h.hub.find("s"));
    co_await say(client, request("1", "s/c"));
    co_await expect(again, request("1", "c"));
    co_await say(s, result("1", "\"late\""));
    co_await all_settled();
    co_await say(again, result("1", "\"new\""));
    co_await expect(client, result("1", "\"new\""));
    CHECK(h.hub.find("s")->stats().starts == 2);
  });
}

TEST_CASE("a connection that ends fails what was sent over it before anyone detaches it") {
  hall h;
  wire& s = h.up("s");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client, request("1", "s/a"));
    co_await hear(s);
    s.hang_up();
    const std::string answer = co_await hear(client);
    CHECK(answer.find(R"("id":1,"error":{"code":-32010,"message":"target \"s\" is down: )") != answer.npos);
    co_await say(client, request("2", "s/a"));
    co_await expect(client, down("2", "its connection has ended"));
  });
}

TEST_CASE("messages wait for a target that is starting, in their order") {
  hall h;
  support::relay::target& s = h.hub.add("s");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client, request("1", "s/a"));
    co_await expect(client, down("1", "it was not started"));
    s.starting();
    co_await say(client, request("1", "s/a"));
    co_await say(client, R"({"jsonrpc":"2.0","method":"s/n","params":[ 7 ]})");
    co_await say(client, request("2", "s/b"));
    co_await all_settled();
    CHECK(s.stats().queued == 3);
    CHECK(s.stats().queued_bytes > 0);
    wire& server = h.attach(s);
    co_await expect(server, request("1", "a"));
    co_await expect(server, R"({"jsonrpc":"2.0","method":"n","params":[ 7 ]})");
    co_await expect(server, request("2", "b"));
    CHECK(s.stats().queued == 0);
    CHECK(s.stats().queued_bytes == 0);
    // While it is restarted, what it has is lost and what comes waits.
    s.detach("killed", true);
    CHECK(s.state() == state::starting);
    co_await expect(client, down("1", "killed"));
    co_await expect(client, down("2", "killed"));
    co_await say(client, request("3", "s/c"));
    co_await all_settled();
    CHECK(s.stats().queued == 1);
    s.detach("given up");
    co_await expect(client, down("3", "given up"));
    CHECK(s.stats().queued == 0);
  });
}

TEST_CASE("a target that is starting is down for who doesn't want to wait") {
  hall h;
  target_options options;
  options.queue_while_starting = false;
  support::relay::target& s = h.hub.add("s", options);
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    s.starting();
    co_await say(client, request("1", "s/a"));
    co_await expect(client, down("1", "it is starting"));
  });
}

TEST_CASE("no more requests than permits are sent, and beyond the queue they are turned away") {
  hall h;
  wire& s = h.up("s", permits(2, 2));
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    for (int id = 1; id <= 5; ++id) co_await say(client, request(std::to_string(id), "s/a"));
    co_await expect(
        client,
        R"({"jsonrpc":"2.0","id":5,"error":{"code":-32000,"message":"target \"s\" overloaded","data":{"target":"s","limit":2,"in_flight":2,"queued":2}}})");
    co_await say(client, R"({"jsonrpc":"2.0","method":"s/n"})");
    co_await expect(s, request("1", "a"));
    co_await expect(s, request("2", "a"));
    co_await all_settled();
    CHECK(h.hub.find("s")->stats().in_flight == 2);
    CHECK(h.hub.find("s")->stats().queued == 2);
    CHECK(h.hub.find("s")->stats().rejected == 1);
    CHECK(h.hub.find("s")->stats().notifications_dropped == 1);
    co_await say(s, result("2", "2"));
    co_await expect(client, result("2", "2"));
    co_await expect(s, request("3", "a"));
    co_await say(s, result("1", "1"));
    co_await expect(s, request("4", "a"));
    CHECK(h.hub.find("s")->stats().in_flight_peak == 2);
  });
}

TEST_CASE("where overload waits, the client is not read from until there is room, and nothing is lost") {
  hall h;
  target_options options = permits(1, 1);
  options.overload = antiphon::overload::wait;
  wire& s = h.up("s", options);
  wire& client = h.client();
  wire& other = h.client();
  h.play([&]() -> awaitable<void> {
    std::string all;
    for (int id = 1; id <= 50; ++id) all += request(std::to_string(id), "s/a") + "\n";
    all.pop_back();
    co_await say(client, all);
    co_await all_settled();
    // One is sent, one waits, and one more had been read.
    CHECK(h.hub.find("s")->stats().queued == 2);
    // Others are read from.
    co_await say(other, request("1", "none"));
    const std::string told = co_await hear(other);
    CHECK(told.find("-32601") != told.npos);
    for (int id = 1; id <= 50; ++id) {
      const std::string asked = co_await hear(s);
      co_await say(s, result(id_of(asked), std::to_string(id)));
      co_await expect(client, result(std::to_string(id), std::to_string(id)));
    }
    CHECK(h.hub.find("s")->stats().rejected == 0);
    CHECK(h.hub.find("s")->stats().queued_peak == 2);
  });
}

TEST_CASE(
    "a cancellation is passed on under the id over there, and the target's own answer is the only one") {
  hall h;
  wire& s = h.up("s");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client, request("\"x\"", "s/first"));
    co_await hear(s);
    co_await say(client, request("\"y\"", "s/second"));
    co_await hear(s);
    const std::string cancel = R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"y"}})";
    co_await say(client, cancel);
    co_await expect(s, R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":2}})");
    co_await say(client, cancel);
    co_await say(client, R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":99}})");
    co_await say(s, R"({"jsonrpc":"2.0","id":2,"error":{"code":-32800,"message":"over", "data":[]}})");
    co_await expect(client,
                    R"({"jsonrpc":"2.0","id":"y","error":{"code":-32800,"message":"over", "data":[]}})");
    co_await say(s, result("2", "0"));
    co_await say(s, result("1", "1"));
    co_await expect(client, result("\"x\"", "1"));
    CHECK(h.hub.find("s")->stats().cancelled == 1);
  });
}

TEST_CASE("a request that waits for its target is cancelled without it") {
  hall h;
  wire& s = h.up("s", permits(1));
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client, request("1", "s/a"));
    co_await say(client, request("2", "s/b"));
    co_await say(client, request("3", "s/c"));
    co_await say(client, R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":2}})");
    co_await expect(client, R"({"jsonrpc":"2.0","id":2,"error":{"code":-32800,"message":"cancelled"}})");
    co_await expect(s, request("1", "a"));
    co_await say(s, result("1", "1"));
    co_await expect(client, result("1", "1"));
    co_await expect(s, request("2", "c"));
  });
}

TEST_CASE("what a client that goes away has asked for is cancelled, and its place is free again") {
  hall h;
  wire& s = h.up("s", permits(1));
  antiphon::endpoint_options quick;
  quick.drain_timeout = std::chrono::milliseconds(0);
  wire& leaving = h.client(quick);
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(leaving, request("1", "s/a"));
    co_await expect(s, request("1", "a"));
    co_await say(leaving, request("2", "s/b"));
    co_await say(client, request("1", "s/c"));
    leaving.hang_up();
    co_await expect(s, R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}})");
    co_await expect(s, request("2", "c"));
    co_await say(s, result("1", "0"));
    co_await say(s, result("2", "2"));
    co_await expect(client, result("1", "2"));
  });
  CHECK(h.hub.find("s")->stats().abandoned >= 1);
}

TEST_CASE("a target is drained of what it has, while what comes waits") {
  hall h;
  wire& s = h.up("s");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    support::relay::target& target = *h.hub.find("s");
    co_await say(client, request("1", "s/a"));
    co_await hear(s);
    auto hurried = target.drain(std::chrono::milliseconds(1));
    const bool in_time = co_await std::move(hurried);
    CHECK(!in_time);
    co_await say(client, request("2", "s/b"));
    co_await all_settled();
    CHECK(target.stats().queued == 1);
    co_await say(s, result("1", "1"));
    auto draining = target.drain(std::chrono::seconds(20));
    const bool empty = co_await std::move(draining);
    CHECK(empty);
    co_await expect(client, result("1", "1"));
    CHECK(target.stats().queued == 1);
    target.resume();
    co_await expect(s, request("2", "b"));
  });
}

TEST_CASE("a target that is removed fails what it has; the name is free again") {
  hall h;
  wire& s = h.up("s");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client, request("1", "s/a"));
    co_await hear(s);
    CHECK_THROWS_AS(h.hub.add("s"), std::invalid_argument);
    h.hub.remove("s");
    co_await expect(client, down("1", "it was removed"));
    CHECK(h.hub.find("s") == nullptr);
    wire& again = h.up("s");
    co_await say(client, request("1", "s/a"));
    co_await expect(again, request("1", "a"));
  });
}

TEST_CASE("a large payload is passed on from where it was received, in both directions") {
  hall h;
  antiphon::endpoint_options options;
  wire& s = h.up("s");
  wire& client = h.client(options);
  h.play([&]() -> awaitable<void> {
    const std::string large = "[\"" + std::string(1 << 20, 'x') + "\"]";
    auto asking = say(client, R"({"jsonrpc":"2.0","id":1,"method":"s/echo","params":)" + large + "}");
    std::exception_ptr failure;
    support::start(*h.context, std::move(asking), failure);
    co_await expect(s, R"({"jsonrpc":"2.0","id":1,"method":"echo","params":)" + large + "}");
    auto answering = say(s, result("1", large));
    support::start(*h.context, std::move(answering), failure);
    co_await expect(client, result("1", large));
    CHECK(failure == nullptr);
  });
}

TEST_CASE("a connection that takes the place of one that isn't read from gets what waited") {
  hall h;
  support::relay::target& s = h.hub.add("s");
  antiphon::endpoint_options narrow;
  narrow.max_outgoing_bytes = 1000;
  h.attach(s, narrow);
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    const std::string large(100'000, 'x');
    for (int i = 0; i < 40; ++i)
      co_await say(client, R"({"jsonrpc":"2.0","method":"s/n","params":[")" + large + "\"]}");
    co_await all_settled();
    const std::size_t waited = s.stats().queued;
    REQUIRE(waited > 20);
    wire& next = h.attach(s, narrow);
    co_await all_settled();
    REQUIRE(s.stats().queued > 0);
    for (std::size_t i = 0; i < waited; ++i) {
      const std::string heard = co_await hear(next);
      CHECK(heard.size() > large.size());
    }
    CHECK(s.stats().queued == 0);
  });
}

TEST_CASE("the bytes of what waits count its id too") {
  hall h;
  target_options options;
  options.max_queued_bytes = 50'000;
  support::relay::target& s = h.hub.add("s", options);
  s.starting();
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    const std::string large(20'000, 'x');
    for (int i = 0; i < 3; ++i) co_await say(client, request('"' + large + std::to_string(i) + '"', "s/a"));
    co_await all_settled();
    CHECK(s.stats().queued_bytes > 60'000);
    co_await say(client, request("1", "s/a"));
    const std::string refused = co_await hear(client);
    CHECK(refused.find("-32000") != refused.npos);
  });
}
