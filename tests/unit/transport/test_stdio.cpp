#include "tests/support/forked.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/run_main.hpp>
#include <antiphon/transport/stdio.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

namespace asio = antiphon::asio;
using asio::awaitable;
using namespace support;

namespace {

bool is_nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

/// A descriptor that closes itself.
class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) { REQUIRE(fd >= 0); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { reset(); }
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

/// A server's input and output as its parent sees them, the server's own ends, and how the parent says "end".
struct connection {
  explicit connection(descriptor_pair in, descriptor_pair out)
      : server_in(in.first), to_server(in.second), from_server(out.first), server_out(out.second) {}
  descriptor server_in;
  descriptor to_server;
  descriptor from_server;
  descriptor server_out;
};

/// Echoes a few times; the ends that the server inherits are kept to look at their flags.
void check_flags_stay(connection& lines, const std::function<int()>& server) {
  forked process(lines.server_in.get(), lines.server_out.get(), 2, server);
  for (int i = 0; i < 3; ++i) {
    write_all(lines.to_server.get(), "hello");
    CHECK(read_exactly(lines.from_server.get(), 5) == "hello");
    // It has read, written, and soon waits.
    CHECK_FALSE(is_nonblocking(lines.server_in.get()));
    CHECK_FALSE(is_nonblocking(lines.server_out.get()));
  }
  ::kill(process.pid(), SIGTERM);
  CHECK(process.wait() == -SIGTERM);
  CHECK_FALSE(is_nonblocking(lines.server_in.get()));
  CHECK_FALSE(is_nonblocking(lines.server_out.get()));
}

/// More than a pipe holds, both ways at once: a server that waits in a write must go on reading later.
void check_echoes(int to_server, int from_server, std::size_t size) {
  const auto bytes = pattern(size);
  std::thread writer([&] { write_all(to_server, bytes); });
  const auto back = read_exactly(from_server, size);
  writer.join();
  CHECK(back == bytes);
}

int duplicate(int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 3); }

}  // namespace

TEST_CASE("a server on pipes echoes and ends with its input") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  forked server(lines.server_in.get(), lines.server_out.get(), 2, echo_standard_input);
  lines.server_in.reset();
  lines.server_out.reset();
  check_echoes(lines.to_server.get(), lines.from_server.get(), 1 << 20);
  lines.to_server.reset();
  CHECK(read_to_end(lines.from_server.get()) == "");
  CHECK(server.wait() == 0);
}

TEST_CASE("a server on one socketpair echoes, also after the peer has half-closed it") {
  const auto ends = make_socketpair();
  descriptor mine(ends.first);
  descriptor theirs(ends.second);
  forked server(theirs.get(), theirs.get(), 2, echo_standard_input);
  theirs.reset();
  check_echoes(mine.get(), mine.get(), 1 << 20);
  const auto last = pattern(3 << 18);
  std::thread reader([&] {
    const auto back = read_exactly(mine.get(), last.size());
    CHECK(back == last);
  });
  write_all(mine.get(), last);
  ::shutdown(mine.get(), SHUT_WR);
  reader.join();
  CHECK(read_to_end(mine.get()) == "");
  CHECK(server.wait() == 0);
}

TEST_CASE("a server on a terminal echoes, and ends when the terminal is closed") {
  const auto ends = make_terminal();
  descriptor master(ends.first);
  descriptor slave(ends.second);
  forked server(slave.get(), slave.get(), 2, echo_standard_input);
  slave.reset();
  check_echoes(master.get(), master.get(), 100000);
  master.reset();
  CHECK(server.wait() == 0);
}

TEST_CASE("a server reads a whole file, appends where the file's offset stands, and ends with 0") {
  const temporary_directory directory;
  const auto bytes = pattern(300000);
  std::ofstream(directory.path("in"), std::ios::binary) << bytes;
  std::ofstream(directory.path("out"), std::ios::binary) << "before ";
  descriptor in(::open(directory.path("in").c_str(), O_RDONLY | O_CLOEXEC));
  descriptor out(::open(directory.path("out").c_str(), O_WRONLY | O_CLOEXEC));
  ::lseek(in.get(), 5, SEEK_SET);
  ::lseek(out.get(), 7, SEEK_SET);
  forked server(in.get(), out.get(), 2, echo_standard_input);
  CHECK(server.wait() == 0);
  // Shared on purpose: a shell's ( first; server; last ) > out depends on it.
  write_all(out.get(), " after");
  CHECK(contents(directory.path("out")) == "before " + bytes.substr(5) + " after");
}

