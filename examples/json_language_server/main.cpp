// antiphon-json-language-server: diagnostics, outline, hover and formatting of JSON files, for any editor
// that speaks the Language Server Protocol.

#include "command_line.hpp"
#include "server.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/lsp/lifecycle.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace asio = boost::asio;

namespace {

antiphon::endpoint_options options() {
  antiphon::endpoint_options chosen;
  // Whole files travel in messages, and data files get large.
  chosen.limits.message_bytes = std::size_t{128} << 20U;
  return chosen;
}

asio::awaitable<int> serve_stdio() {
  antiphon::lsp::lifecycle life;
  auto transport = co_await antiphon::open_stdio();
  antiphon::endpoint peer(std::move(transport), json_ls::make_routes(life), options());
  const antiphon::ended how = co_await peer.run();
  co_return life.exit_code(how);
}

// `exit` ends its own connection here; the listener serves other editors until it is told to stop by a
// signal.
asio::awaitable<int> serve_listener(antiphon::listener at) {
  antiphon::write_to_stderr(fmt::format("listening {}\n", at.address()));
  const auto routes_of_one = [] {
    antiphon::lsp::lifecycle life;
    return json_ls::make_routes(life);
  };
  auto serving = antiphon::serve(at, routes_of_one, options());
  co_await std::move(serving);
  co_return 0;
}

asio::awaitable<int> serve_tcp(json_ls::settings chosen) {
  auto opening = antiphon::listen_tcp(chosen.host, chosen.port);
  antiphon::listener at = co_await std::move(opening);
  auto serving = serve_listener(std::move(at));
  const int code = co_await std::move(serving);
  co_return code;
}

asio::awaitable<int> serve_unix(json_ls::settings chosen) {
  auto opening = antiphon::listen_unix(chosen.path);
  antiphon::listener at = co_await std::move(opening);
  auto serving = serve_listener(std::move(at));
  const int code = co_await std::move(serving);
  co_return code;
}

int run(const json_ls::settings& chosen) {
  switch (chosen.over) {
    case json_ls::settings::transport::stdio: return antiphon::run_main(serve_stdio());
    case json_ls::settings::transport::tcp: return antiphon::run_main(serve_tcp(chosen));
    case json_ls::settings::transport::unix_socket: return antiphon::run_main(serve_unix(chosen));
    case json_ls::settings::transport::none: fmt::print("{}", json_ls::usage); return 0;
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(json_ls::parse_command_line(argc, argv));
  } catch (const json_ls::usage_error& wrong) {
    antiphon::write_to_stderr(
        fmt::format("antiphon-json-language-server: {}\n{}", wrong.what(), json_ls::usage));
    return 2;
  }
}
