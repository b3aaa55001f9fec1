#include "benchmarks/transport/transfer.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <stdexcept>
#include <vector>

namespace bench {
namespace {

namespace asio = boost::asio;

// What a pipe and a receive buffer hold.
constexpr std::size_t piece = 64 << 10;

std::string_view payload() {
  static const std::string bytes(std::size_t{1} << 20, 'x');
  return bytes;
}

// How the two coroutines of a transfer end.
struct outcome {
  std::size_t running = 2;
  std::exception_ptr failure;

  void note(std::exception_ptr why) noexcept {
    --running;
    if (why) failure = why;
  }
};

asio::awaitable<void> send_all(antiphon::transport& to, const load& what) {
  const std::string_view part = payload().substr(0, what.size);
  for (std::size_t i = 0; i < what.count; ++i) co_await to.send(std::span(&part, 1));
}

asio::awaitable<void> receive_all(antiphon::transport& from, std::size_t size) {
  antiphon::buffer into = from.acquire(piece);
  while (size > 0) {
    into.clear();
    const std::size_t got = co_await from.receive_into(into);
    if (got == 0) throw std::runtime_error("the input has ended");
    size -= got;
  }
}

}  // namespace

std::span<const load> loads() {
  static const std::array<load, 4> all{
      {{"64 B", 64, 4096}, {"4 KiB", 4 << 10, 256}, {"64 KiB", 64 << 10, 16}, {"1 MiB", 1 << 20, 2}}};
  return all;
}

void connection::transfer(asio::io_context& context, const load& what) {
  outcome end;
  const auto note = [&end](std::exception_ptr why) { end.note(why); };
  antiphon::transport& to = to_ ? *to_ : *from_;
  asio::co_spawn(context, receive_all(to, what.bytes()), note);
  asio::co_spawn(context, send_all(*from_, what), note);
  context.restart();
  // Not `run`: a child process is work for the context as long as it lives.
  while (end.running > 0 && !end.failure) context.run_one();
  if (end.failure) std::rethrow_exception(end.failure);
}

bare_connection::bare_connection(int from, int to) : from_(from), to_(to) {
  ::fcntl(from_, F_SETFL, O_NONBLOCK);
  ::fcntl(to_, F_SETFL, O_NONBLOCK);
}

bare_connection::~bare_connection() {
  ::close(from_);
  ::close(to_);
}

void bare_connection::transfer(const load& what) {
  static std::vector<char> into(piece);
  std::size_t unsent = what.bytes();
  std::size_t missing = unsent;
  std::string_view part;
  while (missing > 0) {
    while (unsent > 0) {
      if (part.empty()) part = payload().substr(0, what.size);
      const ssize_t wrote = ::write(from_, part.data(), part.size());
      if (wrote < 0) break;
      part.remove_prefix(static_cast<std::size_t>(wrote));
      unsent -= static_cast<std::size_t>(wrote);
    }
    for (;;) {
      const ssize_t got = ::read(to_, into.data(), into.size());
      if (got == 0) throw std::runtime_error("the input has ended");
      if (got < 0) break;
      missing -= static_cast<std::size_t>(got);
    }
  }
}

}  // namespace bench