TEST_CASE("/dev/null is an empty input and an output that takes everything") {
  descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  {
    forked server(null.get(), null.get(), 2, echo_standard_input);
    CHECK(server.wait() == 0);
  }
  connection lines(make_raw_pipe(), make_raw_pipe());
  forked server(lines.server_in.get(), null.get(), 2, echo_standard_input);
  write_all(lines.to_server.get(), pattern(300000));
  CHECK(server.running());
  lines.to_server.reset();
  CHECK(server.wait() == 0);
}

TEST_CASE("a closed standard descriptor is an error that says so") {
  descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  // The io_context's own descriptors take the free numbers before open_stdio looks at them.
  forked no_input(-1, null.get(), null.get(), echo_standard_input);
  CHECK(no_input.wait() == 2);
  forked no_output(null.get(), -1, null.get(), echo_standard_input);
  CHECK(no_output.wait() == 2);
  forked none(-1, -1, -1, echo_standard_input);
  CHECK(none.wait() == 2);
}

TEST_CASE("a server without standard error works") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  forked server(lines.server_in.get(), lines.server_out.get(), -1, echo_standard_input);
  lines.server_in.reset();
  lines.server_out.reset();
  check_echoes(lines.to_server.get(), lines.from_server.get(), 1000);
  lines.to_server.reset();
  CHECK(server.wait() == 0);
}

TEST_CASE("a descriptor that is open in the other direction is refused by name") {
  run([]() -> awaitable<void> {
    const auto up = make_raw_pipe();
    const auto down = make_raw_pipe();
    auto opening = what_of(open_descriptors(up.second, down.second));
    auto what = co_await std::move(opening);
    CHECK(what.find("other direction") != std::string::npos);
    opening = what_of(open_descriptors(up.first, down.first));
    what = co_await std::move(opening);
    CHECK(what.find("other direction") != std::string::npos);
    // Refused as a whole: nothing was taken over.
    for (const int fd : {up.first, up.second, down.first, down.second}) CHECK(::close(fd) == 0);
  }());
}

TEST_CASE("a datagram socket is refused") {
  run([]() -> awaitable<void> {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    auto opening = error_of(open_descriptors(ends[0], ends[0]));
    const auto ec = co_await std::move(opening);
    CHECK(ec == error_code(EPROTOTYPE, boost::system::system_category()));
    ::close(ends[0]);
    ::close(ends[1]);
  }());
}

TEST_CASE("O_NONBLOCK is never set on what others share, pipes") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  check_flags_stay(lines, echo_standard_input);
}

TEST_CASE("O_NONBLOCK is never set on what others share, socketpairs") {
  const auto in = make_socketpair();
  const auto out = make_socketpair();
  connection lines({in.first, in.second}, {out.first, out.second});
  check_flags_stay(lines, echo_standard_input);
}

TEST_CASE("O_NONBLOCK is never set on what others share, terminals") {
  const auto ends = make_terminal();
  connection lines({ends.second, ends.first}, {duplicate(ends.first), duplicate(ends.second)});
  check_flags_stay(lines, echo_standard_input);
}

TEST_CASE("O_NONBLOCK is never set on a shared pipe that can't be opened anew") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  // Nobody may open these; root may open anything, so it becomes somebody first.
  ::fchmod(lines.server_in.get(), 0);
  ::fchmod(lines.server_out.get(), 0);
  const auto server = [] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 98;
    if (::open("/proc/self/fd/0", O_RDONLY) >= 0) return 97;
    return echo_standard_input();
  };
  check_flags_stay(lines, server);

  forked again(lines.server_in.get(), lines.server_out.get(), 2, server);
  lines.server_in.reset();
  lines.server_out.reset();
  check_echoes(lines.to_server.get(), lines.from_server.get(), 1 << 20);
  lines.to_server.reset();
  CHECK(again.wait() == 0);
}

TEST_CASE("O_NONBLOCK is never set on what others share, also when the program ends by an exception") {
  const auto failing_server = [] {
    return antiphon::run_main([]() -> awaitable<void> {
      auto opening = antiphon::open_stdio();
      const auto peer = co_await std::move(opening);
      auto receiving = receive(*peer, 5);
      const auto got = co_await std::move(receiving);
      auto sending = send(*peer, got);
      co_await std::move(sending);
      throw std::runtime_error("this server fails");
    }());
  };
  const auto check = [&failing_server](connection& lines) {
    const auto log = make_raw_pipe();
    descriptor log_end(log.first);
    descriptor server_log(log.second);
    forked process(lines.server_in.get(), lines.server_out.get(), server_log.get(), failing_server);
    server_log.reset();
    write_all(lines.to_server.get(), "hello");
    CHECK(read_exactly(lines.from_server.get(), 5) == "hello");
    CHECK(process.wait() == 1);
    CHECK(read_to_end(log_end.get()) == "error: this server fails\n");
    CHECK_FALSE(is_nonblocking(lines.server_in.get()));
    CHECK_FALSE(is_nonblocking(lines.server_out.get()));
  };
  SUBCASE("pipes") {
    connection lines(make_raw_pipe(), make_raw_pipe());
    check(lines);
  }
  SUBCASE("socketpairs") {
    const auto in = make_socketpair();
    const auto out = make_socketpair();
    connection lines({in.first, in.second}, {out.first, out.second});
    check(lines);
  }
  SUBCASE("a terminal") {
    const auto ends = make_terminal();
    connection lines({ends.second, ends.first}, {duplicate(ends.first), duplicate(ends.second)});
    check(lines);
  }
}

