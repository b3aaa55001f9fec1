#include "tests/support/session.hpp"

#include <antiphon/delivery.hpp>
#include <antiphon/discovery.hpp>
#include <antiphon/middleware/sampling.hpp>

#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

using support::awaitable;
using support::request;

namespace {

enum class colour { red, green };
BOOST_DESCRIBE_ENUM(colour, red, green)

struct node {
  std::string name;
  std::optional<int> weight;
  std::vector<node> children;
};
BOOST_DESCRIBE_STRUCT(node, (), (name, weight, children))

boost::json::value method_of(const boost::json::value& document, std::string_view name) {
  for (const auto& method : document.at("methods").as_array()) {
    if (method.at("name").as_string() == name) return method;
  }
  return nullptr;
}
boost::json::value discovered(antiphon::router& routes) {
  return support::json(antiphon::openrpc_document(routes));
}
std::string text(const boost::json::value& value) { return boost::json::serialize(value); }

}  // namespace

TEST_CASE("rpc.discover is an OpenRPC document of the routes") {
  antiphon::router routes;
  routes.on_request("subtract", [](int a, double b) { return a - b; }, {"minuend", "subtrahend"});
  routes.on_notification("log", [](std::string_view) {});
  antiphon::service_description about("calculator", "2.1");
  about.summaries["subtract"] = "Takes one from the other";
  antiphon::offer_discovery(routes, about);
  const auto answer = support::answer_to(std::move(routes), request(1, "rpc.discover"));
  CHECK(text(answer.at("result")) ==
        R"({"openrpc":"1.3.2","info":{"title":"calculator","version":"2.1"},"methods":[)"
        R"({"name":"subtract","summary":"Takes one from the other","params":[)"
        R"({"name":"minuend","required":true,"schema":{"type":"integer"}},)"
        R"({"name":"subtrahend","required":true,"schema":{"type":"number"}}],"paramStructure":"either",)"
        R"("result":{"name":"result","schema":{"type":"number"}}},)"
        R"({"name":"log","params":[{"name":"arg0","required":true,"schema":{"type":"string"}}],)"
        R"("paramStructure":"by-position"}]})");
}

TEST_CASE("without offering it there is no rpc.discover and no rpc.health") {
  CHECK(support::error_code_of(support::answer_to(antiphon::router(), request(1, "rpc.discover"))) == -32601);
  CHECK(support::error_code_of(support::answer_to(antiphon::router(), request(1, "rpc.health"))) == -32601);
}

TEST_CASE("schemas come from the types, also of one that contains itself") {
  antiphon::router routes;
  routes.on_request("tree", [](node) -> awaitable<std::optional<node>> { co_return std::nullopt; });
  routes.on_request("many",
                    [](std::map<std::string, bool>, std::vector<colour>, std::variant<int, std::string>,
                       std::optional<std::string>, antiphon::raw_json) {});
  routes.on_request("raw", [](antiphon::raw_json) {});
  routes.on_any_request([](antiphon::call_context&) {});
  const auto document = discovered(routes);

  CHECK(document.at("methods").as_array().size() == 3);
  const auto tree = method_of(document, "tree");
  CHECK(tree.at("paramStructure") == "either");
  CHECK(
      text(tree.at("params")) ==
      R"([{"name":"name","required":true,"schema":{"type":"string"}},)"
      R"({"name":"weight","schema":{"anyOf":[{"type":"integer"},{"type":"null"}]}},)"
      R"({"name":"children","required":true,"schema":{"type":"array","items":{"type":"object","properties":{)"
      R"("name":{"type":"string"},"weight":{"anyOf":[{"type":"integer"},{"type":"null"}]},)"
      R"("children":{"type":"object"}},"required":["name","children"]}}}])");
  CHECK(tree.at("result").at("schema").as_object().contains("anyOf"));

  const auto many = method_of(document, "many");
  std::vector<std::string> schemas;
  for (const auto& param : many.at("params").as_array()) schemas.push_back(text(param.at("schema")));
  CHECK(schemas ==
        std::vector<std::string>{R"({"type":"object","additionalProperties":{"type":"boolean"}})",
                                 R"({"type":"array","items":{"type":"string","enum":["red","green"]}})",
                                 R"({"anyOf":[{"type":"integer"},{"type":"string"}]})",
                                 R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "{}"});
  CHECK(text(many.at("result").at("schema")) == R"({"type":"null"})");
  CHECK(method_of(document, "raw").at("params").as_array().empty());
}

