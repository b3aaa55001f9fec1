#include "transport/posix_channel.hpp"

#include "transport/fail.hpp"

#include <linux/magic.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace antiphon::posix {
namespace {

// The kernel never reports the end of a named pipe that was opened after its last writer had gone.
bool is_named_pipe(int fd) noexcept {
  struct stat file{};
  struct statfs where{};
  if (::fstat(fd, &file) != 0 || !S_ISFIFO(file.st_mode)) return false;
  return ::fstatfs(fd, &where) != 0 || where.f_type != PIPEFS_MAGIC;
}

}  // namespace

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

channel::channel(const asio::any_io_executor& executor, int fd, access how)
    : ready_(executor),
      how_(how),
      readable_is_sure_(how == access::socket || (how != access::file && !is_named_pipe(fd))),
      fd_(fd) {}

channel channel::own(const asio::any_io_executor& executor, unique_fd file, access how) {
  channel made(executor, file.get(), how);
  made.ready_.assign(file.get());
  file.release();
  return made;
}

channel channel::share(const asio::any_io_executor& executor, unique_fd file, access how, direction way) {
  unique_fd epoll = make_epoll(file.get(), way == direction::in ? EPOLLIN : EPOLLOUT);
  channel made(executor, file.get(), epoll ? how : access::file);
  made.file_ = std::move(file);
  if (!epoll) return made;
  made.ready_.assign(epoll.get());
  epoll.release();
  return made;
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
