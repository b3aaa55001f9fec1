#include "tests/support/forked.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/transport/memory_pipe.hpp>
#include <antiphon/transport/tcp.hpp>
#include <antiphon/transport/unix_socket.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

namespace asio = antiphon::asio;
using antiphon::allowed_users;
using antiphon::listener;
using asio::awaitable;
using namespace support;

namespace {

constexpr std::uint32_t stranger = 65534;  // nobody

enum visit { let_in, shown_out, kept_out };

/// Goes to a Unix socket and waits to be greeted.
int visit_at(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  std::size_t size = sizeof(address);
  if (path.front() == '@') {
    address.sun_path[0] = '\0';
    size = offsetof(sockaddr_un, sun_path) + path.size();
  }
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) != 0)
    return kept_out;
  char greeting = 0;
  const bool greeted = ::read(fd, &greeting, 1) == 1;
  ::close(fd);
  return greeted ? let_in : shown_out;
}

awaitable<void> greet_all(listener& at) {
  try {
    for (;;) {
      auto accepting = at.accept();
      const auto visitor = co_await std::move(accepting);
      auto sending = send(*visitor, "y");
      co_await std::move(sending);
    }
  } catch (const boost::system::system_error& e) {
    CHECK(e.code() == asio::error::operation_aborted);
  }
}

struct reception {
  int stranger = -1;  // what became of a visitor who is another user
  int own = -1;       // and of one of this process's user
  std::uint64_t refused = 0;
};

awaitable<void> receive_visitors(std::string path, antiphon::listen_options options, reception& seen) {
  const auto executor = co_await asio::this_coro::executor;
  auto listening = antiphon::listen_unix(path, std::move(options));
  listener at = co_await std::move(listening);
  asio::co_spawn(executor, greet_all(at), asio::detached);
  if (::geteuid() == 0) {
    forked other(-1, -1, -1, [&path] {
      if (::setgid(stranger) != 0 || ::setuid(stranger) != 0) return -1;
      return visit_at(path);
    });
    while (other.running()) {
      auto pausing = pause_for(std::chrono::milliseconds(2));
      co_await std::move(pausing);
    }
    seen.stranger = other.wait();
  }
  forked same(-1, -1, -1, [&path] { return visit_at(path); });
  while (same.running()) {
    auto pausing = pause_for(std::chrono::milliseconds(2));
    co_await std::move(pausing);
  }
  seen.own = same.wait();
  seen.refused = at.refused();
  CHECK(at.connections() == 0);
  at.close();
}

reception received_at(const std::string& path,
                      antiphon::listen_options options = antiphon::listen_options()) {
  reception seen;
  run(receive_visitors(path, std::move(options), seen));
  return seen;
}

std::string abstract_name(const char* what) {
  return "@antiphon-credentials-" + std::to_string(::getpid()) + what;
}

bool can_be_another() {
  if (::geteuid() == 0) return true;
  MESSAGE("skipped: only root can connect as another user");
  return false;
}

awaitable<void> look_at_both_ends(std::string path) {
  auto listening = antiphon::listen_unix(path);
  listener at = co_await std::move(listening);
  auto connecting = antiphon::connect_unix(path);
  const auto client = co_await std::move(connecting);
  auto accepting = at.accept();
  const auto server = co_await std::move(accepting);
  for (const auto& end : {client.get(), server.get()}) {
    const auto who = end->credentials();
    REQUIRE(who.has_value());
    CHECK(who->process == ::getpid());
    CHECK(who->user == ::geteuid());
    CHECK(who->group == ::getegid());
  }
  client->close();
  CHECK_FALSE(client->credentials().has_value());
}

}  // namespace

TEST_CASE("a Unix connection knows who is at its other end") {
  const temporary_directory directory;
  run(look_at_both_ends(directory.path("socket")));
  run(look_at_both_ends(abstract_name("both")));
}

