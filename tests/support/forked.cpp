#include "tests/support/forked.hpp"

#include "tests/support/transports.hpp"

#include <antiphon/transport/stdio.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>

namespace support {
namespace {

void put(int fd, int at) {
  if (fd < 0) {
    ::close(at);
  } else {
    ::dup2(fd, at);
  }
}

/// What is buffered is for this process alone to write.
pid_t fork_flushed() {
  std::fflush(nullptr);
  return ::fork();
}

asio::awaitable<void> echo() {
  auto opening = antiphon::open_stdio();
  const auto peer = co_await std::move(opening);
  for (;;) {
    auto bytes = peer->acquire(4096);
    auto receiving = peer->receive_into(bytes);
    const std::size_t got = co_await std::move(receiving);
    if (got == 0) co_return;
    auto sending = send(*peer, bytes.bytes());
    co_await std::move(sending);
  }
}

}  // namespace

forked::forked(int input, int output, int error, const std::function<int()>& body) : pid_(fork_flushed()) {
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ > 0) return;
  put(input, 0);
  put(output, 1);
  put(error, 2);
  ::syscall(SYS_close_range, 3u, ~0u, 0u);
  // The test framework has handlers that would report for the parent.
  for (const int number : {SIGPIPE, SIGTERM, SIGINT, SIGABRT, SIGSEGV, SIGILL, SIGFPE})
    ::signal(number, SIG_DFL);
  int code = 99;
  try {
    code = body();
  } catch (...) {
  }
  ::_exit(code);
}

forked::~forked() {
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool forked::running() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

int forked::wait() {
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  pollfd ended{process, POLLIN, 0};
  if (::poll(&ended, 1, 10000) != 1) ::kill(pid_, SIGKILL);
  ::close(process);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  reaped_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int echo_standard_input() {
  try {
    run(echo());
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::broken_pipe) return 1;
    if (e.code() == asio::error::bad_descriptor) return 2;
    return 3;
  }
  return 0;
}

void write_all(int fd, const std::string& bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t wrote = ::write(fd, bytes.data() + at, bytes.size() - at);
    if (wrote <= 0) throw std::runtime_error("write");
    at += static_cast<std::size_t>(wrote);
  }
}

std::string read_exactly(int fd, std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t at = 0;
  while (at < count) {
    const ssize_t got = ::read(fd, bytes.data() + at, count - at);
    if (got <= 0) break;
    at += static_cast<std::size_t>(got);
  }
  bytes.resize(at);
  return bytes;
}

std::string read_to_end(int fd) {
  std::string all;
  for (;;) {
    const auto piece = read_exactly(fd, 1);
    if (piece.empty()) return all;
    all += piece;
  }
}

}  // namespace support
