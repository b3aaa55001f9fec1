#include "tests/integration/call_table.hpp"
#include "tests/integration/links.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

#include <string>

// One table of calls, over every transport in every framing.

namespace {

using antiphon::asio::awaitable;

awaitable<void> serve(antiphon::transport_ptr over, const links::framing& with,
                      std::optional<antiphon::ended>& how) {
  int bumps = 0;
  antiphon::endpoint_options options;
  options.framing = with.make;
  antiphon::endpoint server(std::move(over), links::make_routes(bumps), options);
  auto running = server.run();
  how = co_await std::move(running);
}

awaitable<void> session(const links::transport& over, const links::framing& with) {
  const auto executor = co_await antiphon::asio::this_coro::executor;
  auto opening = over.open(with);
  links::link both = co_await std::move(opening);
  std::optional<antiphon::ended> far_end;
  if (both.far)
    antiphon::asio::co_spawn(executor, serve(std::move(both.far), with, far_end), antiphon::asio::detached);

  antiphon::endpoint_options options;
  options.framing = with.make;
  antiphon::endpoint client(std::move(both.near), links::make_client_routes(), options);
  auto body = [](antiphon::endpoint& server) -> awaitable<void> {
    for (const links::table_entry& entry : links::call_table()) {
      CAPTURE(entry.name);
      auto playing = entry.play(server);
      co_await std::move(playing);
    }
  };
  auto running = client.run(body);
  const antiphon::ended how = co_await std::move(running);
  CHECK(how.reason == antiphon::end_reason::closed_here);
  if (!over.other_process) {
    while (!far_end) co_await antiphon::asio::post(executor, antiphon::asio::deferred);
    CHECK(far_end->reason == antiphon::end_reason::end_of_input);
    CHECK_FALSE(static_cast<bool>(far_end->error));
  }
}

}  // namespace

TEST_CASE("the call table holds over every transport in every framing") {
  for (const auto& over : links::transports()) {
    for (const auto& with : links::framings()) {
      if (over.other_process && with.option == nullptr) continue;
      DOCTEST_SUBCASE((std::string(over.name) + ", " + with.name).c_str()) {
        CAPTURE(over.name);
        CAPTURE(with.name);
        support::run(session(over, with));
      }
    }
  }
}
