#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/transport/listener.hpp>
#include <antiphon/transport/tcp.hpp>
#include <antiphon/transport/unix_socket.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <deque>
#include <thread>
#include <vector>

namespace asio = antiphon::asio;
using antiphon::listener;
using antiphon::transport_ptr;
using asio::awaitable;
using namespace support;

namespace {

// What the kernel says of new connections, and how often it was asked; see accept4 below.
std::deque<int> planned_accept_errors;
int accept_calls = 0;

/// Accepts one in the background.
struct background_accept {
  transport_ptr accepted;
  error_code how;
  bool done = false;
};

awaitable<void> accept_into(listener& from, background_accept& into) {
  try {
    auto accepting = from.accept();
    into.accepted = co_await std::move(accepting);
  } catch (const boost::system::system_error& e) {
    into.how = e.code();
  }
  into.done = true;
}

/// A connection that is reset before anyone accepts it.
void connect_and_reset(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  const linger abortive{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &abortive, sizeof(abortive));
  ::close(fd);
}

/// Leaves the process no free descriptor while it lives.
class exhausted_descriptors {
 public:
  exhausted_descriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit lowered = before_;
    const int next_free = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
    REQUIRE(next_free >= 0);
    ::close(next_free);
    lowered.rlim_cur = static_cast<rlim_t>(next_free);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  }
  exhausted_descriptors(const exhausted_descriptors&) = delete;
  exhausted_descriptors& operator=(const exhausted_descriptors&) = delete;
  ~exhausted_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("closing a listener ends a suspended accept with operation_aborted") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto listening = antiphon::listen_tcp();
    listener server = co_await std::move(listening);
    background_accept waiting;
    asio::co_spawn(executor, accept_into(server, waiting), asio::detached);
    auto turn = settle();
    co_await std::move(turn);
    CHECK_FALSE(waiting.done);
    server.close();
    CHECK_FALSE(waiting.done);
    turn = settle();
    co_await std::move(turn);
    CHECK(waiting.done);
    CHECK(waiting.how == asio::error::operation_aborted);
    auto again = error_of(server.accept());
    const auto ec = co_await std::move(again);
    CHECK(ec == asio::error::operation_aborted);
    server.close();
  }());
}

TEST_CASE("a listener that listens to nothing says so") {
  listener nothing;
  CHECK(nothing.address() == "");
  CHECK(nothing.port() == 0);
  CHECK(nothing.connections() == 0);
  CHECK_THROWS_AS(static_cast<void>(nothing.accept()), boost::system::system_error);
  nothing.close();
}

TEST_CASE("a listener may be destroyed under a suspended accept") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    background_accept waiting;
    {
      auto listening = antiphon::listen_tcp();
      listener server = co_await std::move(listening);
      asio::co_spawn(executor, accept_into(server, waiting), asio::detached);
      auto turn = settle();
      co_await std::move(turn);
    }
    auto turn = settle();
    co_await std::move(turn);
    CHECK(waiting.how == asio::error::operation_aborted);
  }());
}

TEST_CASE("a listener may be destroyed under an accept that has not started") {
  run([]() -> awaitable<void> {
    awaitable<transport_ptr> accepting;
    {
      auto listening = antiphon::listen_tcp();
      listener server = co_await std::move(listening);
      accepting = server.accept();
    }
    auto outcome = error_of(std::move(accepting));
    const auto error = co_await std::move(outcome);
    CHECK(error == asio::error::operation_aborted);
  }());
}

TEST_CASE("a listener that is assigned to closes what it listened to") {
  run([]() -> awaitable<void> {
    auto listening = antiphon::listen_tcp();
    listener first = co_await std::move(listening);
    const auto port = first.port();
    auto again = antiphon::listen_tcp();
    listener second = co_await std::move(again);
    first = std::move(second);
    auto connecting = error_of(antiphon::connect_tcp("127.0.0.1", port));
    const auto error = co_await std::move(connecting);
    CHECK(error == asio::error::connection_refused);
    CHECK(second.port() == 0);
  }());
}