TEST_CASE("what a parent has made non-blocking stays so, and works") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  for (const int fd : {lines.server_in.get(), lines.server_out.get()}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  forked server(lines.server_in.get(), lines.server_out.get(), 2, echo_standard_input);
  check_echoes(lines.to_server.get(), lines.from_server.get(), 1 << 20);
  CHECK(is_nonblocking(lines.server_in.get()));
  lines.to_server.reset();
  CHECK(server.wait() == 0);
  CHECK(is_nonblocking(lines.server_out.get()));
}

TEST_CASE("a stray print goes to standard error, and a stray read finds the end") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  const auto log = make_raw_pipe();
  descriptor log_end(log.first);
  descriptor server_log(log.second);
  forked server(lines.server_in.get(), lines.server_out.get(), server_log.get(), [] {
    int code = 0;
    run([](int& result) -> awaitable<void> {
      auto opening = antiphon::open_stdio();
      const auto peer = co_await std::move(opening);
      ::dprintf(1, "stray\n");
      char byte = 0;
      if (::read(0, &byte, 1) != 0) result = 50;
      // Children get the harmless ones, and nothing else.
      for (int fd = 3; fd < 100; ++fd) {
        const int flags = ::fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) result = 51;
      }
      auto sending = send(*peer, "protocol");
      co_await std::move(sending);
      auto receiving = receive_all(*peer);
      const auto got = co_await std::move(receiving);
      if (got != "input") result = 52;
    }(code));
    return code;
  });
  lines.server_out.reset();
  server_log.reset();
  write_all(lines.to_server.get(), "input");
  lines.to_server.reset();
  CHECK(read_to_end(lines.from_server.get()) == "protocol");
  CHECK(read_to_end(log_end.get()) == "stray\n");
  CHECK(server.wait() == 0);
}

TEST_CASE("a stray print is swallowed where standard error is the protocol's own pipe") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  forked server(lines.server_in.get(), lines.server_out.get(), lines.server_out.get(), [] {
    run([]() -> awaitable<void> {
      auto opening = antiphon::open_stdio();
      const auto peer = co_await std::move(opening);
      ::dprintf(1, "stray\n");
      auto sending = send(*peer, "protocol");
      co_await std::move(sending);
    }());
    return 0;
  });
  lines.server_out.reset();
  CHECK(read_to_end(lines.from_server.get()) == "protocol");
  CHECK(server.wait() == 0);
}

TEST_CASE("without protection 0 and 1 stay what they were") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  forked server(lines.server_in.get(), lines.server_out.get(), 2, [] {
    run([]() -> awaitable<void> {
      antiphon::stdio_options options;
      options.protect_stdout = false;
      auto opening = antiphon::open_stdio(options);
      const auto peer = co_await std::move(opening);
      ::dprintf(1, "print ");
      auto sending = send(*peer, "protocol");
      co_await std::move(sending);
    }());
    return 0;
  });
  lines.server_out.reset();
  CHECK(read_to_end(lines.from_server.get()) == "print protocol");
  CHECK(server.wait() == 0);
}

TEST_CASE("the peer sees the end of the output when the transport is closed, not when the process ends") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  const auto hold = make_raw_pipe();
  descriptor hold_read(hold.first);
  descriptor hold_write(hold.second);
  forked server(lines.server_in.get(), lines.server_out.get(), hold_read.get(), [] {
    run([]() -> awaitable<void> {
      auto opening = antiphon::open_stdio();
      const auto peer = co_await std::move(opening);
      auto sending = send(*peer, "bye");
      co_await std::move(sending);
    }());
    read_to_end(2);  // the process lives on
    return 0;
  });
  hold_read.reset();
  lines.server_out.reset();
  CHECK(read_to_end(lines.from_server.get()) == "bye");
  CHECK(server.running());
  hold_write.reset();
  CHECK(server.wait() == 0);
}

