#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/middleware/exception_mapping.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <string>

// The code of docs/guide/errors.md, at work.

namespace asio = antiphon::asio;
using antiphon::errc;
using antiphon::error_code;
using asio::awaitable;
using namespace std::chrono_literals;

namespace {

constexpr int no_such_document = 1001;  // one of ours: JSON-RPC keeps -32768 to -32000

antiphon::router make_routes() {
  antiphon::router routes;
  routes.on_request("version",
                    [](std::string uri) {
                      if (uri != "file:///a.json") {
                        const boost::json::value data = {{"uri", uri}};
                        throw antiphon::rpc_error(no_such_document, "no such document", data);
                      }
                      return 7;
                    },
                    {"uri"});
  return routes;
}

/// What is shown to a person when it can't be told.
awaitable<std::string> version_of(antiphon::peer server, std::string uri) {
  auto asking = server.call<int>("version", uri);
  try {
    const int version = co_await std::move(asking);
    co_return std::to_string(version);
  } catch (const antiphon::rpc_error& refused) {  // the peer's answer is an error
    if (refused.value() == no_such_document && refused.data()) co_return std::string(refused.data()->text());
    throw;
  } catch (const boost::system::system_error& failed) {  // there is no answer, or none that is an int
    co_return failed.code().message();
  }
}

std::optional<antiphon::rpc_error> explain(std::exception_ptr what) {
  try {
    std::rethrow_exception(what);
  } catch (const std::out_of_range&) {
    return antiphon::rpc_error(no_such_document, "no such document");
  } catch (...) {
    return std::nullopt;  // -32603 "internal error"
  }
}

}  // namespace

TEST_CASE("a call throws what the peer refused it with, data and all, or why it has no answer") {
  support::couple two(antiphon::router(), make_routes());
  antiphon::peer server;
  two.play([&](support::couple& both) -> awaitable<void> {
    server = *both.left;
    auto known = version_of(server, "file:///a.json");
    const std::string seven = co_await std::move(known);
    CHECK(seven == "7");
    auto unknown = version_of(server, "file:///b.json");
    const std::string refused = co_await std::move(unknown);
    CHECK(refused == R"({"uri":"file:///b.json"})");
  });
  std::string closed;
  auto afterwards = [&]() -> awaitable<void> {
    auto late = version_of(server, "file:///a.json");
    closed = co_await std::move(late);
  };
  two.context->restart();
  support::run_on(*two.context, afterwards());
  CHECK(closed == error_code(errc::closed).message());
}

TEST_CASE("a call that may fail returns why") {
  antiphon::router routes = make_routes();
  routes.on_request("name", [] { return "a string"; });
  support::couple two(antiphon::router(), std::move(routes));
  two.play([](support::couple& both) -> awaitable<void> {
    antiphon::endpoint& server = *both.left;

    auto asking = server.try_call<int>("version", "file:///b.json");
    const antiphon::call_result<int> version = co_await std::move(asking);
    if (version.has_error()) {
      const antiphon::call_failure& why = version.error();
      CHECK(why.from_peer());  // otherwise why.code is one of errc's, or the system's
      CHECK(why.code.value() == no_such_document);
      CHECK(why.message == "no such document");
    }
    CHECK(version.has_error());

    auto naming = server.try_call<int>("name");
    const auto name = co_await std::move(naming);
    REQUIRE(name.has_error());
    CHECK(name.error().code == errc::wrong_type);
    CHECK(name.error().message == "unexpected result: expected an integer, found a string");
    CHECK_FALSE(name.error().from_peer());

    auto nobody = server.try_call<int>("nobody");
    const auto missing = co_await std::move(nobody);
    REQUIRE(missing.has_error());
    CHECK(missing.error().code == antiphon::rpc_errc::method_not_found);
  });
}

TEST_CASE("parameters that don't fit are refused with the place of what is wrong") {
  const auto answer = [](const std::string& params) {
    return support::answer_to(make_routes(),
                              R"({"jsonrpc":"2.0","id":1,"method":"version","params":)" + params + "}");
  };
  const auto wrong = answer(R"({"uri":7})");
  CHECK(support::error_code_of(wrong) == -32602);
  CHECK(support::error_message(wrong) == "invalid params: /uri: expected a string, found a number");
  const auto missing = answer("{}");
  CHECK(support::error_code_of(missing) == -32602);
  CHECK(support::error_message(missing) == "invalid params: /uri: missing parameter");
  const auto surplus = answer(R"(["file:///a.json",1])");
  CHECK(support::error_code_of(surplus) == -32602);
}

TEST_CASE("a text that isn't what was asked for says where and why") {
  const antiphon::raw_json text(std::string_view(R"({"widths":[80,"wide"]})"));
  const auto widths = text.try_decode<std::map<std::string, std::vector<int>>>();
  REQUIRE(widths.has_error());
  CHECK(widths.error().code == errc::wrong_type);
  CHECK(widths.error().path == "/widths/1");
  CHECK(widths.error().describe() == "/widths/1: expected an integer, found a string");
}

TEST_CASE("what a handler throws is the peer's to know only as far as it is told to") {
  antiphon::endpoint_options options;
  bool mapped = false;
  SUBCASE("by default not at all") {}
  SUBCASE("mapped to errors of ours") {
    mapped = true;
    options.middleware.push_back(antiphon::exception_mapping::make(explain));
  }
  antiphon::router routes;
  routes.on_request("find", [](std::string name) { return std::map<std::string, int>().at(name); }, {"name"});
  routes.on_request("fall", []() -> int { throw std::runtime_error("the password is hunter2"); });
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    auto finding = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"find","params":["x"]})");
    const auto found = co_await std::move(finding);
    CHECK(support::error_code_of(found) == (mapped ? no_such_document : -32603));
    auto falling = s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"fall"})");
    const auto fallen = co_await std::move(falling);
    CHECK(support::error_code_of(fallen) == -32603);
    CHECK(support::error_message(fallen) == "internal error");
  });
}

TEST_CASE("the end of a connection has a reason and a cause, and calls that wait learn of it") {
  support::session session;
  error_code told;
  session.play([&](support::session& s) -> awaitable<void> {
    antiphon::endpoint& server = *s.endpoint;
    auto waiting = [](antiphon::peer to, error_code& why) -> awaitable<void> {
      auto asking = to.try_call<int>("never");
      const auto answer = co_await std::move(asking);
      why = answer.error().code;
    };
    asio::co_spawn(server.get_executor(), waiting(server, told), asio::detached);
    auto hearing = s.peer.hear();
    const std::string request = co_await std::move(hearing);
    CHECK(request.find("never") != std::string::npos);
    s.peer.fall_silent();
    auto rest = s.peer.hear();
    const std::string nothing = co_await std::move(rest);
    CHECK(nothing.empty());
  });
  CHECK(told == errc::end_of_input);
  REQUIRE(session.how);
  const antiphon::ended how = *session.how;
  switch (how.reason) {
    case antiphon::end_reason::end_of_input:  // the peer is done: how.error says whether inside a message
    case antiphon::end_reason::closed_here:   // close was called, or SIGTERM came
      break;
    default: antiphon::write_to_stderr("the connection broke: " + how.error.message() + "\n");
  }
  CHECK(how.reason == antiphon::end_reason::end_of_input);
  CHECK(how.exit_code() == 0);
}
