#include "tests/support/forked.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/transport/tcp.hpp>
#include <antiphon/transport/unix_socket.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace asio = antiphon::asio;
using antiphon::errc;
using antiphon::listener;
using asio::awaitable;
using namespace support;

namespace {

/// The descriptors of this process that satisfy `which`.
template <class Predicate>
int count_descriptors(Predicate which) {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 && which(fd)) ++count;
  }
  return count;
}

bool is_tcp_connection(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_ESTABLISHED;
}

bool has_nodelay(int fd) {
  int on = 0;
  socklen_t size = sizeof(on);
  return ::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0 && on != 0;
}

/// A Unix socket bound to a path, not listening unless told.
int bound_socket(const std::string& path, int type, bool listening) {
  const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  if (listening) REQUIRE(::listen(fd, 0) == 0);
  return fd;
}

mode_t mode_of(const std::string& path) {
  struct stat about{};
  REQUIRE(::lstat(path.c_str(), &about) == 0);
  return about.st_mode & 07777;
}

awaitable<void> check_conversation(listener& server, awaitable<antiphon::transport_ptr> connecting) {
  const auto client = co_await std::move(connecting);
  auto accepting = server.accept();
  const auto accepted = co_await std::move(accepting);
  auto sending = send(*client, "over");
  co_await std::move(sending);
  auto receiving = receive(*accepted, 4);
  const auto got = co_await std::move(receiving);
  CHECK(got == "over");
}

}  // namespace

TEST_CASE("TCP listens on loopback unless told, and says where") {
  run([]() -> awaitable<void> {
    auto listening = antiphon::listen_tcp();
    listener server = co_await std::move(listening);
    CHECK(server.port() != 0);
    CHECK(server.address() == "127.0.0.1:" + std::to_string(server.port()));
    auto talking = check_conversation(server, antiphon::connect_tcp("localhost", server.port()));
    co_await std::move(talking);
  }());
}

TEST_CASE("TCP connections have TCP_NODELAY at both ends and are not inherited") {
  run([]() -> awaitable<void> {
    const auto inheritable = [](int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0; };
    const int before = count_descriptors(inheritable);
    auto making = make_pair(kind::tcp);
    const pair both = co_await std::move(making);
    CHECK(count_descriptors(inheritable) == before);
    CHECK(count_descriptors(is_tcp_connection) == 2);
    CHECK(count_descriptors([](int fd) { return is_tcp_connection(fd) && has_nodelay(fd); }) == 2);
    CHECK(both.near->shutdown_send());
  }());
}

