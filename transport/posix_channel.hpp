#pragma once

#include "transport/posix_fd.hpp"
#include "transport/posix_io.hpp"

#include <antiphon/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace antiphon::posix {

namespace asio = boost::asio;

/// An open file, how it is used, and what waits for it.
///
/// Asio sets O_NONBLOCK on whatever descriptor it waits for. For a file that others share it is given a
/// private epoll descriptor that contains the file, never the file.
class channel {
 public:
  enum class direction { in, out, both };

  /// A file whose open file description is nobody else's.
  static channel own(const asio::any_io_executor& executor, unique_fd file, access how);
  /// A file that other processes may share. In one direction, `in` or `out`.
  static channel share(const asio::any_io_executor& executor, unique_fd file, access how, direction way);

  bool is_open() const noexcept { return fd_ >= 0; }
  int fd() const noexcept { return fd_; }
  /// Whether nobody else has the open file description; a file that never keeps anyone waiting counts as
  /// another's.
  bool is_own() const noexcept { return !file_; }

  io_result read_now(std::span<char> into) noexcept { return posix::read_now(fd_, how_, into); }
  int write_now(unsent& rest) noexcept { return posix::write_now(fd_, how_, rest); }

  // What to await, always a tuple with an error_code: `operation_aborted` after `close`, `cancel`, or a
  // cancellation of the coroutine. No coroutines, whose frames would have to be allocated.

  /// Some input, with the count. Only for one's own file. Cheaper than `readable`, for which Asio arms epoll
  /// anew each time.
  auto read(std::span<char> into) {
    return ready_.async_read_some(asio::buffer(into.data(), into.size()), asio::as_tuple(asio::deferred));
  }
  /// What `read` has brought, in the words of `read_now`.
  io_result outcome(const error_code& ec, std::size_t count) const noexcept;
  /// Until it may be worth another attempt.
  auto readable() {
    return ready_.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::deferred));
  }
  auto writable() {
    const auto what =
        file_ ? asio::posix::descriptor_base::wait_read : asio::posix::descriptor_base::wait_write;
    return ready_.async_wait(what, asio::as_tuple(asio::deferred));
  }

  void cancel() noexcept;
  void close() noexcept;

 private:
  channel(const asio::any_io_executor& executor, access how) : ready_(executor), how_(how) {}

  asio::posix::stream_descriptor ready_;  // owns the file, or the epoll descriptor that contains it
  unique_fd file_;                        // a shared file
  access how_;
  int fd_ = -1;
};

}  // namespace antiphon::posix
