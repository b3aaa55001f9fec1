// antiphon-faults-client: a client whose system calls go wrong. Asks antiphon-conformance a fixed row of
// questions, checks each answer, says "right" and exits with 0. Whatever fails is an error message and exit
// code 1. An answer that is wrong is exit code 3, which no fault excuses.

#include <antiphon/antiphon.hpp>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

struct call_back_params {
  std::string method;
  std::vector<int> params;
};
BOOST_DESCRIBE_STRUCT(call_back_params, (), (method, params))

// Milliseconds. Not long, since a server that never heard that nobody waits for it sleeps them out.
constexpr int nap = 500;

void demand(bool right, std::string_view what) {
  if (right) return;
  antiphon::write_to_stderr(fmt::format("wrong: {}\n", what));
  std::_Exit(3);
}

asio::awaitable<void> talk(antiphon::endpoint& server) {
  auto first = co_await server.call<std::vector<std::string>>("echo", "first");
  demand(first == std::vector<std::string>{"first"}, "the first echo");
  co_await server.notify("bump", 0);
  co_await server.notify("bump", 0);
  auto bumps = co_await server.call<int>("count", 0);
  demand(bumps == 2, "the count of notifications");
  const std::string big(150'000, 'x');
  auto echoed = co_await server.call<std::vector<std::string>>("echo", big);
  demand(echoed.size() == 1 && echoed.front() == big, "the echo of much");
  call_back_params back;
  back.method = "client/twice";
  back.params = {21};
  auto twice = co_await server.call<int>("call_back", back);
  demand(twice == 42, "the result of a call back");
  antiphon::call_options impatient(3ms);
  auto waiting = server.try_call<int>(impatient, "sleep", nap);
  auto slept = co_await std::move(waiting);
  const bool timed_out = slept.has_error() && slept.error().code == antiphon::errc::timed_out;
  // What else went wrong is thrown. On a machine that has no time for us its answer may come before ours.
  if (!timed_out) demand(slept.value() == nap, "the result of what takes long");
  auto unknown = server.try_call<int>("none", 0);
  auto refused = co_await std::move(unknown);
  demand(refused.has_error(), "the result of what isn't there");
  auto last = co_await server.call<int>("count", 0);
  demand(last == 2, "the count at the end");
}

antiphon::router routes() {
  antiphon::router made;
  made.on_request("client/twice", [](int what) { return 2 * what; });
  return made;
}

/// A failure of the connection while nothing is asked shows here only.
void check(antiphon::ended how) {
  if (how.exit_code() != 0) throw boost::system::system_error(how.error, "the connection");
}

asio::awaitable<void> over(antiphon::transport_ptr transport) {
  antiphon::endpoint server(std::move(transport), routes());
  auto running = server.run(talk);
  check(co_await std::move(running));
}

antiphon::command quiet_child(const std::string& program) {
  antiphon::command what(program);
  what.env("LD_PRELOAD", "").stderr_to(antiphon::command::stderr_target::discard);
  return what;
}

/// Speaks on its standard error as well.
antiphon::command talking_child(const std::string& program, std::vector<std::string>& lines) {
  antiphon::command what("/bin/sh");
  what.arg("-c").arg("echo one >&2; echo two >&2; exec \"$0\"").arg(program);
  what.env("LD_PRELOAD", "").stderr_to([&lines](std::string_view line) { lines.emplace_back(line); });
  return what;
}

asio::awaitable<void> with_child(const std::string& program) {
  std::vector<std::string> lines;
  antiphon::child_process child(co_await asio::this_coro::executor, talking_child(program, lines));
  auto talking = over(child.take_stdio());
  co_await std::move(talking);
  auto stopping = child.stop();
  const antiphon::exit_status how = co_await std::move(stopping);
  if (!how.success()) throw std::runtime_error(fmt::format("the child ended: {} {}", how.code, how.signal));
  if (lines != std::vector<std::string>{"one", "two"}) {
    throw std::runtime_error(fmt::format("{} lines of the child's standard error", lines.size()));
  }
}

asio::awaitable<void> with(std::string_view how, const std::string& where) {
  if (how == "child") {
    auto talking = with_child(where);
    co_await std::move(talking);
    co_return;
  }
  antiphon::transport_ptr transport;
  if (how == "spawn") {
    auto spawning = antiphon::spawn(quiet_child(where));
    transport = co_await std::move(spawning);
  } else if (how == "unix") {
    auto connecting = antiphon::connect_unix(where);
    transport = co_await std::move(connecting);
  } else if (how == "tcp") {
    std::uint16_t port = 0;
    std::from_chars(where.data(), where.data() + where.size(), port);
    auto connecting = antiphon::connect_tcp("127.0.0.1", port);
    transport = co_await std::move(connecting);
  } else {
    throw std::runtime_error("how?");
  }
  auto talking = over(std::move(transport));
  co_await std::move(talking);
}

asio::awaitable<void> converse(std::string_view how, const std::string& where) {
  auto talking = with(how, where);
  co_await std::move(talking);
  std::fputs("right\n", stdout);
}

}  // namespace

/// child PROGRAM | spawn PROGRAM | unix PATH | tcp PORT
int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string where = argv[2];
  return antiphon::run_main(converse(argv[1], where));
}
