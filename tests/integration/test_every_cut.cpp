#include "tests/integration/links.hpp"
#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

// A whole session as bytes, cut in two at every place, and in pieces of every small size.

namespace {

using support::awaitable;

const char* const messages[] = {
    R"({"jsonrpc":"2.0","id":1,"method":"subtract","params":[42,23]})",
    R"({"jsonrpc":"2.0","method":"bump"})",
    R"({"jsonrpc":"2.0","id":"é\n\ud83d\ude00","method":"echo","params":{"a":[1,"😀","\\\""]}})",
    R"([{"jsonrpc":"2.0","id":2,"method":"sum","params":[1,2]},{"jsonrpc":"2.0","method":"bump"},7])",
    R"({"jsonrpc":"2.0","id":3,"method":"throw"})",
    R"({"jsonrpc":"2.0","id":77,"result":1})",
    R"({"jsonrpc":"2.0","id":4,"method":"count"})",
};

std::string frame(const links::framing& with, std::string_view message) {
  if (std::string_view(with.name) == "content-length")
    return "Content-Length: " + std::to_string(message.size()) + "\r\n\r\n" + std::string(message);
  if (std::string_view(with.name) == "line") return std::string(message) + "\r\n";
  return std::string(message);
}

awaitable<void> speak(antiphon::transport& peer, const std::vector<std::string_view>& pieces) {
  for (const std::string_view piece : pieces) {
    auto sending = support::send(peer, piece);
    co_await std::move(sending);
    auto pause = support::settle();
    co_await std::move(pause);
  }
  peer.shutdown_send();
}

/// Everything that the endpoint says to these bytes in these pieces.
std::string answers(const links::framing& with, const std::vector<std::string_view>& pieces) {
  int bumps = 0;
  support::asio::io_context context(1);
  auto ends = antiphon::make_memory_pipe(context.get_executor());
  antiphon::endpoint_options options;
  options.framing = with.make;
  antiphon::endpoint subject(std::move(ends.second), links::make_routes(bumps), options);
  std::string all;
  auto serve = [&]() -> awaitable<void> {
    auto running = subject.run();
    const antiphon::ended how = co_await std::move(running);
    CHECK(how.reason == antiphon::end_reason::end_of_input);
    CHECK_FALSE(static_cast<bool>(how.error));
  };
  auto hear = [&]() -> awaitable<void> {
    auto receiving = support::receive_all(*ends.first);
    all = co_await std::move(receiving);
  };
  std::exception_ptr failure;
  support::start(context, serve(), failure);
  support::start(context, speak(*ends.first, pieces), failure);
  support::start(context, hear(), failure);
  support::drain(context);
  if (failure) std::rethrow_exception(failure);
  CHECK(bumps == 2);
  return all;
}

}  // namespace

TEST_CASE("a session is answered the same wherever its bytes are cut") {
  for (const auto& with : links::framings()) {
    CAPTURE(with.name);
    std::string session;
    for (const char* message : messages) session += frame(with, message);
    const std::string_view bytes = session;
    const std::string expected = answers(with, {bytes});
    CHECK(expected.find(R"("result":19)") != std::string::npos);
    CHECK(expected.find(R"("id":4,"result":2)") != std::string::npos);
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      CAPTURE(cut);
      REQUIRE(answers(with, {bytes.substr(0, cut), bytes.substr(cut)}) == expected);
    }
    for (const std::size_t size : {1u, 2u, 3u, 5u, 7u, 16u, 64u}) {
      CAPTURE(size);
      std::vector<std::string_view> pieces;
      for (std::size_t at = 0; at < bytes.size(); at += size) pieces.push_back(bytes.substr(at, size));
      REQUIRE(answers(with, pieces) == expected);
    }
  }
}
