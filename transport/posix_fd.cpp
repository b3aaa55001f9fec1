#include "transport/posix_fd.hpp"

#include "transport/fail.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace antiphon::posix {

void unique_fd::reset() noexcept {
  if (fd_ < 0) return;
  const int saved = errno;
  ::close(std::exchange(fd_, -1));
  errno = saved;
}

unique_fd duplicate(int fd) {
  unique_fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy) fail(last_error(), "dup");
  return copy;
}

unique_fd above_standard(unique_fd fd) {
  if (fd.get() > 2) return fd;
  return duplicate(fd.get());
}

pipe_ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(last_error(), "pipe");
  unique_fd read(ends[0]);
  unique_fd write(ends[1]);
  read = above_standard(std::move(read));
  write = above_standard(std::move(write));
  return {std::move(read), std::move(write)};
}

void set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) fail(last_error(), "fcntl");
}

void ignore_sigpipe() noexcept {
  struct sigaction current{};
  if (::sigaction(SIGPIPE, nullptr, &current) != 0) return;
  if ((current.sa_flags & SA_SIGINFO) != 0 || current.sa_handler != SIG_DFL) return;
  current.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &current, nullptr);
}

}  // namespace antiphon::posix
