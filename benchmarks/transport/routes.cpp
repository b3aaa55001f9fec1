#include "benchmarks/transport/transfer.hpp"

#include <antiphon/transport/child_process.hpp>
#include <antiphon/transport/listener.hpp>
#include <antiphon/transport/memory_pipe.hpp>
#include <antiphon/transport/stdio.hpp>
#include <antiphon/transport/tcp.hpp>
#include <antiphon/transport/unix_socket.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <utility>

namespace bench {
namespace {

namespace asio = boost::asio;
using antiphon::transport_ptr;

template <class T>
T run(asio::io_context& context, asio::awaitable<T> what) {
  auto result = asio::co_spawn(context, std::move(what), asio::use_future);
  context.restart();
  while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) context.run_one();
  return result.get();
}

void check(int result) {
  if (result < 0) throw std::runtime_error("a system call failed");
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC));
  return ends;
}
std::array<int, 2> make_socketpair() {
  std::array<int, 2> ends{};
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()));
  return ends;
}
std::array<int, 2> make_tcp() {
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const general = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listening, general, size));
  check(::listen(listening, 1));
  check(::getsockname(listening, general, &size));
  const int one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(::connect(one, general, size));
  const int other = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
  check(other);
  ::close(listening);
  const int on = 1;
  check(::setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  return {one, other};
}

template <std::array<int, 2> (*Make)()>
bare_connection bare_sockets() {
  const auto ends = Make();
  return bare_connection(ends[0], ends[1]);
}
bare_connection bare_pipe() {
  const auto ends = make_pipe();
  return bare_connection(ends[1], ends[0]);
}

// As standard input and output are opened. The descriptors stay with the caller.
transport_ptr open_descriptors(asio::io_context& context, int input, int output) {
  antiphon::stdio_options options;
  options.input = input;
  options.output = output;
  options.protect_stdout = false;
  return run(context, antiphon::open_stdio(options));
}

connection memory_pipe(asio::io_context& context) {
  auto [one, other] = antiphon::make_memory_pipe(context.get_executor());
  return connection(std::move(one), std::move(other));
}

connection pipe(asio::io_context& context) {
  const auto ends = make_pipe();
  connection made(open_descriptors(context, ends[0], ends[1]));
  ::close(ends[0]);
  ::close(ends[1]);
  return made;
}

connection socketpair(asio::io_context& context) {
  const auto ends = make_socketpair();
  auto one = open_descriptors(context, ends[0], ends[0]);
  auto other = open_descriptors(context, ends[1], ends[1]);
  ::close(ends[0]);
  ::close(ends[1]);
  return connection(std::move(one), std::move(other));
}

connection tcp(asio::io_context& context) {
  auto at = run(context, antiphon::listen_tcp());
  auto one = run(context, antiphon::connect_tcp("127.0.0.1", at.port()));
  return connection(std::move(one), run(context, at.accept()));
}

connection unix_socket(asio::io_context& context) {
  auto at = run(context, antiphon::listen_unix("@antiphon-benchmark-" + std::to_string(::getpid())));
  auto one = run(context, antiphon::connect_unix(at.address()));
  return connection(std::move(one), run(context, at.accept()));
}

connection child_process(asio::io_context& context) {
  antiphon::command cat("cat");
  return connection(run(context, antiphon::spawn(std::move(cat))));
}

}  // namespace

std::span<const route> routes() {
  static constexpr std::array<route, 6> all{{
      {"memory pipe", memory_pipe, nullptr},
      {"pipe", pipe, bare_pipe},
      {"socketpair", socketpair, bare_sockets<make_socketpair>},
      {"tcp", tcp, bare_sockets<make_tcp>},
      {"unix socket", unix_socket, bare_sockets<make_socketpair>},
      {"child process", child_process, nullptr},
  }};
  return all;
}

}  // namespace bench
