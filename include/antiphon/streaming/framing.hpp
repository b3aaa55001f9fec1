#pragma once

#include <antiphon/error.hpp>
#include <antiphon/streaming/limits.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

namespace antiphon {

/// How messages are told apart in a stream of bytes: a state machine without memory or I/O of its own.
///
/// One object serves one connection. Reading remembers how far it has looked, so that no byte is looked at
/// twice; writing changes nothing.
/// Derive from it for a framing of your own; `frame_decoder` and the endpoint ask nothing else.
class framing {
 public:
  enum class status {
    need_more,  ///< the frame isn't whole yet
    frame,      ///< a whole frame
    failed,     ///< the boundary is lost; the stream can't go on
  };

  /// What a look at the window showed.
  struct step {
    framing::status status = framing::status::need_more;
    /// Bytes at the front of the window that are done with (headers, blank lines); dropped before anything
    /// else.
    std::size_t skip = 0;
    /// With `frame`: the size of the body, which begins after `skip`.
    std::size_t size = 0;
    /// With `frame`: bytes after the body that belong to it (the line end).
    std::size_t trailer = 0;
    /// With `need_more`: how many bytes more are needed at least; 1 when unknown.
    std::size_t need = 1;
    /// With `need_more`: what the window has after `skip` begins the body, so that it may be looked at
    /// already. The frame then gets longer only, but for a trailer of at most 16 bytes; or it is dropped with
    /// a `skip`.
    bool in_body = false;
    /// With `failed`: why.
    error_code error{};
  };

  framing() = default;
  framing(const framing&) = delete;
  framing& operator=(const framing&) = delete;
  virtual ~framing() = default;

  /// Looks at the bytes that were added to the window since the last call.
  ///
  /// `window` begins after what earlier steps dropped (`skip`, body and trailer) and holds all bytes received
  /// since. After `frame` the next call is about the next frame. After `failed` there is no next call.
  virtual step look(std::string_view window) = 0;

  /// The end of the input was reached with `rest` in the window: a last frame that needs no end mark,
  /// `failed` with `errc::truncated_message` inside a message, `need_more` between messages.
  virtual step finish(std::string_view rest) = 0;

  /// The most bytes that `write_head` may need.
  virtual std::size_t max_head() const noexcept = 0;
  /// Writes what goes in front of a body of `body_size` bytes so that it ends right before `end`.
  /// @return how many bytes it wrote
  virtual std::size_t write_head(char* end, std::size_t body_size) const noexcept = 0;
  /// What goes after each body.
  virtual std::string_view tail() const noexcept = 0;

 protected:
  static step refused(error_code why) noexcept {
    step result;
    result.status = status::failed;
    result.error = why;
    return result;
  }
};

/// Makes the framing of one connection under the connection's limits.
using framing_factory = std::function<std::unique_ptr<framing>(const limits&)>;

}  // namespace antiphon
