// What `./dev bench idle` measures: a program with many connections that are open and quiet.
//
//   idle_server --tcp | --unix PATH   serves each connection with a full endpoint, and prints where it
//   listens idle_server --bare                accepts what comes to the listening socket on its standard
//   input, keeps it,
//                                     and does nothing else

#include <antiphon/antiphon.hpp>

#include <fmt/core.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

antiphon::router routes() {
  antiphon::router made;
  made.on_request("echo", [](antiphon::raw_json params) { return params; });
  return made;
}

boost::asio::awaitable<void> serve(std::string path) {
  antiphon::listener at;
  if (path.empty()) {
    at = co_await antiphon::listen_tcp();
  } else {
    at = co_await antiphon::listen_unix(path);
  }
  fmt::print("{}\n", at.address());
  std::fflush(stdout);
  co_await antiphon::serve(at, routes);
}

int keep_sockets() {
  for (;;) {
    const int connection = ::accept4(STDIN_FILENO, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return 1;
    // Whoever connected knows by it that the connection is held now.
    if (::write(connection, "x", 1) != 1) return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "--bare") return keep_sockets();
  if (mode == "--tcp") return antiphon::run_main(serve(""));
  if (mode == "--unix" && argc > 2) return antiphon::run_main(serve(argv[2]));
  fmt::print(stderr, "idle_server: --tcp, --unix PATH or --bare\n");
  return 2;
}
