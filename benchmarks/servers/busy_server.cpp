// The server that `./dev bench overload` and `./dev bench concurrency` ask for more than it can do, or for
// slow work and fast work at once, on standard input and output.
//
//     busy_server [--reject] [--permits N] [--queue N]

#include <antiphon/antiphon.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio::awaitable;

constexpr auto slow_time = std::chrono::milliseconds(10);
constexpr auto computing_time = std::chrono::milliseconds(1);
constexpr std::size_t heavy_bytes = 256 * 1024;

awaitable<antiphon::raw_json> slow(antiphon::raw_json params) {
  asio::steady_timer timer(co_await asio::this_coro::executor, slow_time);
  co_await timer.async_wait(asio::use_awaitable);
  co_return params;
}

antiphon::raw_json heavy(antiphon::raw_json params) {
  const std::string document(heavy_bytes, params.text().empty() ? ' ' : params.text().front());
  // Looked at, so that it is made.
  if (document[document.size() / 2] == '\0') std::abort();
  return params;
}

antiphon::raw_json compute(antiphon::raw_json params) {
  const auto end = std::chrono::steady_clock::now() + computing_time;
  while (std::chrono::steady_clock::now() < end) continue;
  return params;
}

awaitable<antiphon::ended> serve(antiphon::endpoint_options options, asio::any_io_executor pool) {
  antiphon::router routes;
  antiphon::route_options elsewhere;
  elsewhere.executor = std::move(pool);
  routes.on_request("compute", compute, {}, elsewhere);
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  routes.on_request("slow", slow);
  routes.on_request("heavy", heavy);
  auto opening = antiphon::open_stdio();
  auto over = co_await std::move(opening);
  antiphon::endpoint peer(std::move(over), std::move(routes), std::move(options));
  auto running = peer.run();
  const antiphon::ended how = co_await std::move(running);
  co_return how;
}

}  // namespace

int main(int argc, char** argv) {
  antiphon::endpoint_options options;
  asio::thread_pool pool(1);
  for (int at = 1; at < argc; ++at) {
    const std::string_view option = argv[at];
    if (option == "--reject") {
      options.overload = antiphon::overload::reject;
    } else if (option == "--permits" && at + 1 < argc) {
      options.max_in_flight = std::strtoul(argv[++at], nullptr, 10);
    } else if (option == "--queue" && at + 1 < argc) {
      options.max_queued = std::strtoul(argv[++at], nullptr, 10);
    } else {
      std::fprintf(stderr, "busy_server: no option %s\n", argv[at]);
      return 2;
    }
  }
  // Where there are fewer cores than threads, what computes must not keep what answers waiting for its core.
  asio::post(pool, [] { ::setpriority(PRIO_PROCESS, 0, 19); });
  return antiphon::run_main(serve(std::move(options), pool.get_executor()));
}
