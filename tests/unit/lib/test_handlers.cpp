#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Which shapes a handler may have, and what reaches it.

namespace asio = boost::asio;
using antiphon::call_context;
using antiphon::raw_json;
using antiphon::router;

namespace {

struct point {
  int x = 0;
  int y = 0;
  std::optional<std::string> label;
};
BOOST_DESCRIBE_STRUCT(point, (), (x, y, label))

std::string describe(const point& p) {
  return std::to_string(p.x) + "," + std::to_string(p.y) + "," + p.label.value_or("-");
}

int free_function(int a, int b) { return a * b; }

struct functor {
  int operator()(int a) const noexcept { return -a; }
};

/// The result of the method "m" with these parameters, or the message of the error, as text.
std::string call(router routes, const std::string& params) {
  const std::string tail = params.empty() ? "" : R"(,"params":)" + params;
  const auto answer =
      support::answer_to(std::move(routes), R"({"jsonrpc":"2.0","id":1,"method":"m")" + tail + "}");
  if (answer.as_object().contains("error")) return "error: " + support::error_message(answer);
  return boost::json::serialize(answer.at("result"));
}

template <class Handler>
std::string call_with(Handler handler, const std::string& params, antiphon::parameter_names names = {}) {
  router routes;
  routes.on_request("m", std::move(handler), names);
  return call(std::move(routes), params);
}

}  // namespace

TEST_CASE("a lone described struct is filled by name and by position") {
  const auto handler = [](point p) { return describe(p); };
  CHECK(call_with(handler, R"({"y":2,"x":1})") == R"("1,2,-")");
  CHECK(call_with(handler, R"({"y":2,"x":1,"label":"a","unknown":[{}]})") == R"("1,2,a")");
  CHECK(call_with(handler, "[1,2]") == R"("1,2,-")");
  CHECK(call_with(handler, R"([1,2,"b"])") == R"("1,2,b")");
  CHECK(call_with(handler, R"({"x":1,"x":7,"y":2})") == R"("7,2,-")");
  CHECK(call_with([](const point& p) { return p; }, "[3,4,null]") == R"({"x":3,"y":4})");
}

TEST_CASE("separate arguments are taken by position, and by name where names are given") {
  const auto subtract = [](int minuend, int subtrahend) { return minuend - subtrahend; };
  CHECK(call_with(subtract, "[42,23]") == "19");
  CHECK(call_with(subtract, "[42,23]", {"minuend", "subtrahend"}) == "19");
  CHECK(call_with(subtract, R"({"subtrahend":23,"minuend":42})", {"minuend", "subtrahend"}) == "19");
  CHECK(call_with(subtract, R"({"subtrahend":23,"minuend":42,"other":null})", {"minuend", "subtrahend"}) ==
        "19");
  CHECK(call_with(subtract, R"({"minuend":42,"minuend":2,"subtrahend":1})", {"minuend", "subtrahend"}) ==
        "1");
  CHECK(call_with(free_function, "[6,7]") == "42");
  CHECK(call_with(functor(), "[5]") == "-5");
  CHECK(call_with([](point p, int scale) { return describe(p) + std::to_string(scale); },
                  R"([{"x":1,"y":2},3])") == R"("1,2,-3")");
}

TEST_CASE("optional arguments may be null or missing") {
  const auto handler = [](int a, std::optional<int> b) { return b ? a + *b : a; };
  CHECK(call_with(handler, "[1]") == "1");
  CHECK(call_with(handler, "[1,null]") == "1");
  CHECK(call_with(handler, "[1,2]") == "3");
  CHECK(call_with(handler, R"({"a":1})", {"a", "b"}) == "1");
  CHECK(call_with(handler, R"({"b":5,"a":1})", {"a", "b"}) == "6");
  const auto all_optional = [](std::optional<int> a) { return a.value_or(-1); };
  for (const char* nothing : {"", "[]", "null"}) CHECK(call_with(all_optional, nothing) == "-1");
  CHECK(call_with(all_optional, "{}", {"a"}) == "-1");
}

TEST_CASE("an optional whole is there or not") {
  const auto handler = [](std::optional<point> p) { return p ? describe(*p) : "none"; };
  for (const char* nothing : {"", "null"}) CHECK(call_with(handler, nothing) == "\"none\"");
  CHECK(call_with(handler, R"({"y":2,"x":1})") == "\"1,2,-\"");
  CHECK(call_with(handler, "[1,2]") == "\"1,2,-\"");
  for (const char* nothing : {"[]", "[null]"}) CHECK(call_with(handler, nothing) == "\"none\"");
  CHECK(call_with(handler, R"([{"y":2,"x":1}])") == "\"1,2,-\"");
  CHECK(call_with(handler, R"({"y":2})").find("/x") != std::string::npos);
  const auto dom = [](boost::json::object params) { return params.size(); };
  for (const char* nothing : {"", "null", "{}"}) CHECK(call_with(dom, nothing) == "0");
  CHECK(call_with(dom, R"({"a":1})") == "1");
}

