#pragma once

#include "transport/posix_fd.hpp"

#include <antiphon/transport/transport.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace antiphon::posix {

/// Sees the peer of a file hang up without reading from it: what EPOLLRDHUP, EPOLLHUP and EPOLLERR say.
class hang_up_watch {
 public:
  /// @param in the file read from
  /// @param out the file written to; the same one for a socket
  /// Throws.
  hang_up_watch(const asio::any_io_executor& executor, int in, int out);

  asio::awaitable<hang_up> wait(bool input_has_ended);
  /// Ends a suspended `wait`.
  void close() noexcept;

 private:
  hang_up look() noexcept;
  void ignore_end_of_input() noexcept;

  int in_;
  int out_;
  asio::posix::stream_descriptor epoll_;
  bool input_ended_ = false;
};

}  // namespace antiphon::posix
