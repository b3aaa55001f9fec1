#pragma once

#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// An endpoint under test and a peer written by hand.
namespace support {

using asio::awaitable;

inline boost::json::value json(std::string_view text) { return boost::json::parse(text); }

// Messages without parameters.
std::string request(int id, const std::string& method);
std::string notification(const std::string& method);
std::string cancellation(int id);

/// A handler that takes so many milliseconds to say 5.
awaitable<int> nap(int ms);

/// The peer's side of a connection, in lines of text.
class wire {
 public:
  explicit wire(antiphon::transport_ptr over) : transport_(std::move(over)) {}

  /// Sends one message, or several with line ends between them: they arrive in one read.
  awaitable<void> say(std::string text);
  /// The next message; empty at the end of the input.
  awaitable<std::string> hear();
  /// The same as a value; null at the end of the input.
  awaitable<boost::json::value> hear_json();
  awaitable<boost::json::value> ask(std::string text);

  /// Nothing more will be said.
  void fall_silent() { transport_->shutdown_send(); }
  void hang_up() { transport_->close(); }
  antiphon::transport& transport() { return *transport_; }

 private:
  antiphon::transport_ptr transport_;
  std::string received_;
};

antiphon::endpoint_options in_lines(antiphon::endpoint_options options = antiphon::endpoint_options());

class session {
 public:
  explicit session(antiphon::router routes = antiphon::router(),
                   antiphon::endpoint_options options = antiphon::endpoint_options(),
                   antiphon::memory_pipe_options pipe = antiphon::memory_pipe_options());

  /// Runs the endpoint beside `script`, a coroutine function of this session, until both have ended. The peer
  /// hangs up when the script is over.
  void play(const std::function<awaitable<void>(session&)>& script);

  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);

 private:
  std::pair<antiphon::transport_ptr, antiphon::transport_ptr> ends_;

 public:
  wire peer;
  std::optional<antiphon::endpoint> endpoint;
  /// How the endpoint ended.
  std::optional<antiphon::ended> how;

 private:
  awaitable<void> run_endpoint();
  awaitable<void> follow(awaitable<void> script);

  std::exception_ptr failure_;
};

/// The answer of an endpoint with these routes to one request.
boost::json::value answer_to(antiphon::router routes, std::string request,
                             antiphon::endpoint_options options = antiphon::endpoint_options());

/// Two endpoints that talk to each other on one io_context.
class couple {
 public:
  explicit couple(antiphon::router left_routes = antiphon::router(),
                  antiphon::router right_routes = antiphon::router(),
                  antiphon::endpoint_options left_options = antiphon::endpoint_options(),
                  antiphon::endpoint_options right_options = antiphon::endpoint_options());

  /// Runs both; `script` is the left one's body.
  void play(const std::function<awaitable<void>(couple&)>& script);

  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);
  std::optional<antiphon::endpoint> left;
  std::optional<antiphon::endpoint> right;
  std::optional<antiphon::ended> left_end;
  std::optional<antiphon::ended> right_end;

 private:
  awaitable<void> run_left(std::function<awaitable<void>(antiphon::endpoint&)> body);
  awaitable<void> run_right();

  std::exception_ptr failure_;
};

// Of an answer that is an error.
std::string error_message(const boost::json::value& answer);
std::int64_t error_code_of(const boost::json::value& answer);

}  // namespace support