TEST_CASE("raw_json and boost::json::value take the parameters as a whole, absent ones as null") {
  const auto raw = [](raw_json params) { return params; };
  CHECK(call_with(raw, R"({"a":[1,2.50,"\u0041"]})") == R"({"a":[1,2.5E0,"A"]})");
  CHECK(call_with(raw, "") == "null");
  const auto dom = [](boost::json::value params) { return params; };
  CHECK(call_with(dom, R"([1,{"a":null}])") == R"([1,{"a":null}])");
  CHECK(call_with(dom, "") == "null");
  CHECK(call_with([](std::vector<int> all) { return all.size(); }, "[1,2,3]") == "3");
  CHECK(call_with([](std::map<std::string, int> all) { return all.at("b"); }, R"({"a":1,"b":2})") == "2");
}

TEST_CASE("a string_view argument sees the content, with escapes or without") {
  const auto echo = [](std::string_view text) { return std::string(text); };
  CHECK(call_with(echo, R"(["plain"])") == R"("plain")");
  CHECK(call_with(echo, R"(["tab\there \u00e9"])") == "\"tab\\there \u00e9\"");
  CHECK(call_with(echo, R"([""])") == R"("")");
  const auto both = [](std::string_view a, std::string_view b) {
    return std::string(a) + "|" + std::string(b);
  };
  CHECK(call_with(both, R"(["\n1","\n2"])") == R"("\n1|\n2")");
}

TEST_CASE("an optional string_view sees the content too") {
  const auto echo = [](std::optional<std::string_view> text) { return std::string(text.value_or("none")); };
  CHECK(call_with(echo, R"(["plain"])") == R"("plain")");
  CHECK(call_with(echo, R"(["tab\there"])") == R"("tab\there")");
  for (const char* nothing : {"", "[]", "[null]"}) CHECK(call_with(echo, nothing) == R"("none")");
}

