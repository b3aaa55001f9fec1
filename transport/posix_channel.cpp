#include "transport/posix_channel.hpp"

#include "transport/posix_descriptor.hpp"
#include "transport/posix_epoll.hpp"

#include <boost/asio/error.hpp>

#include <sys/epoll.h>

namespace antiphon::posix {

channel channel::own(const asio::any_io_executor& executor, unique_fd file, access how) {
  channel made(executor, how);
  made.fd_ = file.get();
  hand_over(std::move(file), made.ready_);
  return made;
}

channel channel::share(const asio::any_io_executor& executor, unique_fd file, access how, direction way) {
  channel made(executor, how);
  made.fd_ = file.get();
  made.file_ = std::move(file);
  unique_fd epoll = make_epoll();
  if (add_to_epoll(epoll, made.fd_, way == direction::in ? EPOLLIN : EPOLLOUT)) {
    hand_over(std::move(epoll), made.ready_);
  } else {
    made.how_ = access::file;
  }
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
  posix::close(ready_);
  file_.reset();
  fd_ = -1;
}

}  // namespace antiphon::posix
