#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <string>

// What passes what on the way out, and how one learns that it has left.

using antiphon::error_code;
using support::awaitable;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t megabyte = 1024 * 1024;

antiphon::memory_pipe_options narrow(std::size_t capacity = 64 * 1024) {
  antiphon::memory_pipe_options pipe;
  pipe.capacity = capacity;
  return pipe;
}

antiphon::endpoint_options roomy() {
  antiphon::endpoint_options options;
  options.max_outgoing_bytes = 100 * megabyte;
  return options;
}

antiphon::router texts() {
  antiphon::router routes;
  routes.on_request("text", [](std::size_t size) { return std::string(size, 't'); });
  return routes;
}

std::string ask_for(int id, std::size_t size) {
  return fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"text","params":[{}]}})", id, size);
}

// An answer's id, or a notification's method.
awaitable<std::string> hear_name(support::session& s) {
  auto hearing = s.peer.hear_json();
  const auto message = co_await std::move(hearing);
  const auto& object = message.as_object();
  if (const auto* id = object.if_contains("id")) co_return std::to_string(id->as_int64());
  co_return std::string(object.at("method").as_string());
}

awaitable<std::string> hear_names(support::session& s, int count) {
  std::string names;
  for (int i = 0; i < count; ++i) {
    auto hearing = hear_name(s);
    const auto name = co_await std::move(hearing);
    if (i > 0) names += ' ';
    names += name;
  }
  co_return names;
}

}  // namespace

TEST_CASE("nothing but the write under way is in front of what is urgent") {
  support::session session(texts(), roomy(), narrow());
  session.play([](support::session& s) -> awaitable<void> {
    // The first is being written, the second would take as long again.
    auto first = s.peer.say(ask_for(1, megabyte));
    co_await std::move(first);
    auto begun = support::settle();
    co_await std::move(begun);
    auto second = s.peer.say(ask_for(2, 20 * megabyte));
    co_await std::move(second);
    auto third = s.peer.say(ask_for(3, 5) + "\n" + R"({"jsonrpc":"2.0","id":4,"method":"unknown"})");
    co_await std::move(third);
    auto answered = support::settle();
    co_await std::move(answered);
    std::exception_ptr failure;
    auto note = [](antiphon::endpoint& endpoint) -> awaitable<void> {
      auto sending = endpoint.notify("note");
      co_await std::move(sending);
    };
    support::start(*s.context, note(*s.endpoint), failure);
    auto call = [](antiphon::endpoint& endpoint) -> awaitable<void> {
      auto calling = endpoint.call<int>(antiphon::call_options(1ms), "slow");
      auto outcome = support::error_of(std::move(calling));
      co_await std::move(outcome);
    };
    support::start(*s.context, call(*s.endpoint), failure);
    auto cancelled = support::pause_for(5ms);
    co_await std::move(cancelled);
    CHECK(s.endpoint->stats().outgoing_bytes > 21 * megabyte);
    auto hearing = hear_names(s, 7);
    const auto heard = co_await std::move(hearing);
    CHECK(heard == "1 3 4 note 1 $/cancelRequest 2");
    CHECK_FALSE(static_cast<bool>(failure));
  });
}