TEST_CASE("a coroutine's string_view arguments stay valid while it is suspended") {
  const auto handler = [](std::string_view plain, std::string_view escaped,
                          raw_json rest) -> asio::awaitable<std::string> {
    auto pause = support::settle();
    co_await std::move(pause);
    co_return std::string(plain) + "|" + std::string(escaped) + "|" + std::string(rest.text());
  };
  CHECK(call_with(handler, R"(["a","\u0062",[1,"c"]])") == R"("a|b|[1,\"c\"]")");
  const std::string large(10'000, 'x');
  CHECK(call_with(handler, R"([")" + large + R"(","\u0062",0])") == "\"" + large + "|b|0\"");
}

TEST_CASE("a call_context may come first and knows the message") {
  const auto handler = [](call_context& call, int a) {
    return std::string(call.method()) + std::string(call.id().json()) + std::string(call.params().text()) +
           std::to_string(a) + (call.is_notification() ? "n" : "r") + (call.cancelled() ? "c" : "-");
  };
  CHECK(call_with(handler, "[3]") == R"("m1[3]3r-")");
  CHECK(call_with([](call_context& call) { return call.params().kind() == antiphon::json_kind::null; }, "") ==
        "true");
}

TEST_CASE("void is answered with null, synchronous or not") {
  CHECK(call_with([](int) {}, "[1]") == "null");
  CHECK(call_with([](int) -> asio::awaitable<void> { co_return; }, "[1]") == "null");
}

TEST_CASE("handlers without arguments take no parameters, or an empty array, or any object") {
  const auto handler = [] { return 1; };
  for (const char* fine : {"", "[]", "{}", "null", R"({"ignored":1})"})
    CHECK(call_with(handler, fine) == "1");
  CHECK(call_with(handler, "[1]").starts_with("error: invalid params"));
}

TEST_CASE("move-only state and move-only results are fine") {
  auto state = std::make_unique<int>(7);
  CHECK(call_with([kept = std::move(state)](int a) { return std::make_unique<int>(*kept + a); }, "[1]") ==
        "8");
}

TEST_CASE("a name for each argument or none; a later registration replaces an earlier one") {
  router routes;
  const auto two = [](int, int) { return 0; };
  CHECK_THROWS_AS(routes.on_request("m", two, {"a"}), std::invalid_argument);
  CHECK_THROWS_AS(routes.on_request("m", two, {"a", "b", "c"}), std::invalid_argument);
  routes.on_request("m", [] { return 1; }).on_request("m", [] { return 2; });
  CHECK(call(std::move(routes), "") == "2");
}

TEST_CASE("a method name with escapes finds its handler") {
  router routes;
  routes.on_request("m", [] { return 1; });
  const auto answer = support::answer_to(std::move(routes), R"({"jsonrpc":"2.0","id":1,"method":"\u006d"})");
  CHECK(answer.at("result") == 1);
}

TEST_CASE("wrong parameters are -32602 and the message names the parameter") {
  const auto message = [](auto handler, std::string params, antiphon::parameter_names names = {}) {
    router routes;
    routes.on_request("m", handler, names);
    const auto answer = support::answer_to(
        std::move(routes), R"({"jsonrpc":"2.0","id":1,"method":"m","params":)" + std::move(params) + "}");
    CHECK(support::error_code_of(answer) == -32602);
    return support::error_message(answer);
  };
  const auto has = [](const std::string& text, std::string_view part) {
    INFO(text);
    return text.find(part) != std::string::npos;
  };
  const auto two = [](int a, std::string b) { return b + std::to_string(a); };
  const antiphon::parameter_names names = {"count", "title"};
  CHECK(has(message(two, R"({"count":"x","title":"t"})", names), "/count"));
  CHECK(has(message(two, R"({"count":1,"title":2})", names), "/title"));
  CHECK(has(message(two, R"({"count":1})", names), "/title"));
  CHECK(has(message(two, R"([1,null])", names), "/title"));
  CHECK(has(message(two, R"([1])", names), "/title"));
  CHECK(has(message(two, R"([1,null])"), "/1"));
  CHECK(has(message(two, R"([])"), "/0"));
  CHECK(has(message(two, R"([1,"t",3])", names), "at most 2"));
  CHECK(has(message(two, R"({"count":1,"title":"t"})"), "by position"));
  CHECK(has(message(two, R"([99999999999,"t"])", names), "/count"));
  CHECK(has(message(two, R"([1.5,"t"])", names), "/count"));

  const auto whole = [](point p) { return p.x; };
  CHECK(has(message(whole, R"({"x":1})"), "/y"));
  CHECK(has(message(whole, R"({"x":1,"y":true})"), "/y"));
  CHECK(has(message(whole, R"([1])"), "/y"));
  CHECK(has(message(whole, R"([1,"2"])"), "/y"));
  CHECK(has(message(whole, R"([1,2,"l",4])"), "at most 3"));
  const auto nested = [](std::vector<point> points) { return points.size(); };
  CHECK(has(message(nested, R"([{"x":1,"y":2},{"x":1,"y":[]}])"), "/1/y"));
}

TEST_CASE("a handler that throws is -32603 for its request only, without its text") {
  router routes;
  routes.on_request("sync", []() -> int { throw std::runtime_error("the password is 1234"); });
  routes.on_request("number", []() -> int { throw 5; });
  routes.on_request("coroutine", []() -> asio::awaitable<int> {
    auto pause = support::settle();
    co_await std::move(pause);
    throw std::runtime_error("the password is 1234");
  });
  routes.on_request("bad text", [] { return std::string("\xff\xfe"); });
  routes.on_request("fine", [] { return 1; });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> support::awaitable<void> {
    for (const std::string method : {"sync", "number", "coroutine", "bad text"}) {
      const auto answer = co_await s.peer.ask(R"({"jsonrpc":"2.0","id":7,"method":")" + method + "\"}");
      CHECK(support::error_code_of(answer) == -32603);
      CHECK(answer.at("id") == 7);
      CHECK(boost::json::serialize(answer).find("1234") == std::string::npos);
    }
    const auto answer = co_await s.peer.ask(R"({"jsonrpc":"2.0","id":8,"method":"fine"})");
    CHECK(answer == support::json(R"({"jsonrpc":"2.0","id":8,"result":1})"));
  });
  CHECK(session.endpoint->stats().errors_sent == 4);
}

TEST_CASE("an rpc_error that a handler throws is the answer, with its data") {
  router routes;
  routes.on_request("sync", [](raw_json params) { throw antiphon::rpc_error(17, "mine", params); });
  routes.on_request("coroutine", [](raw_json params) -> asio::awaitable<int> {
    auto pause = support::settle();
    co_await std::move(pause);
    throw antiphon::rpc_error(-32801, "again", params);
  });
  support::session session(std::move(routes));
  session.play([](support::session& s) -> support::awaitable<void> {
    const auto first = co_await s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"sync","params":{"a":1}})");
    CHECK(first ==
          support::json(R"({"jsonrpc":"2.0","id":1,"error":{"code":17,"message":"mine","data":{"a":1}}})"));
    const auto second =
        co_await s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"coroutine","params":["\u0061"]})");
    CHECK(
        second ==
        support::json(R"({"jsonrpc":"2.0","id":2,"error":{"code":-32801,"message":"again","data":["a"]}})"));
  });
}
