// The server that `./dev bench roundtrip` measures: a full endpoint with all its defaults on standard input
// and output.

#include <antiphon/antiphon.hpp>

#include <cstdint>
#include <utility>

namespace {

boost::asio::awaitable<antiphon::ended> serve() {
  antiphon::router routes;
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  routes.on_request("add", [](std::int64_t a, std::int64_t b) { return a + b; }, {"a", "b"});
  routes.on_notification("note", [](antiphon::raw_json) {});
  antiphon::endpoint peer(co_await antiphon::open_stdio(), std::move(routes));
  co_return co_await peer.run();
}

}  // namespace

int main() { return antiphon::run_main(serve()); }
