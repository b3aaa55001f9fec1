#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

/// Another process, for what a process can only see or do once: its own standard descriptors, signals,
/// limits.
namespace support {

/// How it ended: what it passed to exit, or minus the signal's number.
class forked {
 public:
  /// Runs `body` in a copy of this process that has these three as its standard descriptors (-1: closed) and
  /// no others. An exception that escapes is exit code 99.
  forked(int input, int output, int error, const std::function<int()>& body);
  forked(const forked&) = delete;
  forked& operator=(const forked&) = delete;
  /// Kills it if it still runs.
  ~forked();

  pid_t pid() const noexcept { return pid_; }
  bool running() const;
  /// Waits for its end, ten seconds at most; -9 if it had to be killed.
  int wait();

 private:
  pid_t pid_;
  bool reaped_ = false;
};

/// A server for it: sends back what it receives through `open_stdio` until the end of the input (0). 1 when
/// nobody reads its output any more, 2 for a closed descriptor, 3 for any other error.
int echo_standard_input();

/// Blocking helpers on raw descriptors.
void write_all(int fd, const std::string& bytes);
std::string read_exactly(int fd, std::size_t count);
std::string read_to_end(int fd);

}  // namespace support