TEST_CASE("closing a listener leaves accepted transports alone") {
  run([]() -> awaitable<void> {
    auto making = make_pair(kind::tcp);  // closes its listener
    const pair both = co_await std::move(making);
    auto sending = send(*both.far, "still here");
    co_await std::move(sending);
    auto receiving = receive(*both.near, 10);
    const auto got = co_await std::move(receiving);
    CHECK(got == "still here");
  }());
}

TEST_CASE("accept waits while there are as many connections as allowed") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    antiphon::listen_options options;
    options.max_connections = 2;
    auto listening = antiphon::listen_tcp("127.0.0.1", 0, options);
    listener server = co_await std::move(listening);
    std::vector<transport_ptr> clients;
    for (int i = 0; i < 3; ++i) {
      auto connecting = antiphon::connect_tcp("127.0.0.1", server.port());
      clients.push_back(nullptr);
      clients.back() = co_await std::move(connecting);
    }
    background_accept accepted[3];
    for (auto& one : accepted) {
      asio::co_spawn(executor, accept_into(server, one), asio::detached);
      auto turn = settle();
      co_await std::move(turn);
    }
    CHECK(accepted[0].done);
    CHECK(accepted[1].done);
    CHECK_FALSE(accepted[2].done);
    CHECK(server.connections() == 2);
    accepted[0].accepted->close();
    accepted[0].accepted->close();
    CHECK(server.connections() == 1);
    auto turn = settle();
    co_await std::move(turn);
    CHECK(accepted[2].done);
    CHECK(server.connections() == 2);
    accepted[1].accepted.reset();
    accepted[2].accepted.reset();
    CHECK(server.connections() == 0);
  }());
}

TEST_CASE("the limit also holds for accepts that wait together") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    antiphon::listen_options options;
    options.max_connections = 1;
    auto listening = antiphon::listen_tcp("127.0.0.1", 0, options);
    listener server = co_await std::move(listening);
    background_accept accepted[3];
    for (auto& one : accepted) asio::co_spawn(executor, accept_into(server, one), asio::detached);
    auto turn = settle();
    co_await std::move(turn);
    std::vector<transport_ptr> clients;
    for (int i = 0; i < 3; ++i) {
      auto connecting = antiphon::connect_tcp("127.0.0.1", server.port());
      clients.push_back(nullptr);
      clients.back() = co_await std::move(connecting);
    }
    const auto done = [&accepted] {
      int count = 0;
      for (const auto& one : accepted) count += one.done ? 1 : 0;
      return count;
    };
    for (int open = 1; open <= 3; ++open) {
      auto more = settle();
      co_await std::move(more);
      CHECK(done() == open);
      CHECK(server.connections() == 1);
      for (auto& one : accepted) one.accepted.reset();
    }
  }());
}

TEST_CASE("close also ends an accept that waits for room") {
  run([]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    antiphon::listen_options options;
    options.max_connections = 0;
    auto listening = antiphon::listen_tcp("127.0.0.1", 0, options);
    listener server = co_await std::move(listening);
    background_accept waiting;
    asio::co_spawn(executor, accept_into(server, waiting), asio::detached);
    auto turn = settle();
    co_await std::move(turn);
    CHECK_FALSE(waiting.done);
    server.close();
    turn = settle();
    co_await std::move(turn);
    CHECK(waiting.how == asio::error::operation_aborted);
  }());
}

