#pragma once

#include <cstddef>
#include <span>
#include <string_view>

struct iovec;

namespace antiphon::posix {

/// How a file is read and written without ever blocking. O_NONBLOCK belongs to the open file description, so
/// only one that nobody else has may carry it.
enum class access {
  /// A socket, whoever else has it: MSG_DONTWAIT says so call by call.
  socket,
  /// An open file description of our own, with O_NONBLOCK.
  owned,
  /// Someone else's, perhaps blocking: poll is asked first, and no more is written than surely fits.
  borrowed,
  /// A regular file or a device that never keeps anyone waiting.
  file,
};

/// The outcome of one attempt.
struct io_result {
  std::size_t count = 0;
  /// An errno; EAGAIN when it would have to wait.
  int error = 0;
};

/// Reads what is there; a count of 0 without error is the end of the input.
io_result read_now(int fd, access how, std::span<char> into) noexcept;

/// What a read that ended with `error` (an errno) means: for a terminal it may be the end of the input.
io_result failed_read(int fd, int error) noexcept;

/// What is still to be written of a list of parts.
class unsent {
 public:
  explicit unsent(std::span<const std::string_view> parts) noexcept : parts_(parts) { skip_empty(); }

  bool empty() const noexcept { return parts_.empty(); }
  /// Lists the next parts, up to `max_bytes` altogether; returns how many entries it filled.
  std::size_t list(std::span<iovec> into, std::size_t max_bytes) const noexcept;
  void consume(std::size_t count) noexcept;

 private:
  void skip_empty() noexcept;

  std::span<const std::string_view> parts_;
  std::size_t offset_ = 0;  // into the first part
};

/// Writes until all is written (0), or an errno; EAGAIN when it would have to wait for the rest.
int write_now(int fd, access how, unsent& rest) noexcept;

}  // namespace antiphon::posix
