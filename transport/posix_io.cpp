#include "transport/posix_io.hpp"

#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

namespace antiphon::posix {
namespace {

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

bool ready(int fd, short events) noexcept {
  pollfd asked{fd, events, 0};
  // An error or a hang-up counts as ready: the call itself then says what is wrong.
  return ::poll(&asked, 1, 0) > 0;
}

bool is_terminal_gone(int fd) noexcept {
  struct stat about{};
  return ::fstat(fd, &about) == 0 && S_ISCHR(about.st_mode);
}

ssize_t write_some(int fd, access how, std::span<iovec> list) noexcept {
  if (how != access::socket) return ::writev(fd, list.data(), static_cast<int>(list.size()));
  msghdr message{};
  message.msg_iov = list.data();
  message.msg_iovlen = list.size();
  return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

io_result failed_read(int fd, int error) noexcept {
  // What a terminal says once its other side is closed.
  if (error == EIO && is_terminal_gone(fd)) return {};
  return {0, error == EWOULDBLOCK ? EAGAIN : error};
}

io_result read_now(int fd, access how, std::span<char> into) noexcept {
  for (;;) {
    if (how == access::borrowed && !ready(fd, POLLIN)) return {0, EAGAIN};
    const ssize_t got = how == access::socket ? ::recv(fd, into.data(), into.size(), MSG_DONTWAIT)
                                              : ::read(fd, into.data(), into.size());
    if (got >= 0) return {static_cast<std::size_t>(got), 0};
    if (errno != EINTR) return failed_read(fd, errno);
  }
}

int write_now(int fd, access how, unsent& rest) noexcept {
  std::array<iovec, IOV_MAX> list;  // filled as far as it is used
  while (!rest.empty()) {
    // poll calls a pipe writable when PIPE_BUF bytes fit.
    if (how == access::borrowed && !ready(fd, POLLOUT)) return EAGAIN;
    const std::size_t entries = rest.list(list, how == access::borrowed ? PIPE_BUF : no_limit);
    const ssize_t wrote = write_some(fd, how, std::span(list).first(entries));
    if (wrote >= 0) {
      rest.consume(static_cast<std::size_t>(wrote));
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    return error == EWOULDBLOCK ? EAGAIN : error;
  }
  return 0;
}

std::size_t unsent::list(std::span<iovec> into, std::size_t max_bytes) const noexcept {
  std::size_t entries = 0;
  std::size_t offset = offset_;
  for (const auto part : parts_) {
    if (entries == into.size() || max_bytes == 0) break;
    const auto bytes = part.substr(offset, max_bytes);
    offset = 0;
    if (bytes.empty()) continue;
    into[entries++] = {const_cast<char*>(bytes.data()), bytes.size()};
    max_bytes -= bytes.size();
  }
  return entries;
}

void unsent::consume(std::size_t count) noexcept {
  while (count > 0) {
    const std::size_t taken = std::min(count, parts_.front().size() - offset_);
    offset_ += taken;
    count -= taken;
    skip_empty();
  }
}

void unsent::skip_empty() noexcept {
  while (!parts_.empty() && offset_ == parts_.front().size()) {
    parts_ = parts_.subspan(1);
    offset_ = 0;
  }
}

}  // namespace antiphon::posix
