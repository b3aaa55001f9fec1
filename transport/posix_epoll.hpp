#pragma once

#include "transport/posix_fd.hpp"

namespace antiphon::posix {

/// An empty epoll descriptor, close-on-exec and above 2. Throws.
unique_fd make_epoll();
/// Has `epoll` watch `fd` for `events` (EPOLLIN, ...), and in any case for an error and a hang-up. False when
/// `fd` never keeps anyone waiting (a regular file). Throws.
bool add_to_epoll(const unique_fd& epoll, int fd, unsigned events);

}  // namespace antiphon::posix