TEST_CASE("large answers keep their order among them") {
  support::session session(texts(), roomy(), narrow());
  session.play([](support::session& s) -> awaitable<void> {
    std::string requests;
    for (int id = 1; id <= 8; ++id) requests += ask_for(id, 100'000) + "\n";
    requests.pop_back();
    auto asking = s.peer.say(std::move(requests));
    co_await std::move(asking);
    auto hearing = hear_names(s, 8);
    const auto heard = co_await std::move(hearing);
    CHECK(heard == "1 2 3 4 5 6 7 8");
  });
}

TEST_CASE("a large notification isn't passed by the answer that comes after it") {
  antiphon::router routes;
  routes.on_request("report", [](antiphon::call_context& context) -> awaitable<int> {
    auto progress = context.notify("progress", std::string(megabyte, 'p'));
    support::asio::co_spawn(context.peer().get_executor(), std::move(progress), support::asio::detached);
    auto begun = support::settle();
    co_await std::move(begun);
    co_return 1;
  });
  support::session session(std::move(routes), roomy(), narrow());
  session.play([](support::session& s) -> awaitable<void> {
    auto asking = s.peer.say(R"({"jsonrpc":"2.0","id":1,"method":"report"})");
    co_await std::move(asking);
    auto hearing = hear_names(s, 2);
    const auto heard = co_await std::move(hearing);
    CHECK(heard == "progress 1");
  });
}

TEST_CASE("a batch's large answer is passed too, and is one array") {
  support::session session(texts(), roomy(), narrow());
  session.play([](support::session& s) -> awaitable<void> {
    auto asking = s.peer.say(ask_for(1, megabyte));
    co_await std::move(asking);
    auto begun = support::settle();
    co_await std::move(begun);
    auto batch = s.peer.say("[" + ask_for(2, 50'000) + "," + ask_for(3, 50'000) + "]\n" + ask_for(4, 3));
    co_await std::move(batch);
    auto hearing = hear_names(s, 2);
    const auto heard = co_await std::move(hearing);
    CHECK(heard == "1 4");
    auto last = s.peer.hear_json();
    const auto answers = co_await std::move(last);
    REQUIRE(answers.is_array());
    CHECK(answers.as_array().size() == 2);
    CHECK(answers.at(0).at("id") == 2);
    CHECK(answers.at(1).at("result").as_string().size() == 50'000);
  });
}

TEST_CASE("an answer can be given before the handler ends, and awaited until it is written") {
  for (const std::size_t size : {std::size_t{2'000}, std::size_t{100'000}}) {
    CAPTURE(size);
    bool written = false;
    bool ended = false;
    antiphon::router routes;
    routes.on_request("early", [&](antiphon::call_context& context) -> awaitable<int> {
      auto answering = context.answer(std::string(size, 'a'));
      co_await std::move(answering);
      written = true;
      auto again = context.answer("nobody hears this");
      co_await std::move(again);
      auto rest = support::settle();
      co_await std::move(rest);
      ended = true;
      co_return 7;  // nor this
    });
    support::session session(std::move(routes), roomy(), narrow(64));
    session.play([&](support::session& s) -> awaitable<void> {
      auto saying = s.peer.say(R"({"jsonrpc":"2.0","id":1,"method":"early"})");
      co_await std::move(saying);
      auto rest = support::settle();
      co_await std::move(rest);
      CHECK_FALSE(written);
      CHECK(s.endpoint->stats().in_flight == 1);
      auto hearing = s.peer.hear_json();
      const auto answer = co_await std::move(hearing);
      CHECK(answer.at("result").as_string().size() == size);
      auto more = support::settle();
      co_await std::move(more);
      CHECK(written);
      auto last = support::settle();
      co_await std::move(last);
      CHECK(ended);
      CHECK(s.endpoint->stats().in_flight == 0);
      CHECK(s.endpoint->stats().results_sent == 1);
      auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"unknown"})");
      const auto next = co_await std::move(asking);
      CHECK(next.at("id") == 2);
    });
  }
}

TEST_CASE("who awaits his answer learns that nobody will read it") {
  error_code error;
  antiphon::router routes;
  routes.on_request("early", [&](antiphon::call_context& context) -> awaitable<void> {
    auto answering = context.answer(std::string(megabyte, 'a'));
    auto outcome = support::error_of(std::move(answering));
    error = co_await std::move(outcome);
  });
  support::session session(std::move(routes), roomy(), narrow());
  session.play([](support::session& s) -> awaitable<void> {
    auto saying = s.peer.say(R"({"jsonrpc":"2.0","id":1,"method":"early"})");
    co_await std::move(saying);
    auto rest = support::settle();
    co_await std::move(rest);
    s.peer.hang_up();
  });
  CHECK(error);
}

TEST_CASE("a notification has nothing to answer, and a batch's member answers with its batch") {
  int went_on = 0;
  antiphon::router routes;
  const auto handler = [&](antiphon::call_context& context) -> awaitable<void> {
    auto answering = context.answer(1);
    co_await std::move(answering);
    ++went_on;
  };
  routes.on_request("early", handler).on_notification("early", handler);
  support::session session(std::move(routes));
  session.play([&](support::session& s) -> awaitable<void> {
    auto asking = s.peer.ask(
        R"([{"jsonrpc":"2.0","method":"early"},{"jsonrpc":"2.0","id":5,"method":"early"},{"jsonrpc":"2.0","id":6,"method":"early"}])");
    const auto answers = co_await std::move(asking);
    CHECK(answers ==
          support::json(R"([{"jsonrpc":"2.0","id":5,"result":1},{"jsonrpc":"2.0","id":6,"result":1}])"));
    CHECK(went_on == 3);
  });
}
