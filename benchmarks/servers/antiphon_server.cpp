// The server that `./dev bench roundtrip` measures: a full endpoint with all its defaults on standard input
// and output. With an argument, `--method-statistics`, it collects those too.

#include <antiphon/antiphon.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace {

boost::asio::awaitable<antiphon::ended> serve(bool statistics) {
  antiphon::endpoint_options options;
  if (statistics) options.method_statistics = std::make_shared<antiphon::method_statistics>();
  antiphon::router routes;
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  routes.on_request("add", [](std::int64_t a, std::int64_t b) { return a + b; }, {"a", "b"});
  routes.on_notification("note", [](antiphon::raw_json) {});
  antiphon::endpoint peer(co_await antiphon::open_stdio(), std::move(routes), std::move(options));
  co_return co_await peer.run();
}

}  // namespace

int main(int argc, char** argv) {
  const bool statistics = argc > 1 && std::string_view(argv[1]) == "--method-statistics";
  return antiphon::run_main(serve(statistics));
}
