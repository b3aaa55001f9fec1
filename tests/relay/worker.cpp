// A server for the tests of the relay, which does on request what processes do that need a supervisor.

#include <antiphon/antiphon.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;

asio::awaitable<void> sleep_for(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<int> serve(antiphon::endpoint_options options, bool stubborn) {
  antiphon::router routes;
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  routes.on_request("pid", [] { return ::getpid(); });
  routes.on_request("rpc.health", [] { return "well"; });
  routes.on_request("slow", [](int milliseconds) -> asio::awaitable<int> {
    auto sleeping = sleep_for(std::chrono::milliseconds(milliseconds));
    co_await std::move(sleeping);
    co_return milliseconds;
  });
  routes.on_request("never", []() -> asio::awaitable<void> {
    auto sleeping = sleep_for(std::chrono::hours(1));
    co_await std::move(sleeping);
  });
  routes.on_notification("exit", [](int code) { std::_Exit(code); });
  routes.on_request("answer_and_exit", [](antiphon::call_context& call, int code) -> asio::awaitable<void> {
    auto answering = call.answer(std::string("gone"));
    co_await std::move(answering);
    std::_Exit(code);
  });
  routes.on_notification("hang", [] {
    for (;;) ::pause();
  });
  routes.on_notification("close_output", [] {
    // Where the protocol's own descriptor is, nobody tells.
    for (int fd = 3; fd < 64; ++fd) ::close(fd);
  });
  routes.on_notification("say", [](antiphon::call_context& call, std::string text) -> asio::awaitable<void> {
    auto telling = call.notify("said", text);
    co_await std::move(telling);
  });
  antiphon::endpoint peer(co_await antiphon::open_stdio(), std::move(routes), std::move(options));
  auto running = peer.run();
  const antiphon::ended how = co_await std::move(running);
  if (stubborn) {
    auto sleeping = sleep_for(std::chrono::hours(1));
    co_await std::move(sleeping);
  }
  co_return how.exit_code();
}

}  // namespace

/// worker [line] [stubborn] [exit=N]
int main(int argc, char** argv) {
  antiphon::endpoint_options options;
  bool stubborn = false;
  for (const std::string_view word : std::vector<std::string_view>(argv + 1, argv + argc)) {
    if (word == "line") options.framing = antiphon::line_framing::make;
    if (word == "stubborn") {
      stubborn = true;
      ::signal(SIGTERM, SIG_IGN);
    }
    if (word.starts_with("exit=")) return std::atoi(word.data() + 5);
  }
  return antiphon::run_main(serve(std::move(options), stubborn));
}