TEST_CASE("deliveries are listed with their envelope") {
  antiphon::router routes;
  antiphon::on_delivery(routes, "make", antiphon::anything(),
                        [](antiphon::call_context&, const antiphon::raw_json&) { return 1; });
  const auto make = method_of(discovered(routes), "make");
  CHECK(make.at("x-notification") == true);
  CHECK(make.at("params").at(0).at("name") == "delivery");
  CHECK(make.at("params").at(1).at("name") == "payload");
  CHECK(text(make.at("result").at("schema")) == R"({"type":"integer"})");
}

TEST_CASE("rpc.health tells the counts of its connection, also while everything else waits") {
  antiphon::router routes;
  std::string status = "warming up";
  antiphon::offer_health(routes, [&status] { return status; });
  routes.on_request("wait", [](antiphon::call_context& call) -> awaitable<int> {
    auto asking = call.call<int>("go");
    co_return co_await std::move(asking);
  });
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    auto asking = s.peer.ask(request(1, "wait"));
    const auto question = co_await std::move(asking);
    asking = s.peer.ask(request(2, "rpc.health"));
    const auto answer = co_await std::move(asking);
    const auto& health = answer.at("result");
    CHECK(health.at("status") == "warming up");
    CHECK(health.at("requests") == 2);
    CHECK(health.at("errors") == 0);
    CHECK(health.at("uptime_ms").is_int64());
    auto saying = s.peer.say(R"({"jsonrpc":"2.0","id":1,"result":3})");
    co_await std::move(saying);
  });
}

TEST_CASE("rpc.health tells what runs and what waits") {
  antiphon::router routes;
  antiphon::offer_health(routes);
  routes.on_request("hold", []() -> awaitable<void> {
    auto pausing = support::pause_for(std::chrono::hours(1));
    co_await std::move(pausing);
  });
  antiphon::endpoint_options options;
  options.max_in_flight = 1;
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    auto saying = s.peer.say(request(1, "hold") + "\n" + request(2, "hold"));
    co_await std::move(saying);
    auto asking = s.peer.ask(request(3, "rpc.health"));
    const auto answer = co_await std::move(asking);
    const auto& health = answer.at("result");
    CHECK(health.at("status") == "ok");
    CHECK(health.at("in_flight") == 1);
    CHECK(health.at("queued") == 1);
    for (const int id : {2, 1}) {
      asking = s.peer.ask(support::cancellation(id));
      const auto cancelled = co_await std::move(asking);
      CHECK(cancelled.at("id") == id);
    }
  });
}

TEST_CASE("sampling measures one message in so many, with its size") {
  std::vector<std::size_t> sizes;
  antiphon::router routes;
  routes.on_request("echo", [](std::string what) { return what; });
  antiphon::endpoint_options options;
  options.middleware.push_back(antiphon::sampling::make(10, [&](const antiphon::message_sample& one) {
    CHECK(one.method == "echo");
    CHECK(one.ran.count() >= 0);
    CHECK(one.outcome == antiphon::handler_outcome::answered);
    sizes.push_back(one.params_bytes);
  }));
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    for (int i = 0; i < 2000; ++i) {
      auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"echo","params":["1234"]})");
      const auto answer = co_await std::move(asking);
    }
  });
  CHECK(sizes.size() > 120);
  CHECK(sizes.size() < 320);
  for (const std::size_t size : sizes) CHECK(size == 8);
}
