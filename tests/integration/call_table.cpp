#include "tests/integration/call_table.hpp"

#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <map>
#include <string>

namespace links {
namespace {

using antiphon::raw_json;
using antiphon::asio::awaitable;
using namespace std::chrono_literals;

awaitable<void> plain_calls(antiphon::endpoint& server) {
  auto first = server.call<int>("subtract", 42, 23);
  const int by_position = co_await std::move(first);
  CHECK(by_position == 19);
  const std::map<std::string, int> named = {{"subtrahend", 23}, {"minuend", 42}};
  auto second = server.call<int>("subtract", named);
  const int by_name = co_await std::move(second);
  CHECK(by_name == 19);
  auto third = server.call<std::tuple<std::string, int>>("get_data");
  const auto data = co_await std::move(third);
  CHECK(std::get<0>(data) == "hello");
  CHECK(std::get<1>(data) == 5);
  const raw_json exact(
      std::string_view(R"({"a":[-9223372036854775808,18446744073709551615,"\u0000é😀"],"":null})"));
  auto fourth = server.call("echo", exact);
  const raw_json echoed = co_await std::move(fourth);
  CHECK(echoed.to_value() == exact.to_value());
}

awaitable<void> notifications(antiphon::endpoint& server) {
  auto before_call = server.call<int>("count");
  const int before = co_await std::move(before_call);
  for (int i = 0; i < 20; ++i) {
    auto sending = server.notify("bump");
    co_await std::move(sending);
  }
  auto after_call = server.call<int>("count");
  const int after = co_await std::move(after_call);
  CHECK(after == before + 20);
}

awaitable<void> errors(antiphon::endpoint& server) {
  const auto code_of = [](auto result) { return result.has_error() ? result.error().code.value() : 0; };
  auto unknown = server.try_call("no such method");
  const auto not_found = co_await std::move(unknown);
  CHECK(code_of(not_found) == -32601);
  auto wrong = server.try_call<int>("subtract", "a", "b");
  const auto bad_params = co_await std::move(wrong);
  CHECK(code_of(bad_params) == -32602);
  CHECK(bad_params.error().message.find("minuend") != std::string::npos);
  auto throwing = server.try_call("throw");
  const auto internal = co_await std::move(throwing);
  CHECK(code_of(internal) == -32603);
  CHECK(internal.error().message.find("secret") == std::string::npos);
  const raw_json own(std::string_view(R"({"code":-5,"message":"näh","data":{"why":[1]}})"));
  auto failing = server.try_call("fail", own);
  const auto failed = co_await std::move(failing);
  CHECK(code_of(failed) == -5);
  CHECK(failed.error().message == "näh");
  REQUIRE(failed.error().data.has_value());
  CHECK(failed.error().data->text() == R"({"why":[1]})");
}

awaitable<void> batches(antiphon::endpoint& server) {
  auto batch = server.new_batch();
  auto sum = batch.call<int>("sum", 1, 2, 4);
  auto missing = support::error_of(batch.call("no such method"));
  batch.notify("bump");
  auto difference = batch.call<int>("subtract", 42, 23);
  auto sending = batch.send();
  co_await std::move(sending);
  const int nineteen = co_await std::move(difference);
  CHECK(nineteen == 19);
  const int seven = co_await std::move(sum);
  CHECK(seven == 7);
  const auto error = co_await std::move(missing);
  CHECK(error.value() == -32601);
}

awaitable<void> cancellation(antiphon::endpoint& server) {
  // By its own time limit; what comes after is undisturbed.
  auto limited = server.try_call<int>(antiphon::call_options(10ms), "sleep", 60'000);
  const auto late = co_await std::move(limited);
  CHECK(late.has_error());
  CHECK(late.error().code == antiphon::errc::timed_out);

  const auto executor = co_await antiphon::asio::this_coro::executor;
  antiphon::asio::cancellation_signal stop;
  antiphon::error_code outcome;
  bool ended = false;
  antiphon::asio::co_spawn(
      executor, support::error_of(server.call<int>("sleep", 60'000)),
      antiphon::asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr, antiphon::error_code how) {
        outcome = how;
        ended = true;
      }));
  auto sync = server.call<int>("sum", 1);
  co_await std::move(sync);
  stop.emit(antiphon::asio::cancellation_type::all);
  auto after = server.call<int>("sum", 1, 1);
  const int two = co_await std::move(after);
  CHECK(two == 2);
  // Where the peer has a thread of its own, its answer may be faster.
  while (!ended) co_await antiphon::asio::post(executor, antiphon::asio::deferred);
  CHECK(outcome == antiphon::errc::cancelled);
  CHECK(server.stats().pending_calls == 0);
}

awaitable<void> calls_back(antiphon::endpoint& server) {
  for (int i = 0; i < 5; ++i) {
    const raw_json ask(std::string_view(R"({"method":"double","params":[21]})"));
    auto calling = server.call<int>("call_back", ask);
    const int doubled = co_await std::move(calling);
    CHECK(doubled == 42);
  }
  const raw_json unknown(std::string_view(R"({"method":"unknown","params":[]})"));
  auto failing = server.try_call("call_back", unknown);
  const auto failed = co_await std::move(failing);
  CHECK(failed.error().code.value() == -32601);
}

awaitable<void> large_payloads(antiphon::endpoint& server) {
  std::vector<std::string> large = {std::string(1 << 20, 'm')};
  for (std::size_t i = 0; i < large[0].size(); i += 1000) large[0][i] = '"';
  for (int i = 0; i < 3; ++i) {
    auto calling = server.call<std::vector<std::string>>("echo", large);
    const auto echoed = co_await std::move(calling);
    CHECK((echoed == large));
  }
  const std::map<std::string, raw_json> ask = {{"method", raw_json(std::string_view("\"big\""))},
                                               {"params", raw_json(std::string_view("[]"))}};
  auto calling = server.call<std::string>("call_back", ask);
  const std::string big = co_await std::move(calling);
  CHECK((big == std::string(1 << 20, 'b')));
}

awaitable<void> one_echo(antiphon::endpoint& server, int number, int& left) {
  auto calling = server.call<std::vector<int>>("echo", number, -number);
  const auto echoed = co_await std::move(calling);
  const bool right = echoed.size() == 2 && echoed[0] == number && echoed[1] == -number;
  if (right) --left;
}

awaitable<void> many_at_once(antiphon::endpoint& server) {
  const auto executor = co_await antiphon::asio::this_coro::executor;
  int left = 1000;
  int running = 1000;
  for (int i = 0; i < 1000; ++i)
    antiphon::asio::co_spawn(executor, one_echo(server, i, left),
                             [&running](std::exception_ptr) { --running; });
  while (running > 0) co_await antiphon::asio::post(executor, antiphon::asio::deferred);
  CHECK(left == 0);
  CHECK(server.stats().pending_calls == 0);
}

const table_entry table[] = {
    {"plain calls", plain_calls},
    {"notifications", notifications},
    {"errors", errors},
    {"batches", batches},
    {"cancellation", cancellation},
    {"calls back", calls_back},
    {"large payloads", large_payloads},
    {"1000 calls at once", many_at_once},
};

}  // namespace

std::span<const table_entry> call_table() { return table; }

antiphon::router make_client_routes() {
  antiphon::router routes;
  routes.on_request("double", [](int n) { return 2 * n; });
  routes.on_request("big", [] { return std::string(1 << 20, 'b'); });
  return routes;
}

}  // namespace links
