// A middleware of one's own: it limits how many requests a second each connection may make.
//
//     antiphon-custom-middleware /tmp/slow.sock            10 a second, 20 at once
//     antiphon-custom-middleware /tmp/slow.sock 0.5 3      one in two seconds, 3 at once
//
// To begin with your own, copy the class and keep the hooks that you need. HACKING.md ("A middleware of your
// own") says what else there is to do in antiphon's own tree.

#include <antiphon/antiphon.hpp>

#include <boost/json/value.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

/// A bucket of tokens for each connection: each request takes one out, time puts them back in.
class rate_limit final : public antiphon::middleware {
 public:
  rate_limit(double per_second, double at_once)
      : per_second_(per_second), at_once_(at_once), tokens_(at_once) {}

  /// Nothing is called, and nothing costs anything, but what is named here.
  unsigned hooks() const noexcept override { return on_received; }

  /// Each connection gets a bucket of its own. Without this, all would share this one object.
  std::shared_ptr<middleware> for_connection() override {
    return std::make_shared<rate_limit>(per_second_, at_once_);
  }

  /// What is thrown here answers the request; its handler never runs.
  void received(const antiphon::message_event& message) override {
    // Notifications would be dropped without a word, cancellations among them.
    if (message.kind() != antiphon::message_kind::request) return;
    const std::chrono::duration<double> since = message.at() - last_;
    last_ = message.at();
    tokens_ = std::min(at_once_, tokens_ + since.count() * per_second_);
    if (tokens_ < 1) {
      const double milliseconds = std::ceil((1 - tokens_) / per_second_ * 1000);
      const boost::json::value data = {{"retry_after_ms", static_cast<std::int64_t>(milliseconds)}};
      throw antiphon::rpc_error(antiphon::rpc_errc::overloaded, "too many requests", data);
    }
    tokens_ -= 1;
  }

 private:
  double per_second_;
  double at_once_;
  double tokens_;
  antiphon::message_event::clock::time_point last_ = antiphon::message_event::clock::now();
};

boost::asio::awaitable<void> serve(std::string path, double per_second, double at_once) {
  const auto make_routes = [] {
    antiphon::router routes;
    routes.on_request("add", [](int a, int b) { return a + b; }, {"a", "b"});
    return routes;
  };
  antiphon::endpoint_options options;
  options.middleware.push_back(std::make_shared<rate_limit>(per_second, at_once));  // the outermost first
  auto opening = antiphon::listen_unix(path);
  antiphon::listener socket = co_await std::move(opening);
  auto serving = antiphon::serve(socket, make_routes, options);
  co_await std::move(serving);
}

int main(int argc, char** argv) {
  const double per_second = argc > 2 ? std::atof(argv[2]) : 10;
  const double at_once = argc > 3 ? std::atof(argv[3]) : 20;
  if (argc < 2 || argc > 4 || per_second <= 0 || at_once < 1) {
    antiphon::write_to_stderr("usage: antiphon-custom-middleware SOCKET [PER_SECOND [AT_ONCE]]\n");
    return 2;
  }
  return antiphon::run_main(serve(argv[1], per_second, at_once));
}
