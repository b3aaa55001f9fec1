#pragma once

#include <antiphon/buffer.hpp>
#include <antiphon/streaming/framing.hpp>
#include <antiphon/streaming/validate.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace antiphon {

/// Cuts a stream of bytes into frames, in place. A buffer that a frame outgrows is extended where its memory
/// can be (`buffer::extend`). What is copied is the beginning of a frame that straddles the end of its
/// buffer: within the buffer where what was before it is more than that; to a new one where a slice pins what
/// was before it; to a larger one, a constant number of times a byte, where the buffer can't be extended.
///
/// The reader's loop: `prepare` a buffer, receive into it, take frames with `next` until it needs more. All
/// partial state is in here, so abandoning a read loses nothing. Memory grows with the bytes that came, never
/// with what a header announces. Not thread-safe.
class frame_decoder {
 public:
  using status = framing::status;

  struct result {
    frame_decoder::status status = frame_decoder::status::need_more;
    /// With `frame`: the body, inside the current buffer; valid until the next `prepare`, longer with `pin`.
    std::string_view frame;
    /// With `need_more`: how many bytes more the frame needs at least.
    std::size_t need = 1;
    /// With `failed`: why; every later call says the same. With `frame`, under `validation::full`: why it is
    /// no valid JSON (`validate`), if it isn't; the stream goes on.
    error_code error;
  };

  /// @param source where buffers come from; outlives the decoder
  /// @param check with `full`, frames are checked while they arrive, so that little is left to do once the
  /// last
  ///        byte is in; with `envelope`, not at all
  frame_decoder(std::unique_ptr<framing> rules, const limits& bounds, buffer_source& source,
                validation check = validation::envelope);

  /// The buffer to receive into, with space for at least one byte, more when it pays; without space when the
  /// source has no memory at present. Throws what the source throws.
  buffer& prepare();
  /// The next frame among the bytes committed to the buffer so far. Call until it no longer says `frame`.
  /// What it returns is valid until the next call of either.
  const result& next();
  /// The input has ended: the last frame if its framing needs no end mark, an error
  /// (`errc::truncated_message`) when it ended inside a message, `need_more` when it ended between messages.
  const result& finish();

  /// Gives back memory that isn't needed while nothing comes, also while a read waits to fill the buffer.
  void trim() noexcept { current_.trim(); }

  /// Keeps `part`, which lies in the last frame, alive beyond the next `prepare`.
  slice pin(std::string_view part) const { return current_.share(part); }
  /// How much memory a pin holds on to.
  std::size_t block_size() const noexcept { return current_.capacity(); }
  /// How much of that has been received into.
  std::size_t block_used() const noexcept { return current_.size(); }
  /// What its frames are told apart by, to write frames with.
  const framing& rules() const noexcept { return *rules_; }
  /// Bytes received and not yet given out as frames.
  std::size_t buffered() const noexcept { return current_.size() - begin_; }

 private:
  const result& take(const framing::step& step);
  const result& fail(error_code why);
  void move_partial_to(buffer fresh);

  std::unique_ptr<framing> rules_;
  limits limits_;
  buffer_source* source_;
  std::optional<validator> validator_;
  buffer current_;
  std::size_t begin_ = 0;  // first byte of current_ that is not yet given out
  std::size_t need_ = 1;
  std::size_t last_size_ = 0;  // of the last frame
  std::size_t lately_ = 0;     // the last two were at least so large
  result last_;                // kept here, since copying one takes longer than all else about a small frame
};

}  // namespace antiphon
