#include <antiphon/antiphon.hpp>

#include <fmt/core.h>

struct add_params {
  int a = 0, b = 0;
};
BOOST_DESCRIBE_STRUCT(add_params, (), (a, b))

boost::asio::awaitable<antiphon::ended> serve() {
  antiphon::router routes;
  routes.on_request("add", [](add_params p) { return p.a + p.b; });  // by name or by position
  routes.on_request("subtract", [](int from, int what) { return from - what; }, {"from", "what"});
  routes.on_notification("log", [](std::string_view line) { fmt::print(stderr, "{}\n", line); });

  antiphon::endpoint peer(co_await antiphon::open_stdio(), std::move(routes));
  co_return co_await peer.run();  // until the end of input
}

int main() { return antiphon::run_main(serve()); }
