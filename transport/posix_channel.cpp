#include "transport/posix_channel.hpp"

#include "transport/fail.hpp"

#include <boost/asio/error.hpp>

#include <sys/epoll.h>

namespace antiphon::posix {

unique_fd make_epoll(int fd, unsigned events) {
  unique_fd made(::epoll_create1(EPOLL_CLOEXEC));
  if (!made) fail(last_error(), "epoll_create");
  made = above_standard(std::move(made));
  epoll_event interest{};
  interest.events = events;
  if (::epoll_ctl(made.get(), EPOLL_CTL_ADD, fd, &interest) == 0) return made;
  if (errno == EPERM) return unique_fd();
  fail(last_error(), "epoll_ctl");
}

channel channel::own(const asio::any_io_executor& executor, unique_fd file, access how) {
  channel made(executor, how);
  made.ready_.assign(file.get());
  made.fd_ = file.release();
  return made;
}

channel channel::share(const asio::any_io_executor& executor, unique_fd file, access how, direction way) {
  channel made(executor, how);
  made.fd_ = file.get();
  made.file_ = std::move(file);
  unique_fd epoll = make_epoll(made.fd_, way == direction::in ? EPOLLIN : EPOLLOUT);
  if (!epoll) {
    made.how_ = access::file;
    return made;
  }
  made.ready_.assign(epoll.get());
  epoll.release();
  return made;
}

io_result channel::outcome(const error_code& ec, std::size_t count) const noexcept {
  if (!ec) return {count, 0};
  if (ec == asio::error::eof) return {};
  return failed_read(fd_, ec.value());
}

void channel::cancel() noexcept {
  error_code ignored;
  ready_.cancel(ignored);
}

void channel::close() noexcept {
  error_code ignored;
  ready_.close(ignored);
  file_.reset();
  fd_ = -1;
}

}  // namespace antiphon::posix