TEST_CASE("other transports know nobody") {
  run([]() -> awaitable<void> {
    auto listening = antiphon::listen_tcp();
    listener at = co_await std::move(listening);
    auto connecting = antiphon::connect_tcp("127.0.0.1", at.port());
    const auto client = co_await std::move(connecting);
    auto accepting = at.accept();
    const auto server = co_await std::move(accepting);
    CHECK_FALSE(server->credentials().has_value());
    CHECK_FALSE(client->credentials().has_value());
    const auto executor = co_await asio::this_coro::executor;
    const auto pipe = antiphon::make_memory_pipe(executor);
    CHECK_FALSE(pipe.first->credentials().has_value());
  }());
}

TEST_CASE("the same user is let in, whatever the socket is called") {
  const temporary_directory directory;
  CHECK(received_at(directory.path("socket")).own == let_in);
  const auto seen = received_at(abstract_name("own"));
  CHECK(seen.own == let_in);
  CHECK(seen.refused == (::geteuid() == 0 ? 1 : 0));
}

TEST_CASE("another user who can reach a Unix socket is shown out unless he is allowed") {
  if (!can_be_another()) return;
  const auto seen = received_at(abstract_name("other"));
  CHECK(seen.stranger == shown_out);
  CHECK(seen.refused == 1);

  antiphon::listen_options allowed;
  allowed.users.add(12345).add(stranger);
  const auto listed = received_at(abstract_name("listed"), allowed);
  CHECK(listed.stranger == let_in);
  CHECK(listed.own == let_in);
  CHECK(listed.refused == 0);

  antiphon::listen_options somebody_else;
  somebody_else.users.add(12345);
  CHECK(received_at(abstract_name("else"), somebody_else).stranger == shown_out);

  antiphon::listen_options open;
  open.users = allowed_users::anyone();
  CHECK(received_at(abstract_name("open"), open).stranger == let_in);
}

TEST_CASE("a socket file is this user's alone unless its mode says otherwise, and then users are asked") {
  if (!can_be_another()) return;
  const temporary_directory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  const auto closed = received_at(directory.path("closed"));
  CHECK(closed.stranger == kept_out);
  CHECK(closed.refused == 0);

  antiphon::listen_options reachable;
  reachable.file_mode = 0666;
  CHECK(received_at(directory.path("reachable"), reachable).stranger == shown_out);
  reachable.users.add(stranger);
  CHECK(received_at(directory.path("listed"), reachable).stranger == let_in);
}

TEST_CASE("the mode of a socket file is what was asked for, whatever the umask") {
  const temporary_directory directory;
  const mode_t before = ::umask(0077);
  run([](std::string path) -> awaitable<void> {
    antiphon::listen_options options;
    options.file_mode = 0660;
    auto listening = antiphon::listen_unix(path, options);
    const listener at = co_await std::move(listening);
    struct stat about{};
    CHECK(::lstat(path.c_str(), &about) == 0);
    CHECK((about.st_mode & 07777) == 0660);
  }(directory.path("socket")));
  ::umask(before);
}

TEST_CASE("users who aren't let in again and again don't keep others waiting") {
  if (!can_be_another()) return;
  const std::string path = abstract_name("flood");
  reception seen;
  run([](std::string at, reception& into) -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto listening = antiphon::listen_unix(at);
    listener open = co_await std::move(listening);
    asio::co_spawn(executor, greet_all(open), asio::detached);
    forked flood(-1, -1, -1, [&at] {
      if (::setgid(stranger) != 0 || ::setuid(stranger) != 0) return -1;
      for (int i = 0; i < 2000; ++i) visit_at(at);
      return 0;
    });
    forked same(-1, -1, -1, [&at] { return visit_at(at); });
    while (flood.running() || same.running()) {
      auto pausing = pause_for(std::chrono::milliseconds(2));
      co_await std::move(pausing);
    }
    into.own = same.wait();
    CHECK(flood.wait() == 0);
    into.refused = open.refused();
    open.close();
  }(path, seen));
  CHECK(seen.own == let_in);
  CHECK(seen.refused == 2000);
}
