#include "transport/fail.hpp"
#include "transport/posix_descriptor.hpp"
#include "transport/posix_epoll.hpp"
#include "transport/posix_stream.hpp"

#include <antiphon/transport/stdio.hpp>

#include <boost/asio/this_coro.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace antiphon {
namespace posix {
namespace {

using direction = channel::direction;

struct opened {
  unique_fd file;
  access how;
};

std::string name_of(int number) {
  if (number == 0) return "standard input";
  if (number == 1) return "standard output";
  return "descriptor " + std::to_string(number);
}

struct stat inspect(int number, direction way) {
  const int flags = ::fcntl(number, F_GETFL);
  struct stat about{};
  if (flags < 0 || ::fstat(number, &about) != 0) fail(last_error(), name_of(number));
  // A process started with a closed descriptor meets its own epoll or timer there: neither a file nor a pipe.
  if ((about.st_mode & S_IFMT) == 0) fail(system_code(EBADF), name_of(number));
  const int mode = flags & O_ACCMODE;
  if (mode != O_RDWR && mode != (way == direction::in ? O_RDONLY : O_WRONLY)) {
    fail(system_code(EBADF), name_of(number) + " is open in the other direction only");
  }
  return about;
}

bool is_pseudo_terminal_master(int fd) noexcept {
  unsigned number = 0;
  return ::ioctl(fd, TIOCGPTN, &number) == 0;
}

bool can_be_opened_anew(int number, const struct stat& about) noexcept {
  if (S_ISFIFO(about.st_mode)) return true;
  // Opening a master anew makes another terminal; what other devices do is anyone's guess.
  return S_ISCHR(about.st_mode) && ::isatty(number) == 1 && !is_pseudo_terminal_master(number);
}

/// An open file description of our own for the same pipe or terminal; empty when that is refused.
unique_fd open_anew(int number, direction way, const struct stat& about) {
  const std::string path = "/proc/self/fd/" + std::to_string(number);
  const int mode = way == direction::in ? O_RDONLY : O_WRONLY;
  unique_fd file(::open(path.c_str(), mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat found{};
  if (!file || ::fstat(file.get(), &found) != 0) return unique_fd();
  if (found.st_dev != about.st_dev || found.st_ino != about.st_ino) return unique_fd();
  return above_standard(std::move(file));
}

void demand_stream_socket(int number) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) != 0) fail(last_error(), name_of(number));
  if (type != SOCK_STREAM) fail(system_code(EPROTOTYPE), name_of(number) + " is not a stream socket");
}

opened open_descriptor(int number, direction way) {
  const auto about = inspect(number, way);
  if (S_ISSOCK(about.st_mode)) {
    demand_stream_socket(number);
    return {duplicate(number), access::socket};
  }
  if (can_be_opened_anew(number, about)) {
    unique_fd file = open_anew(number, way, about);
    if (file) return {std::move(file), access::owned};
  }
  const bool never_waits = !S_ISFIFO(about.st_mode) && !S_ISCHR(about.st_mode);
  return {duplicate(number), never_waits ? access::file : access::borrowed};
}

channel make_channel(const asio::any_io_executor& executor, opened from, direction way) {
  if (from.how == access::owned) return channel::own(executor, std::move(from.file), from.how);
  return channel::share(executor, std::move(from.file), from.how, way);
}

/// Readable once nobody can read this output any more. Empty where there is no reader to lose (a file,
/// /dev/null).
unique_fd watch_for_error(const opened& output) {
  if (output.how == access::file) return unique_fd();
  unique_fd epoll = make_epoll();
  if (!add_to_epoll(epoll, output.file.get(), 0)) return unique_fd();
  return epoll;
}

bool same_pipe_or_socket(int a, int b) noexcept {
  struct stat first{};
  struct stat second{};
  if (::fstat(a, &first) != 0 || ::fstat(b, &second) != 0) return false;
  return (S_ISFIFO(first.st_mode) || S_ISSOCK(first.st_mode)) && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

void replace(int number, int with) {
  if (::dup2(with, number) < 0) fail(last_error(), name_of(number));
}

/// Gives the original numbers up, so that the peer sees the end when we close, and puts something harmless in
/// the place of 0 and 1.
void protect(const stdio_options& options) {
  unique_fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) fail(last_error(), "/dev/null");
  const bool quiet_stderr = ::fcntl(2, F_GETFD) >= 0 && !same_pipe_or_socket(options.output, 2);
  for (const int number : {options.input, options.output}) {
    if (number == 0) {
      replace(0, null.get());
    } else if (number == 1) {
      replace(1, quiet_stderr ? 2 : null.get());
    } else {
      ::close(number);
    }
    if (options.input == options.output) break;
  }
}

/// Tells a stream when nobody can read its output any more, also while nothing is written.
class stdio_stream final : public stream {
 public:
  stdio_stream(const asio::any_io_executor& executor, channel in, channel out, unique_fd output_watch,
               std::shared_ptr<buffer_source> buffers)
      : stream(executor, std::move(in), std::move(out), std::move(buffers)), watch_(executor) {
    if (!output_watch) return;
    hand_over(std::move(output_watch), watch_);
    watch_.async_wait(asio::posix::descriptor_base::wait_read,
                      [self = std::weak_ptr(self_)](const error_code& ec) {
                        const auto alive = self.lock();
                        if (!ec && alive) (*alive)->output_lost();
                      });
  }

  bool shutdown_send() noexcept override {
    stop_watching();
    return stream::shutdown_send();
  }
  void close() noexcept override {
    stop_watching();
    stream::close();
  }

 private:
  void stop_watching() noexcept { posix::close(watch_); }

  // What the watch holds on to: it may find the stream gone.
  std::shared_ptr<stdio_stream*> self_ = std::make_shared<stdio_stream*>(this);
  asio::posix::stream_descriptor watch_;
};

}  // namespace
}  // namespace posix

asio::awaitable<transport_ptr> open_stdio(stdio_options options) {
  const auto executor = co_await asio::this_coro::executor;
  using posix::channel;
  auto in = posix::open_descriptor(options.input, channel::direction::in);
  auto out = posix::open_descriptor(options.output, channel::direction::out);
  auto watch = posix::watch_for_error(out);
  auto in_channel = posix::make_channel(executor, std::move(in), channel::direction::in);
  auto out_channel = posix::make_channel(executor, std::move(out), channel::direction::out);
  if (options.protect_stdout) posix::protect(options);
  posix::ignore_sigpipe();
  co_return std::make_unique<posix::stdio_stream>(executor, std::move(in_channel), std::move(out_channel),
                                                  std::move(watch), std::move(options.buffers));
}

}  // namespace antiphon
