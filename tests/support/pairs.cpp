#include "tests/support/pairs.hpp"

#include <antiphon/transport/child_process.hpp>
#include <antiphon/transport/memory_pipe.hpp>
#include <antiphon/transport/stdio.hpp>
#include <antiphon/transport/tcp.hpp>
#include <antiphon/transport/unix_socket.hpp>

#include <boost/asio/this_coro.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace support {

using antiphon::asio::awaitable;

namespace {

bool has_loopback_v6() {
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return bound;
}

std::vector<kind> find_two_ended_kinds() {
  std::vector<kind> kinds = {kind::memory,
                             kind::tiny_memory,
                             kind::tcp,
                             kind::unix_socket,
                             kind::abstract_unix_socket,
                             kind::stdio_on_pipes,
                             kind::stdio_on_socketpair};
  if (has_loopback_v6()) kinds.push_back(kind::tcp_v6);
  return kinds;
}

std::vector<kind> find_all_kinds() {
  auto kinds = find_two_ended_kinds();
  kinds.push_back(kind::stdio_on_terminal);
  kinds.push_back(kind::child);
  return kinds;
}

awaitable<pair> accept_and_connect(antiphon::listener& server,
                                   awaitable<antiphon::transport_ptr> connecting) {
  pair both;
  both.near = co_await std::move(connecting);
  auto accepting = server.accept();
  both.far = co_await std::move(accepting);
  server.close();
  co_return both;
}

awaitable<pair> make_tcp(std::string host) {
  auto listening = antiphon::listen_tcp(host, 0);
  antiphon::listener server = co_await std::move(listening);
  auto connecting = accept_and_connect(server, antiphon::connect_tcp(host, server.port()));
  pair both = co_await std::move(connecting);
  co_return both;
}

awaitable<pair> make_unix(std::string path) {
  auto listening = antiphon::listen_unix(path);
  antiphon::listener server = co_await std::move(listening);
  auto connecting = accept_and_connect(server, antiphon::connect_unix(path));
  pair both = co_await std::move(connecting);
  co_return both;
}

awaitable<pair> make_stdio(descriptor_pair near, descriptor_pair far) {
  pair both;
  auto first = open_descriptors(near.first, near.second);
  both.near = co_await std::move(first);
  auto second = open_descriptors(far.first, far.second);
  both.far = co_await std::move(second);
  co_return both;
}

awaitable<pair> make_child() {
  antiphon::command cat("cat");
  auto starting = antiphon::spawn(std::move(cat));
  pair both;
  both.near = co_await std::move(starting);
  co_return both;
}

std::string unique_name() {
  static int count = 0;
  return "@antiphon-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

}  // namespace

const std::vector<kind>& all_kinds() {
  static const auto kinds = find_all_kinds();
  return kinds;
}

const std::vector<kind>& two_ended_kinds() {
  static const auto kinds = find_two_ended_kinds();
  return kinds;
}

const char* name_of(kind k) {
  static constexpr const char* names[] = {"memory",       "memory of 3 bytes", "TCP",
                                          "TCP v6",       "Unix socket",       "abstract Unix socket",
                                          "stdio, pipes", "stdio, socketpair", "stdio, terminal",
                                          "child"};
  return names[static_cast<std::size_t>(k)];
}

awaitable<pair> make_pair(kind k) {
  const auto executor = co_await antiphon::asio::this_coro::executor;
  const temporary_directory directory;
  antiphon::memory_pipe_options tiny;
  tiny.capacity = 3;
  awaitable<pair> making;
  switch (k) {
    case kind::memory:
    case kind::tiny_memory: {
      auto ends = k == kind::memory ? antiphon::make_memory_pipe(executor)
                                    : antiphon::make_memory_pipe(executor, tiny);
      pair both;
      both.near = std::move(ends.first);
      both.far = std::move(ends.second);
      co_return both;
    }
    case kind::tcp: making = make_tcp("127.0.0.1"); break;
    case kind::tcp_v6: making = make_tcp("::1"); break;
    case kind::unix_socket: making = make_unix(directory.path("socket")); break;
    case kind::abstract_unix_socket: making = make_unix(unique_name()); break;
    case kind::stdio_on_pipes: {
      const auto up = make_raw_pipe();
      const auto down = make_raw_pipe();
      making = make_stdio({up.first, down.second}, {down.first, up.second});
      break;
    }
    case kind::stdio_on_socketpair: {
      const auto ends = make_socketpair();
      making = make_stdio({ends.first, ends.first}, {ends.second, ends.second});
      break;
    }
    case kind::stdio_on_terminal: {
      const auto ends = make_terminal();
      making = make_stdio({ends.second, ends.second}, {ends.first, ends.first});
      break;
    }
    case kind::child: making = make_child(); break;
  }
  pair both = co_await std::move(making);
  co_return both;
}

temporary_directory::temporary_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "antiphon-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

descriptor_pair make_socketpair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
  return {ends[0], ends[1]};
}

descriptor_pair make_raw_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  return {ends[0], ends[1]};
}

descriptor_pair make_terminal() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) throw std::runtime_error("openpt");
  char name[64];
  if (::ptsname_r(master, name, sizeof(name)) != 0) throw std::runtime_error("ptsname");
  const int slave = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) throw std::runtime_error("open terminal");
  termios mode{};
  ::tcgetattr(slave, &mode);
  ::cfmakeraw(&mode);
  ::tcsetattr(slave, TCSANOW, &mode);
  return {master, slave};
}

awaitable<antiphon::transport_ptr> open_descriptors(int input, int output) {
  antiphon::stdio_options options;
  options.input = input;
  options.output = output;
  return antiphon::open_stdio(options);
}

}  // namespace support
