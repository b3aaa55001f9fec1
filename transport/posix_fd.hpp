#pragma once

#include <antiphon/error.hpp>

#include <cerrno>
#include <utility>

namespace antiphon::posix {

/// Owns a descriptor.
class unique_fd {
 public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd() { reset(); }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes; errno is kept.
  void reset() noexcept;

 private:
  int fd_ = -1;
};

inline error_code system_code(int error) noexcept { return {error, boost::system::system_category()}; }
inline error_code last_error() noexcept { return system_code(errno); }

/// `fd`, or another descriptor for the same thing when it is one of 0, 1 and 2, which others may redirect.
/// Close-on-exec either way.
unique_fd above_standard(unique_fd fd);

/// Another descriptor for what `fd` refers to, above 2 and close-on-exec. Throws.
unique_fd duplicate(int fd);

/// Both ends of a pipe, close-on-exec and above 2. Throws.
struct pipe_ends {
  unique_fd read;
  unique_fd write;
};
pipe_ends make_pipe();

/// Sets O_NONBLOCK on an open file description that nobody else has. Throws.
void set_nonblocking(int fd);

/// Makes a write to a broken pipe an error in place of a signal, unless the program has a handler of its own.
void ignore_sigpipe() noexcept;

}  // namespace antiphon::posix
