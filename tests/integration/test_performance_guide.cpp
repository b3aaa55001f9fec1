#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/thread_pool.hpp>
#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// The code of docs/guide/performance.md, at work.

namespace asio = antiphon::asio;
using asio::awaitable;

namespace {

std::size_t sum_of(const std::vector<std::size_t>& all) {
  std::size_t sum = 0;
  for (const std::size_t one : all) sum += one;
  return sum;
}

}  // namespace

TEST_CASE("handlers choose what is decoded, copied, and run elsewhere") {
  asio::thread_pool workers(2);
  antiphon::raw_json kept;
  antiphon::router routes;

  routes.on_request("mirror", [](antiphon::raw_json params) { return params; });   // text in, text out
  routes.on_request("length", [](std::string_view text) { return text.size(); });  // a view of the message
  routes.on_request("keep", [&kept](const antiphon::raw_json& params) { kept = params.keep(); });

  antiphon::route_options elsewhere;
  elsewhere.executor = workers.get_executor();
  routes.on_request("sum", [](std::vector<std::size_t> all) { return sum_of(all); }, {}, elsewhere);

  antiphon::endpoint_options options;
  options.check = antiphon::validation::envelope;  // for a peer that is trusted

  support::session session(std::move(routes), options);
  session.play([&kept](support::session& s) -> awaitable<void> {
    auto mirroring = s.peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"mirror","params":{"a":[1,2]}})");
    const auto mirrored = co_await std::move(mirroring);
    CHECK(mirrored.at("result") == support::json(R"({"a":[1,2]})"));
    auto measuring = s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"length","params":["four"]})");
    const auto measured = co_await std::move(measuring);
    CHECK(measured.at("result") == 4);
    auto keeping = s.peer.ask(R"({"jsonrpc":"2.0","id":3,"method":"keep","params":{"b":1}})");
    const auto nothing = co_await std::move(keeping);
    CHECK(nothing.at("result").is_null());
    auto summing = s.peer.ask(R"({"jsonrpc":"2.0","id":4,"method":"sum","params":[1,2,3]})");
    const auto sum = co_await std::move(summing);
    CHECK(sum.at("result") == 6);
    CHECK(kept.text() == R"({"b":1})");
    // What nobody decodes isn't looked at.
    auto unchecked = s.peer.ask(R"({"jsonrpc":"2.0","id":5,"method":"keep","params":{"b":nought}})");
    const auto taken = co_await std::move(unchecked);
    CHECK(taken.at("result").is_null());
  });
  workers.join();
}
