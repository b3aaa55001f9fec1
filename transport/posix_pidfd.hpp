#pragma once

#include "transport/posix_fd.hpp"

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace antiphon::posix {

// glibc 2.36 declares these without extern "C".

/// Readable once the process has ended; close-on-exec. Empty with errno set when there is none.
inline unique_fd open_pidfd(pid_t pid) noexcept {
  return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

inline void signal_pidfd(int pidfd, int number) noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0);
}

}  // namespace antiphon::posix
