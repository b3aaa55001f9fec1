#include "transport/posix_epoll.hpp"

#include "transport/fail.hpp"

#include <sys/epoll.h>

namespace antiphon::posix {

unique_fd make_epoll() {
  unique_fd made(::epoll_create1(EPOLL_CLOEXEC));
  if (!made) fail(last_error(), "epoll_create");
  return above_standard(std::move(made));
}

bool add_to_epoll(const unique_fd& epoll, int fd, unsigned events) {
  epoll_event interest{};
  interest.events = events;
  interest.data.fd = fd;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &interest) == 0) return true;
  if (errno == EPERM) return false;
  fail(last_error(), "epoll_ctl");
}

}  // namespace antiphon::posix
