#include "tests/integration/links.hpp"
#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

// The examples of the JSON-RPC 2.0 specification, section 7, as data.

namespace {

using support::awaitable;

boost::json::value load_examples() {
  std::ifstream file(SPEC_EXAMPLES);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return boost::json::parse(text);
}

/// The messages are each implementation's own, the codes are not.
boost::json::value without_words(boost::json::value answer) {
  if (answer.is_array()) {
    for (auto& one : answer.as_array()) one = without_words(one);
  } else if (auto* error = answer.as_object().if_contains("error")) {
    error->as_object().erase("message");
    error->as_object().erase("data");
  }
  return answer;
}

}  // namespace

TEST_CASE("the examples of the JSON-RPC 2.0 specification are answered as they are there") {
  const auto examples = load_examples();
  REQUIRE(examples.as_array().size() >= 15);
  for (const auto& example : examples.as_array()) {
    const std::string name(example.at("name").as_string());
    DOCTEST_SUBCASE(name.c_str()) {
      int bumps = 0;
      support::session session(links::make_routes(bumps));
      session.play([&](support::session& s) -> awaitable<void> {
        co_await s.peer.say(std::string(example.at("send").as_string()));
        if (!example.at("expect").is_null()) {
          const auto answer = co_await s.peer.hear_json();
          CHECK(without_words(answer) == without_words(example.at("expect")));
        }
        // And nothing more.
        auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":"next","method":"get_data"})");
        const auto next = co_await std::move(asking);
        CHECK(next.at("id") == "next");
      });
      CHECK(session.how->reason == antiphon::end_reason::end_of_input);
    }
  }
}