TEST_CASE("a refused TCP connection names host and port") {
  run([]() -> awaitable<void> {
    auto listening = antiphon::listen_tcp();
    listener server = co_await std::move(listening);
    const auto port = server.port();
    server.close();
    auto connecting = error_of(antiphon::connect_tcp("127.0.0.1", port));
    const auto ec = co_await std::move(connecting);
    CHECK(ec == asio::error::connection_refused);
    auto again = what_of(antiphon::connect_tcp("127.0.0.1", port));
    const auto what = co_await std::move(again);
    CHECK(what.find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
  }());
}

TEST_CASE("a TCP port in use is refused with a code of its own") {
  run([]() -> awaitable<void> {
    auto listening = antiphon::listen_tcp();
    listener server = co_await std::move(listening);
    auto again = error_of(antiphon::listen_tcp("127.0.0.1", server.port()));
    const auto ec = co_await std::move(again);
    CHECK(ec == errc::address_in_use);
  }());
}

TEST_CASE("a Unix socket has mode 0600 whatever the umask, and its file goes with it") {
  const temporary_directory directory;
  const auto path = directory.path("socket");
  for (const mode_t mask : {0000u, 0022u, 0277u, 0777u}) {
    CAPTURE(mask);
    const mode_t before = ::umask(mask);
    run([](std::string where) -> awaitable<void> {
      auto listening = antiphon::listen_unix(where);
      listener server = co_await std::move(listening);
      CHECK(mode_of(where) == 0600);
      CHECK(server.address() == where);
      auto talking = check_conversation(server, antiphon::connect_unix(where));
      co_await std::move(talking);
    }(path));
    ::umask(before);
    CHECK_FALSE(std::filesystem::exists(path));
  }
}

TEST_CASE("a stale Unix socket is replaced") {
  const temporary_directory directory;
  const auto path = directory.path("socket");
  ::close(bound_socket(path, SOCK_STREAM, true));
  run([](std::string where) -> awaitable<void> {
    auto listening = antiphon::listen_unix(where);
    listener server = co_await std::move(listening);
    auto talking = check_conversation(server, antiphon::connect_unix(where));
    co_await std::move(talking);
  }(path));
}

TEST_CASE("a live Unix socket is refused and left alone") {
  const temporary_directory directory;
  const auto path = directory.path("socket");
  const auto refused = [](std::string where) -> awaitable<void> {
    auto listening = error_of(antiphon::listen_unix(where));
    const auto ec = co_await std::move(listening);
    CHECK(ec == errc::address_in_use);
    CHECK(std::filesystem::exists(where));
  };
  SUBCASE("one of ours") {
    run([](std::string where, auto refuse) -> awaitable<void> {
      auto listening = antiphon::listen_unix(where);
      listener server = co_await std::move(listening);
      auto trying = refuse(where);
      co_await std::move(trying);
      // The attempt itself was a connection.
      auto probe = server.accept();
      co_await std::move(probe);
      auto talking = check_conversation(server, antiphon::connect_unix(where));
      co_await std::move(talking);
    }(path, refused));
  }
  SUBCASE("one with a full queue") {
    const int server = bound_socket(path, SOCK_STREAM, true);
    const int waiting = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    REQUIRE(::connect(waiting, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    run(refused(path));
    ::close(waiting);
    ::close(server);
  }
  SUBCASE("a datagram socket") {
    const int server = bound_socket(path, SOCK_DGRAM, false);
    run(refused(path));
    ::close(server);
  }
}

TEST_CASE("a file that is no socket is refused and left alone") {
  const temporary_directory directory;
  const auto path = directory.path("precious");
  const auto refused = [](std::string where) -> awaitable<void> {
    auto listening = error_of(antiphon::listen_unix(where));
    const auto ec = co_await std::move(listening);
    CHECK(ec == errc::not_a_socket);
  };
  SUBCASE("a file") {
    std::ofstream(path) << "data";
    run(refused(path));
    CHECK(std::filesystem::file_size(path) == 4);
  }
  SUBCASE("a directory") {
    std::filesystem::create_directory(path);
    run(refused(path));
    CHECK(std::filesystem::is_directory(path));
  }
  SUBCASE("a symbolic link, even to a stale socket") {
    ::close(bound_socket(directory.path("stale"), SOCK_STREAM, true));
    std::filesystem::create_symlink(directory.path("stale"), path);
    run(refused(path));
    CHECK(std::filesystem::is_symlink(path));
    CHECK(std::filesystem::exists(directory.path("stale")));
  }
}

TEST_CASE("a Unix socket's path may be as long as the kernel takes, and no longer") {
  const temporary_directory directory;
  const std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  const auto base = directory.path();
  const auto fits = base + std::string(longest - base.size(), 'x');
  run([](std::string path) -> awaitable<void> {
    auto listening = antiphon::listen_unix(path);
    listener server = co_await std::move(listening);
    auto talking = check_conversation(server, antiphon::connect_unix(path));
    co_await std::move(talking);
    auto too_long = error_of(antiphon::listen_unix(path + "x"));
    auto ec = co_await std::move(too_long);
    CHECK(ec == errc::path_too_long);
    auto connecting = error_of(antiphon::connect_unix(path + "x"));
    ec = co_await std::move(connecting);
    CHECK(ec == errc::path_too_long);
    auto empty = error_of(antiphon::listen_unix(""));
    ec = co_await std::move(empty);
    CHECK(ec == errc::invalid_address);
  }(fits));
}

TEST_CASE("an abstract Unix name has no file, and is free again after close") {
  run([]() -> awaitable<void> {
    const auto name = "@antiphon-abstract-" + std::to_string(::getpid());
    for (int i = 0; i < 2; ++i) {
      auto listening = antiphon::listen_unix(name);
      listener server = co_await std::move(listening);
      CHECK(server.address() == name);
      auto again = error_of(antiphon::listen_unix(name));
      const auto ec = co_await std::move(again);
      CHECK(ec == errc::address_in_use);
      auto talking = check_conversation(server, antiphon::connect_unix(name));
      co_await std::move(talking);
    }
    CHECK_FALSE(std::filesystem::exists(name));
  }());
}

TEST_CASE("close removes the socket file only while it is the one made here") {
  const temporary_directory directory;
  const auto path = directory.path("socket");
  run([](std::string where) -> awaitable<void> {
    auto listening = antiphon::listen_unix(where);
    listener server = co_await std::move(listening);
    std::filesystem::remove(where);
    std::ofstream(where) << "another's";
    server.close();
    CHECK(std::filesystem::file_size(where) == 9);
  }(path));
}

TEST_CASE("a socket file given by a relative path is removed after a change of directory") {
  const temporary_directory directory;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  run([](std::filesystem::path elsewhere) -> awaitable<void> {
    auto listening = antiphon::listen_unix("socket");
    listener server = co_await std::move(listening);
    std::filesystem::current_path(elsewhere);
    server.close();
  }(before));
  CHECK_FALSE(std::filesystem::exists(directory.path("socket")));
}

TEST_CASE("a lock on the directory holds a starting Unix listener up, and its end lets it go on") {
  const temporary_directory directory;
  const int lock = ::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(::flock(lock, LOCK_EX) == 0);
  bool listens = false;
  run(
      [](std::string where, bool& done) -> awaitable<void> {
        auto listening = antiphon::listen_unix(where);
        listener server = co_await std::move(listening);
        done = true;
      }(directory.path("socket"), listens),
      [](int held, bool& done) -> awaitable<void> {
        auto sleeping = pause_for(std::chrono::milliseconds(50));
        co_await std::move(sleeping);
        CHECK_FALSE(done);
        ::close(held);
      }(lock, listens));
  CHECK(listens);
}

TEST_CASE("of many that start at once on a stale Unix socket exactly one wins") {
  const temporary_directory directory;
  const auto path = directory.path("socket");
  for (int round = 0; round < 5; ++round) {
    ::close(bound_socket(path, SOCK_STREAM, true));
    const auto go = make_raw_pipe();
    const auto results = make_raw_pipe();
    const auto end = make_raw_pipe();
    const auto starter = [&path] {
      read_to_end(0);
      run([](std::string where) -> awaitable<void> {
        antiphon::listener server;
        char result = 'w';
        auto listening = antiphon::listen_unix(where);
        try {
          server = co_await std::move(listening);
        } catch (const boost::system::system_error& e) {
          result = e.code() == errc::address_in_use ? 'l' : '?';
        }
        write_all(1, std::string(1, result));
        read_to_end(2);  // the winner listens until all have tried
      }(path));
      return 0;
    };
    std::vector<std::unique_ptr<forked>> all;
    for (int i = 0; i < 6; ++i) {
      all.push_back(std::make_unique<forked>(go.first, results.second, end.first, starter));
    }
    ::close(go.second);
    auto seen = read_exactly(results.first, all.size());
    std::ranges::sort(seen);
    CHECK(seen == "lllllw");
    ::close(end.second);
    for (auto& one : all) CHECK(one->wait() == 0);
    CHECK_FALSE(std::filesystem::exists(path));
    for (const int fd : {go.first, results.first, results.second, end.first}) ::close(fd);
  }
}
