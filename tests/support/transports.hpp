#pragma once

#include <antiphon/error.hpp>
#include <antiphon/transport/transport.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <doctest/doctest.h>

#include <dirent.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// What tests of and over transports share.
namespace support {

namespace asio = boost::asio;
using antiphon::error_code;

inline constexpr auto patience = std::chrono::seconds(30);

/// Runs the context until it has no work; a hang fails the test and does not stop the suite.
inline void drain(asio::io_context& context) {
  context.restart();
  context.run_for(patience);
  const bool ended = context.stopped();
  REQUIRE_MESSAGE(ended, "it hangs");
}

/// Starts `body`; its exception ends up in `failure`.
inline void start(asio::io_context& context, asio::awaitable<void> body, std::exception_ptr& failure) {
  asio::co_spawn(context, std::move(body), [&failure](std::exception_ptr e) {
    if (e && !failure) failure = e;
  });
}

/// Runs `body` on `context`, and whatever it has left in the background, to the end.
inline void run_on(asio::io_context& context, asio::awaitable<void> body) {
  std::exception_ptr failure;
  start(context, std::move(body), failure);
  drain(context);
  if (failure) std::rethrow_exception(failure);
}

inline void run(asio::awaitable<void> body) {
  asio::io_context context(1);
  run_on(context, std::move(body));
}

/// Two at once.
inline void run(asio::awaitable<void> first, asio::awaitable<void> second) {
  asio::io_context context(1);
  std::exception_ptr failure;
  start(context, std::move(first), failure);
  start(context, std::move(second), failure);
  drain(context);
  if (failure) std::rethrow_exception(failure);
}

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
inline asio::awaitable<void> send(antiphon::transport& to, std::string_view bytes) {
  const std::string_view parts[] = {bytes};
  auto sending = to.send(parts);
  co_await std::move(sending);
}

/// Receives until there are `count` bytes or the input ends.
inline asio::awaitable<std::string> receive(antiphon::transport& from, std::size_t count) {
  std::string all;
  while (all.size() < count) {
    auto space = antiphon::buffer::allocate(std::min<std::size_t>(count - all.size(), 64 * 1024));
    auto receiving = from.receive_into(space);
    const std::size_t got = co_await std::move(receiving);
    if (got == 0) break;
    all += space.bytes();
  }
  co_return all;
}

/// Receives until the input ends.
inline asio::awaitable<std::string> receive_all(antiphon::transport& from) {
  auto receiving = receive(from, std::string::npos / 2);
  auto all = co_await std::move(receiving);
  co_return all;
}

/// Lets everything that is ready run, a few times over, so that the other coroutines are suspended for good.
inline asio::awaitable<void> settle() {
  const auto executor = co_await asio::this_coro::executor;
  for (int i = 0; i < 20; ++i) co_await asio::post(executor, asio::deferred);
}

/// Sleeps; for polling what other processes do.
inline asio::awaitable<void> pause_for(std::chrono::milliseconds time) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, time);
  co_await timer.async_wait(asio::deferred);
}

inline std::size_t count_entries(const char* directory) {
  std::size_t count = 0;
  DIR* open = ::opendir(directory);
  while (::readdir(open) != nullptr) ++count;
  ::closedir(open);
  return count;
}

/// How many descriptors this process has open.
inline std::size_t open_descriptors() { return count_entries("/proc/self/fd"); }

/// Bytes that are easy to tell apart at any offset.
inline std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 131 + (i >> 8) * 17) & 0xff);
  return bytes;
}

}  // namespace support