TEST_CASE("connections that are reset before they are accepted cost only themselves") {
  run([]() -> awaitable<void> {
    auto listening = antiphon::listen_tcp();
    listener server = co_await std::move(listening);
    for (int i = 0; i < 5; ++i) connect_and_reset(server.port());
    auto connecting = antiphon::connect_tcp("127.0.0.1", server.port());
    const auto client = co_await std::move(connecting);
    auto hello = send(*client, "hello");
    co_await std::move(hello);
    // Linux hands the reset ones out too; they then say so themselves.
    std::string got;
    for (int i = 0; i < 6 && got.empty(); ++i) {
      auto accepting = server.accept();
      const auto accepted = co_await std::move(accepting);
      auto into = accepted->acquire(10);
      auto receiving = error_of(accepted->receive_into(into));
      co_await std::move(receiving);
      got = into.bytes();
    }
    CHECK(got == "hello");
  }());
}

// In place of the C library's, also for the library under test: some errors can't be brought about.
extern "C" int accept4(int socket, sockaddr* from, socklen_t* size, int flags) {
  ++accept_calls;
  if (planned_accept_errors.empty())
    return static_cast<int>(::syscall(SYS_accept4, socket, from, size, flags));
  errno = planned_accept_errors.front();
  planned_accept_errors.pop_front();
  return -1;
}

TEST_CASE("no error of a new connection ends a listener, and none makes it spin") {
  struct row {
    int error;
    bool pauses;
  };
  const std::vector<row> rows = {
      {ECONNABORTED, false}, {EINTR, false}, {EPROTO, false}, {EPERM, false},  {ENETDOWN, false},
      {EHOSTUNREACH, false}, {EMFILE, true}, {ENFILE, true},  {ENOBUFS, true}, {ENOMEM, true},
  };
  for (const row& one : rows) {
    const std::string name = std::strerror(one.error);
    CAPTURE(name);
    run([](row what) -> awaitable<void> {
      auto listening = antiphon::listen_tcp();
      listener server = co_await std::move(listening);
      auto connecting = antiphon::connect_tcp("127.0.0.1", server.port());
      const transport_ptr client = co_await std::move(connecting);
      planned_accept_errors.assign(4, what.error);
      accept_calls = 0;
      const auto start = std::chrono::steady_clock::now();
      auto accepting = server.accept();
      const transport_ptr accepted = co_await std::move(accepting);
      const auto took = std::chrono::steady_clock::now() - start;
      CHECK(accept_calls == 5);
      if (what.pauses) {
        CHECK(took >= std::chrono::milliseconds(4 * 50 - 10));
      }
      auto sending = send(*client, "hello");
      co_await std::move(sending);
      auto receiving = receive(*accepted, 5);
      const auto got = co_await std::move(receiving);
      CHECK(got == "hello");
    }(one));
  }
}

TEST_CASE("a listening socket that is itself broken ends the accept") {
  run([]() -> awaitable<void> {
    auto listening = antiphon::listen_tcp();
    listener server = co_await std::move(listening);
    planned_accept_errors.assign(1, EINVAL);
    auto accepting = error_of(server.accept());
    const auto ec = co_await std::move(accepting);
    CHECK(ec == asio::error::invalid_argument);
  }());
}

TEST_CASE("without descriptors a listener waits without spinning, and then goes on") {
  const temporary_directory directory;
  asio::io_context context(1);
  std::exception_ptr failure;
  background_accept accepted;
  transport_ptr client;
  listener server;
  const auto prepare = [](listener& into, transport_ptr& connected, std::string path) -> awaitable<void> {
    auto listening = antiphon::listen_unix(path);
    into = co_await std::move(listening);
    auto connecting = antiphon::connect_unix(path);
    connected = co_await std::move(connecting);
  };
  run_on(context, prepare(server, client, directory.path("socket")));
  {
    const exhausted_descriptors none_left;
    start(context, accept_into(server, accepted), failure);
    context.restart();
    const auto before = std::clock();
    context.run_for(std::chrono::milliseconds(200));
    const double used = double(std::clock() - before) / CLOCKS_PER_SEC;
    CHECK(used < 0.05);
    CHECK_FALSE(accepted.done);
  }
  drain(context);
  CHECK(accepted.done);
  CHECK(accepted.how == error_code());
  REQUIRE(accepted.accepted);
  run_on(context, send(*client, "recovered"));
  run_on(context, [](transport_ptr& from) -> awaitable<void> {
    auto receiving = receive(*from, 9);
    const auto got = co_await std::move(receiving);
    CHECK(got == "recovered");
  }(accepted.accepted));
}

