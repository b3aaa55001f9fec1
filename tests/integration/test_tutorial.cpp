#include "tests/integration/links.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <string>

// The programs that the documentation shows first.

TEST_CASE("the tutorial's client spawns the tutorial's server and prints the sum") {
  const std::string command = "'" + links::program("antiphon-tutorial-client") + "' '" +
                              links::program("antiphon-tutorial-server") + "' 2>&1";
  FILE* running = ::popen(command.c_str(), "r");
  REQUIRE(running != nullptr);
  std::string printed;
  std::array<char, 256> piece{};
  for (std::size_t got = 1; got > 0;) {
    got = std::fread(piece.data(), 1, piece.size(), running);
    printed.append(piece.data(), got);
  }
  const int status = ::pclose(running);
  CHECK(status == 0);
  CHECK(printed.find("1 + 2 = 3\n") != std::string::npos);
  CHECK(printed.find("the client has what it came for\n") != std::string::npos);
}

TEST_CASE("the tutorial's server takes parameters by name and by position") {
  support::run([]() -> antiphon::asio::awaitable<void> {
    antiphon::command program(links::program("antiphon-tutorial-server"));
    auto spawning = antiphon::spawn(std::move(program));
    antiphon::endpoint server(co_await std::move(spawning));
    auto body = [](antiphon::endpoint& peer) -> antiphon::asio::awaitable<void> {
      const antiphon::raw_json named(std::string_view(R"({"what":23,"from":42})"));
      auto subtracting = peer.call<int>("subtract", named);
      const int difference = co_await std::move(subtracting);
      CHECK(difference == 19);
      const antiphon::raw_json whole(std::string_view(R"({"b":2,"a":1})"));
      auto adding = peer.call<int>("add", whole);
      const int sum = co_await std::move(adding);
      CHECK(sum == 3);
    };
    auto running = server.run(body);
    const antiphon::ended how = co_await std::move(running);
    CHECK(how.reason == antiphon::end_reason::closed_here);
  }());
}
