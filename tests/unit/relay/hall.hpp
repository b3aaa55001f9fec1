#pragma once

#include "tests/support/session.hpp"

#include <antiphon/relay/broker.hpp>

#include <boost/json/serialize.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

/// A relay with clients and servers written by hand around it, on one io_context.
namespace support {

namespace relay = antiphon::relay;

/// An endpoint of the relay, and the peer at the other end.
struct party {
  party(asio::io_context& context, antiphon::router routes, antiphon::endpoint_options options)
      : party(antiphon::make_memory_pipe(context.get_executor()), std::move(routes), std::move(options)) {}
  party(std::pair<antiphon::transport_ptr, antiphon::transport_ptr> ends, antiphon::router routes,
        antiphon::endpoint_options options)
      : wire(std::move(ends.first)),
        endpoint(std::move(ends.second), std::move(routes), std::move(options)) {}

  support::wire wire;
  antiphon::endpoint endpoint;

  awaitable<void> run() {
    auto running = endpoint.run();
    co_await std::move(running);
  }
};

class hall {
 public:
  explicit hall(relay::broker_options options = relay::broker_options()) : hub(std::move(options)) {}

  /// A target that is up; its peer is what this returns.
  wire& up(std::string name, relay::target_options options = relay::target_options()) {
    relay::target& made = hub.add(std::move(name), std::move(options));
    return attach(made);
  }
  wire& attach(relay::target& to, antiphon::endpoint_options options = antiphon::endpoint_options()) {
    party& made = parties_.emplace_back(*context, hub.target_routes(to), in_lines(std::move(options)));
    start(*context, made.run(), failure_);
    to.attach(made.endpoint);
    return made.wire;
  }
  wire& client(antiphon::endpoint_options options = antiphon::endpoint_options()) {
    party& made = add(hub.client_routes(), in_lines(std::move(options)));
    members.push_back(hub.join(made.endpoint));
    return made.wire;
  }
  party& add(antiphon::router routes, antiphon::endpoint_options options) {
    party& made = parties_.emplace_back(*context, std::move(routes), std::move(options));
    start(*context, made.run(), failure_);
    return made;
  }

  /// Runs everything until `script` is over and all have hung up.
  void play(std::function<awaitable<void>()> script) {
    start(*context, follow(script), failure_);
    drain(*context);
    if (failure_) std::rethrow_exception(failure_);
  }

  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);
  relay::broker hub;
  std::deque<relay::membership> members;

 private:
  awaitable<void> follow(const std::function<awaitable<void>()>& script) {
    struct hang_up_at_end {
      std::deque<party>& all;
      ~hang_up_at_end() {
        for (party& one : all) one.wire.hang_up();
      }
    };
    const hang_up_at_end guard{parties_};
    auto playing = script();
    co_await std::move(playing);
  }

  std::deque<party> parties_;
  std::exception_ptr failure_;
};

// Messages; the id as JSON.
inline std::string request(std::string id, std::string method, std::string params = {}) {
  const std::string given = params.empty() ? params : ",\"params\":" + params;
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + '"' + given + '}';
}
inline std::string result(std::string id, std::string value) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + value + '}';
}

/// Until nothing goes on by itself.
inline awaitable<void> all_settled() {
  auto settling = settle();
  co_await std::move(settling);
}

// Of a peer by hand.
inline awaitable<void> expect(wire& at, std::string wanted) {
  auto hearing = at.hear();
  const std::string heard = co_await std::move(hearing);
  CHECK(heard == wanted);
}

inline awaitable<void> say(wire& at, std::string text) {
  auto saying = at.say(std::move(text));
  co_await std::move(saying);
}

inline awaitable<std::string> hear(wire& at) {
  auto hearing = at.hear();
  co_return co_await std::move(hearing);
}

inline std::string id_of(const std::string& message) {
  return boost::json::serialize(json(message).at("id"));
}

/// The text from `"method"` on: all but the id.
inline std::string from_method(const std::string& message) {
  return message.substr(message.find("\"method\""));
}

}  // namespace support
