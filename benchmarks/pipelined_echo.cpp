// How fast an endpoint answers pipelined requests over pipes, beside the floor that no server can beat: a
// program that only copies the same bytes from its input to its output.

#include <antiphon/antiphon.hpp>

#include <fmt/core.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace {

constexpr int requests = 200'000;
constexpr int rounds = 5;

boost::asio::awaitable<antiphon::ended> serve() {
  antiphon::router routes;
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  antiphon::endpoint peer(co_await antiphon::open_stdio(), std::move(routes));
  co_return co_await peer.run();
}

int copy_bytes() {
  std::array<char, 65536> chunk;
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (got <= 0) return got == 0 ? 0 : 1;
    for (ssize_t put = 0; put < got;) {
      const ssize_t wrote = ::write(STDOUT_FILENO, chunk.data() + put, static_cast<std::size_t>(got - put));
      if (wrote <= 0) return 1;
      put += wrote;
    }
  }
}

std::string session() {
  std::string all;
  for (int id = 0; id < requests; ++id) {
    const std::string body =
        fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"echo","params":["hello, world",{}]}})", id, id);
    all += fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
  }
  return all;
}

/// Sends `input` to `program mode` as fast as it takes it, reads until its output ends.
/// @return requests a second; 0 when a reply is missing
double rate(const char* program, const char* mode, std::string_view input) {
  std::array<int, 2> to{};
  std::array<int, 2> from{};
  if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0) return 0;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  std::array<char*, 3> arguments{const_cast<char*>(program), const_cast<char*>(mode), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program, &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(to[0]);
  ::close(from[1]);
  if (failed != 0) return 0;
  ::fcntl(to[1], F_SETFL, O_NONBLOCK);

  std::size_t replies = 0;
  std::string chunk(65536, '\0');
  const auto begin = std::chrono::steady_clock::now();
  for (bool open = true; open;) {
    std::array<pollfd, 2> ends{pollfd{.fd = from[0], .events = POLLIN, .revents = 0},
                               pollfd{.fd = to[1], .events = POLLOUT, .revents = 0}};
    ::poll(ends.data(), to[1] < 0 ? 1 : 2, -1);
    if (to[1] >= 0 && ends[1].revents != 0) {
      const ssize_t wrote = ::write(to[1], input.data(), std::min<std::size_t>(input.size(), 65536));
      if (wrote > 0) input.remove_prefix(static_cast<std::size_t>(wrote));
      if (input.empty()) {
        ::close(to[1]);
        to[1] = -1;
      }
    }
    if (ends[0].revents != 0) {
      const ssize_t got = ::read(from[0], chunk.data(), chunk.size());
      open = got > 0;
      // Every frame has one blank line; a read may end between its two halves, but '\r' comes once each two.
      for (const char c : std::string_view(chunk.data(), open ? static_cast<std::size_t>(got) : 0))
        replies += c == '\r';
    }
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  ::close(from[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return replies == std::size_t{2} * requests && status == 0 ? requests / seconds.count() : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "--serve") return antiphon::run_main(serve());
  if (mode == "--copy") return copy_bytes();

  const std::string input = session();
  double floor = 0;
  double endpoint = 0;
  for (int round = 0; round < rounds; ++round) {
    floor = std::max(floor, rate("/proc/self/exe", "--copy", input));
    endpoint = std::max(endpoint, rate("/proc/self/exe", "--serve", input));
  }
  if (floor == 0 || endpoint == 0) {
    fmt::print(stderr, "pipelined_echo: a server did not answer everything\n");
    return 1;
  }
  fmt::print("{} pipelined echo requests of {} bytes over pipes, best of {}\n", requests,
             input.size() / requests, rounds);
  fmt::print("{:<34}{:>14}{:>10}\n", "", "requests/s", "ratio");
  fmt::print("{:<34}{:>14.0f}{:>10.2f}\n", "copying the bytes only", floor, 1.0);
  fmt::print("{:<34}{:>14.0f}{:>10.2f}\n", "antiphon, fully validated", endpoint, endpoint / floor);
}
