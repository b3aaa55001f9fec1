#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <span>
#include <string>
#include <utility>

namespace load {

/// A file descriptor that is closed with its owner.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

/// The way to the server and back: two pipes, or a socket twice.
struct channel {
  descriptor output;
  descriptor input;
  bool is_socket = false;

  /// Writes what is taken without waiting. Reading waits.
  /// @return as `writev` does
  ssize_t write(std::span<const iovec> parts) const noexcept;
  /// The server sees the end of its input; what it still says can be read.
  void end_output();
};

/// Throw `failure`. There is a colon in `host_and_port`.
channel connect_tcp(const std::string& host_and_port);
channel connect_unix(const std::string& path);

/// What to write to and what to read from are two pipes of ours.
channel over_pipes(descriptor output, descriptor input);

/// "while doing this: what errno says"
std::string why(const char* what);

}  // namespace load
