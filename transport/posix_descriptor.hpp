#pragma once

#include "transport/posix_fd.hpp"

#include <antiphon/error.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace antiphon::posix {

/// A descriptor that Asio waits for from now on. Throws, and closes it then.
inline void hand_over(unique_fd file, boost::asio::posix::stream_descriptor& to) {
  to.assign(file.get());
  file.release();
}

inline void close(boost::asio::posix::stream_descriptor& descriptor) noexcept {
  error_code ignored;
  descriptor.close(ignored);
}

}  // namespace antiphon::posix