TEST_CASE("accepts that wait together for descriptors don't end each other") {
  asio::io_context context(1);
  std::exception_ptr failure;
  background_accept accepted[2];
  listener server;
  const auto prepare = [](listener& into) -> awaitable<void> {
    auto listening = antiphon::listen_tcp();
    into = co_await std::move(listening);
  };
  run_on(context, prepare(server));
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  {
    const exhausted_descriptors none_left;
    for (auto& one : accepted) start(context, accept_into(server, one), failure);
    context.restart();
    context.run_for(std::chrono::milliseconds(200));
    CHECK_FALSE(accepted[0].done);
    CHECK_FALSE(accepted[1].done);
  }
  context.restart();
  context.run_for(std::chrono::milliseconds(100));
  CHECK(accepted[0].done != accepted[1].done);
  server.close();
  drain(context);
  CHECK(accepted[0].done);
  CHECK(accepted[1].done);
  ::close(client);
}

TEST_CASE("close ends an accept that waits for descriptors") {
  asio::io_context context(1);
  listener server;
  run_on(context, [](listener& into) -> awaitable<void> {
    auto listening = antiphon::listen_tcp();
    into = co_await std::move(listening);
  }(server));
  connect_and_reset(server.port());
  background_accept waiting;
  std::exception_ptr failure;
  const exhausted_descriptors none_left;
  start(context, accept_into(server, waiting), failure);
  context.restart();
  context.run_for(std::chrono::milliseconds(10));
  server.close();
  drain(context);
  CHECK(waiting.how == asio::error::operation_aborted);
}

TEST_CASE("accepted transports may run elsewhere, and still free their place") {
  asio::io_context home(1);
  asio::io_context elsewhere(1);
  listener server;
  transport_ptr accepted;
  transport_ptr client;
  run_on(home,
         [](listener& into, transport_ptr& from, transport_ptr& to,
            asio::any_io_executor other) -> awaitable<void> {
           antiphon::listen_options options;
           options.max_connections = 1;
           auto listening = antiphon::listen_tcp("127.0.0.1", 0, options);
           into = co_await std::move(listening);
           auto connecting = antiphon::connect_tcp("127.0.0.1", into.port());
           from = co_await std::move(connecting);
           auto accepting = into.accept(other);
           to = co_await std::move(accepting);
         }(server, client, accepted, elsewhere.get_executor()));
  CHECK(accepted->get_executor() == elsewhere.get_executor());
  CHECK(server.connections() == 1);
  std::thread other([&] {
    elsewhere.run_for(patience);
    accepted.reset();
  });
  other.join();
  home.restart();
  home.run();
  CHECK(server.connections() == 0);
}

TEST_CASE("a connection takes its buffers from where its listener was told") {
  struct counting final : antiphon::buffer_source {
    antiphon::buffer acquire(std::size_t at_least) override {
      ++count;
      return antiphon::buffer::allocate(at_least);
    }
    int count = 0;
  };
  run([]() -> awaitable<void> {
    const auto source = std::make_shared<counting>();
    antiphon::listen_options options;
    options.buffers = source;
    auto listening = antiphon::listen_tcp("127.0.0.1", 0, options);
    listener server = co_await std::move(listening);
    auto connecting = antiphon::connect_tcp("127.0.0.1", server.port(), source);
    const auto client = co_await std::move(connecting);
    auto accepting = server.accept();
    const auto accepted = co_await std::move(accepting);
    accepted->acquire(1);
    client->acquire(1);
    CHECK(source->count == 2);
  }());
}