TEST_CASE("a server whose reader is gone ends by itself, although its input stays open") {
  const auto idle_server = [](descriptor_pair out) {
    const auto in = make_raw_pipe();
    connection lines(in, out);
    forked server(lines.server_in.get(), lines.server_out.get(), 2, echo_standard_input);
    lines.server_in.reset();
    lines.server_out.reset();
    write_all(lines.to_server.get(), "x");
    CHECK(read_exactly(lines.from_server.get(), 1) == "x");
    lines.from_server.reset();
    CHECK(server.wait() == 1);
  };
  SUBCASE("pipe") { idle_server(make_raw_pipe()); }
  SUBCASE("socket") {
    const auto ends = make_socketpair();
    idle_server({ends.first, ends.second});
  }
  SUBCASE("terminal") {
    const auto ends = make_terminal();
    idle_server({ends.first, ends.second});
  }
}

TEST_CASE("a server that writes to a reader that is gone gets an error, not SIGPIPE") {
  connection lines(make_raw_pipe(), make_raw_pipe());
  forked server(lines.server_in.get(), lines.server_out.get(), 2, [] {
    int code = 0;
    run([](int& result) -> awaitable<void> {
      auto opening = antiphon::open_stdio();
      const auto peer = co_await std::move(opening);
      auto receiving = receive(*peer, 2);
      co_await std::move(receiving);
      auto sending = error_of(send(*peer, "y"));
      const auto ec = co_await std::move(sending);
      result = ec == asio::error::broken_pipe ? 7 : 8;
    }(code));
    return code;
  });
  lines.server_out.reset();
  write_all(lines.to_server.get(), "x");
  lines.from_server.reset();
  write_all(lines.to_server.get(), "x");
  const int code = server.wait();
  // Which of the two notices first is chance; neither is a signal.
  const bool noticed = code == 7 || code == 99;
  CHECK(noticed);
}

TEST_CASE("bytes that came before the reader went away are still received") {
  run([]() -> awaitable<void> {
    const auto up = make_raw_pipe();
    const auto down = make_raw_pipe();
    auto opening = open_descriptors(up.first, down.second);
    const auto peer = co_await std::move(opening);
    write_all(up.second, "last words");
    ::close(down.first);
    auto turn = settle();
    co_await std::move(turn);
    auto receiving = receive(*peer, 10);
    const auto got = co_await std::move(receiving);
    CHECK(got == "last words");
    auto more = error_of(receive(*peer, 1));
    const auto ec = co_await std::move(more);
    CHECK(ec == asio::error::broken_pipe);
    ::close(up.second);
  }());
}

TEST_CASE("the end of the input is just that, whether or not the output still has a reader") {
  run([]() -> awaitable<void> {
    for (const bool reader_stays : {true, false}) {
      const auto up = make_raw_pipe();
      const auto down = make_raw_pipe();
      auto opening = open_descriptors(up.first, down.second);
      const auto peer = co_await std::move(opening);
      ::close(up.second);
      if (!reader_stays) ::close(down.first);
      auto receiving = receive_all(*peer);
      const auto got = co_await std::move(receiving);
      CHECK(got == "");
      if (reader_stays) {
        auto sending = send(*peer, "answer");
        co_await std::move(sending);
        CHECK(read_exactly(down.first, 6) == "answer");
        ::close(down.first);
      }
    }
  }());
}

TEST_CASE("a named pipe that is opened anew shows its end too") {
  run([]() -> awaitable<void> {
    const temporary_directory directory;
    const auto path = directory.path("fifo");
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const int writer = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    ::fcntl(reader, F_SETFL, 0);
    write_all(writer, "words");
    ::close(writer);  // before the transport opens its end: the kernel then never reports a hang-up
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    auto opening = open_descriptors(reader, null);
    const auto peer = co_await std::move(opening);
    auto receiving = receive_all(*peer);
    const auto got = co_await std::move(receiving);
    CHECK(got == "words");
  }());
}

TEST_CASE("waiting takes no processor time") {
  for (const kind k : all_kinds()) {
    const std::string name = name_of(k);
    CAPTURE(name);
    asio::io_context context(1);
    pair both;
    std::exception_ptr failure;
    start(
        context,
        [](pair& into, kind what) -> awaitable<void> {
          auto making = make_pair(what);
          into = co_await std::move(making);
          // One that has been written to: Asio then watches for writability as well.
          auto sending = send(*into.near, "abc");
          co_await std::move(sending);
          auto& arrives = into.far ? *into.far : *into.near;
          auto receiving = receive(arrives, 4);
          auto waiting = error_of(std::move(receiving));
          co_await std::move(waiting);
        }(both, k),
        failure);
    context.run_for(std::chrono::milliseconds(50));
    const auto before = std::clock();
    context.run_for(std::chrono::milliseconds(150));
    const double used = double(std::clock() - before) / CLOCKS_PER_SEC;
    CHECK(used < 0.05);
    CHECK_FALSE(context.stopped());
    if (both.near) both.near->close();
    if (both.far) both.far->close();
    drain(context);
  }
}
