#include "tests/integration/links.hpp"

#include "tests/support/pairs.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

namespace links {

using antiphon::asio::awaitable;

const std::vector<framing>& framings() {
  static const std::vector<framing> all = {
      {"content-length", antiphon::content_length_framing::make, "content-length"},
      {"line", antiphon::line_framing::make, "newline"},
      {"sequence", antiphon::sequence_framing::make, nullptr},
  };
  return all;
}

namespace {

template <support::kind Kind>
awaitable<link> in_process(const framing&) {
  auto making = support::make_pair(Kind);
  support::pair both = co_await std::move(making);
  link result;
  result.near = std::move(both.near);
  result.far = std::move(both.far);
  co_return result;
}

awaitable<link> child_over_pipes(const framing& with) {
  antiphon::command server(program("antiphon-conformance"));
  server.arg("--framing").arg(with.option);
  auto spawning = antiphon::spawn(std::move(server));
  link result;
  result.near = co_await std::move(spawning);
  co_return result;
}

// As inetd would: one socket is the program's standard input and output at once.
awaitable<link> child_on_a_socketpair(const framing& with) {
  const auto ends = support::make_socketpair();
  const std::string path = program("antiphon-conformance");
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid == 0) {
    // Twice, so that nobody has to wait for the server: init does.
    if (::fork() != 0) ::_exit(0);
    ::dup2(ends.second, 0);
    ::dup2(ends.second, 1);
    ::execl(path.c_str(), path.c_str(), "--framing", with.option, static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::close(ends.second);
  auto opening = support::open_descriptors(ends.first, ends.first);
  link result;
  result.near = co_await std::move(opening);
  co_return result;
}

awaitable<std::uint64_t> sleep_for(std::uint64_t ms) {
  antiphon::asio::steady_timer timer(co_await antiphon::asio::this_coro::executor,
                                     std::chrono::milliseconds(ms));
  co_await timer.async_wait(antiphon::asio::use_awaitable);
  co_return ms;
}

awaitable<antiphon::raw_json> call_back(antiphon::call_context& call, std::string method,
                                        antiphon::raw_json params) {
  auto calling = call.call(method, params);
  antiphon::raw_json result = co_await std::move(calling);
  co_return result;
}

}  // namespace

const std::vector<transport>& transports() {
  static const std::vector<transport> all = {
      {"memory pipe", in_process<support::kind::memory>, false},
      {"TCP", in_process<support::kind::tcp>, false},
      {"Unix socket", in_process<support::kind::unix_socket>, false},
      {"stdio on pipes", in_process<support::kind::stdio_on_pipes>, false},
      {"stdio on a socketpair", in_process<support::kind::stdio_on_socketpair>, false},
      {"child process over pipes", child_over_pipes, true},
      {"child process on a socketpair", child_on_a_socketpair, true},
  };
  return all;
}

antiphon::router make_routes(int& bumps) {
  antiphon::router routes;
  routes.on_request("subtract", [](int minuend, int subtrahend) { return minuend - subtrahend; },
                    {"minuend", "subtrahend"});
  routes.on_request("sum", [](const std::vector<int>& numbers) {
    int total = 0;
    for (const int n : numbers) total += n;
    return total;
  });
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  routes.on_request("get_data", [] { return std::tuple<std::string, int>("hello", 5); });
  routes.on_request("sleep", sleep_for, {"ms"});
  routes.on_request("throw", [] { throw std::runtime_error("a secret that stays inside"); });
  routes.on_request("fail",
                    [](int code, std::string message, std::optional<antiphon::raw_json> data) {
                      throw antiphon::rpc_error(code, std::move(message), std::move(data));
                    },
                    {"code", "message", "data"});
  for (const char* ignored : {"update", "notify_hello", "notify_sum"})
    routes.on_notification(ignored, [](antiphon::raw_json) {});
  routes.on_notification("bump", [&bumps] { ++bumps; });
  routes.on_request("count", [&bumps] { return bumps; });
  routes.on_request("call_back", call_back, {"method", "params"});
  return routes;
}

std::string program(const std::string& name) {
  namespace fs = std::filesystem;
  const fs::path build = fs::read_symlink("/proc/self/exe").parent_path().parent_path().parent_path();
  for (const char* place : {"tests/conformance", "examples/1_tutorial", "examples/3_advanced"}) {
    const fs::path found = build / place / name;
    if (fs::exists(found)) return found;
  }
  throw std::runtime_error(name + " is not built under " + build.string());
}

}  // namespace links
