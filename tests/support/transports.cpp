#include "tests/support/transports.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <dirent.h>

#include <algorithm>

namespace support {

void drain(asio::io_context& context) {
  context.restart();
  context.run_for(patience);
  const bool ended = context.stopped();
  REQUIRE_MESSAGE(ended, "it hangs");
}

void start(asio::io_context& context, asio::awaitable<void> body, std::exception_ptr& failure) {
  asio::co_spawn(context, std::move(body), [&failure](std::exception_ptr e) {
    if (e && !failure) failure = e;
  });
}

void run_on(asio::io_context& context, asio::awaitable<void> body) {
  std::exception_ptr failure;
  start(context, std::move(body), failure);
  drain(context);
  if (failure) std::rethrow_exception(failure);
}

void run(asio::awaitable<void> body) {
  asio::io_context context(1);
  run_on(context, std::move(body));
}

void run(asio::awaitable<void> first, asio::awaitable<void> second) {
  asio::io_context context(1);
  std::exception_ptr failure;
  start(context, std::move(first), failure);
  start(context, std::move(second), failure);
  drain(context);
  if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> send(antiphon::transport& to, std::string_view bytes) {
  const std::string_view parts[] = {bytes};
  auto sending = to.send(parts);
  co_await std::move(sending);
}

asio::awaitable<std::string> receive(antiphon::transport& from, std::size_t count) {
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

asio::awaitable<std::string> receive_all(antiphon::transport& from) {
  auto receiving = receive(from, std::string::npos / 2);
  auto all = co_await std::move(receiving);
  co_return all;
}

asio::awaitable<void> settle() {
  const auto executor = co_await asio::this_coro::executor;
  for (int i = 0; i < 20; ++i) co_await asio::post(executor, asio::deferred);
}

asio::awaitable<void> pause_for(std::chrono::milliseconds time) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, time);
  co_await timer.async_wait(asio::deferred);
}

std::size_t count_entries(const char* directory) {
  std::size_t count = 0;
  DIR* open = ::opendir(directory);
  while (::readdir(open) != nullptr) ++count;
  ::closedir(open);
  return count;
}

std::size_t open_descriptors() { return count_entries("/proc/self/fd"); }

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 131 + (i >> 8) * 17) & 0xff);
  return bytes;
}

}  // namespace support
