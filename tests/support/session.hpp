#pragma once

#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// An endpoint under test and a peer written by hand.
namespace support {

using asio::awaitable;

inline boost::json::value json(std::string_view text) { return boost::json::parse(text); }

// Messages without parameters.
inline std::string request(int id, const std::string& method) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method + "\"}";
}
inline std::string notification(const std::string& method) {
  return R"({"jsonrpc":"2.0","method":")" + method + "\"}";
}
inline std::string cancellation(int id) {
  return R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":)" + std::to_string(id) + "}}";
}

/// A handler that takes so many milliseconds to say 5.
inline awaitable<int> nap(int ms) {
  auto pausing = pause_for(std::chrono::milliseconds(ms));
  co_await std::move(pausing);
  co_return 5;
}

/// The peer's side of a connection, in lines of text.
class wire {
 public:
  explicit wire(antiphon::transport_ptr over) : transport_(std::move(over)) {}

  /// Sends one message, or several with line ends between them: they arrive in one read.
  awaitable<void> say(std::string text) {
    text += '\n';
    auto sending = send(*transport_, text);
    co_await std::move(sending);
  }
  /// The next message; empty at the end of the input.
  awaitable<std::string> hear() {
    std::size_t end = 0;
    while ((end = received_.find('\n')) == std::string::npos) {
      auto space = antiphon::buffer::allocate(64 * 1024);
      auto receiving = transport_->receive_into(space);
      const std::size_t count = co_await std::move(receiving);
      if (count == 0) co_return std::string();
      received_ += space.bytes();
    }
    std::string line = received_.substr(0, end);
    received_.erase(0, end + 1);
    co_return line;
  }
  /// The same as a value; null at the end of the input.
  awaitable<boost::json::value> hear_json() {
    auto hearing = hear();
    const std::string line = co_await std::move(hearing);
    boost::json::value message;
    if (!line.empty()) message = json(line);
    co_return message;
  }
  awaitable<boost::json::value> ask(std::string text) {
    auto saying = say(std::move(text));
    co_await std::move(saying);
    auto hearing = hear_json();
    boost::json::value message = co_await std::move(hearing);
    co_return message;
  }

  /// Nothing more will be said.
  void fall_silent() { transport_->shutdown_send(); }
  void hang_up() { transport_->close(); }
  antiphon::transport& transport() { return *transport_; }

 private:
  antiphon::transport_ptr transport_;
  std::string received_;
};

inline antiphon::endpoint_options in_lines(
    antiphon::endpoint_options options = antiphon::endpoint_options()) {
  options.framing = antiphon::line_framing::make;
  return options;
}

class session {
 public:
  explicit session(antiphon::router routes = antiphon::router(),
                   antiphon::endpoint_options options = antiphon::endpoint_options(),
                   antiphon::memory_pipe_options pipe = antiphon::memory_pipe_options())
      : ends_(antiphon::make_memory_pipe(context->get_executor(), pipe)), peer(std::move(ends_.first)) {
    endpoint.emplace(std::move(ends_.second), std::move(routes), in_lines(std::move(options)));
  }

  /// Runs the endpoint beside `script`, a coroutine function of this session, until both have ended. The peer
  /// hangs up when the script is over.
  template <class Script>
  void play(Script script) {
    start(*context, run_endpoint(), failure_);
    start(*context, follow(script(*this)), failure_);
    drain(*context);
    if (failure_) std::rethrow_exception(failure_);
  }

  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);

 private:
  std::pair<antiphon::transport_ptr, antiphon::transport_ptr> ends_;

 public:
  wire peer;
  std::optional<antiphon::endpoint> endpoint;
  /// How the endpoint ended.
  std::optional<antiphon::ended> how;

 private:
  awaitable<void> run_endpoint() {
    auto running = endpoint->run();
    how = co_await std::move(running);
  }
  awaitable<void> follow(awaitable<void> script) {
    struct hang_up_at_end {
      wire& peer;
      ~hang_up_at_end() { peer.hang_up(); }
    };
    const hang_up_at_end guard{peer};
    co_await std::move(script);
  }

  std::exception_ptr failure_;
};

/// The answer of an endpoint with these routes to one request.
inline boost::json::value answer_to(antiphon::router routes, std::string request,
                                    antiphon::endpoint_options options = antiphon::endpoint_options()) {
  session one(std::move(routes), std::move(options));
  boost::json::value answer;
  one.play([&](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(request);
    answer = co_await std::move(asking);
  });
  return answer;
}

/// Two endpoints that talk to each other on one io_context.
class couple {
 public:
  explicit couple(antiphon::router left_routes = antiphon::router(),
                  antiphon::router right_routes = antiphon::router(),
                  antiphon::endpoint_options left_options = antiphon::endpoint_options(),
                  antiphon::endpoint_options right_options = antiphon::endpoint_options()) {
    auto ends = antiphon::make_memory_pipe(context->get_executor());
    left.emplace(std::move(ends.first), std::move(left_routes), std::move(left_options));
    right.emplace(std::move(ends.second), std::move(right_routes), std::move(right_options));
  }

  /// Runs both; `script` is the left one's body.
  template <class Script>
  void play(Script script) {
    start(*context, run_right(), failure_);
    start(*context, run_left([&script, this](antiphon::endpoint&) { return script(*this); }), failure_);
    drain(*context);
    if (failure_) std::rethrow_exception(failure_);
  }

  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);
  std::optional<antiphon::endpoint> left;
  std::optional<antiphon::endpoint> right;
  std::optional<antiphon::ended> left_end;
  std::optional<antiphon::ended> right_end;

 private:
  awaitable<void> run_left(std::function<awaitable<void>(antiphon::endpoint&)> body) {
    auto running = left->run(std::move(body));
    left_end = co_await std::move(running);
  }
  awaitable<void> run_right() {
    auto running = right->run();
    right_end = co_await std::move(running);
  }

  std::exception_ptr failure_;
};

// Of an answer that is an error.
inline std::string error_message(const boost::json::value& answer) {
  return std::string(answer.at("error").at("message").as_string());
}
inline std::int64_t error_code_of(const boost::json::value& answer) {
  return answer.at("error").at("code").as_int64();
}

}  // namespace support
