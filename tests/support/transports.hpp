#pragma once

#include <antiphon/error.hpp>
#include <antiphon/transport/transport.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

/// What tests of and over transports share.
namespace support {

namespace asio = boost::asio;
using antiphon::error_code;

inline constexpr auto patience = std::chrono::seconds(30);

/// Runs the context until it has no work; a hang fails the test and does not stop the suite.
void drain(asio::io_context& context);

/// Starts `body`; its exception ends up in `failure`.
void start(asio::io_context& context, asio::awaitable<void> body, std::exception_ptr& failure);

/// Runs `body` on `context`, and whatever it has left in the background, to the end.
void run_on(asio::io_context& context, asio::awaitable<void> body);

void run(asio::awaitable<void> body);
/// Two at once.
void run(asio::awaitable<void> first, asio::awaitable<void> second);

/// How the operation ended: no error when it succeeded.
template <class T>
asio::awaitable<error_code> error_of(asio::awaitable<T> operation) {
  try {
    co_await std::move(operation);
  } catch (const boost::system::system_error& e) {
    co_return e.code();
  }
  co_return error_code();
}

/// The text of the error with which it ended; empty when it succeeded.
template <class T>
asio::awaitable<std::string> what_of(asio::awaitable<T> operation) {
  try {
    co_await std::move(operation);
  } catch (const std::exception& e) {
    co_return e.what();
  }
  co_return std::string();
}

/// Sends one piece.
asio::awaitable<void> send(antiphon::transport& to, std::string_view bytes);

/// Receives until there are `count` bytes or the input ends.
asio::awaitable<std::string> receive(antiphon::transport& from, std::size_t count);

/// Receives until the input ends.
asio::awaitable<std::string> receive_all(antiphon::transport& from);

/// Lets everything that is ready run, a few times over, so that the other coroutines are suspended for good.
asio::awaitable<void> settle();

/// Sleeps; for polling what other processes do.
asio::awaitable<void> pause_for(std::chrono::milliseconds time);

std::size_t count_entries(const char* directory);

/// How many descriptors this process has open.
std::size_t open_descriptors();

/// Bytes that are easy to tell apart at any offset.
std::string pattern(std::size_t size);

}  // namespace support
