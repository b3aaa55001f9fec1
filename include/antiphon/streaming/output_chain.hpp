#pragma once

#include <antiphon/buffer.hpp>
#include <antiphon/streaming/framing.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon {

/// Bytes on their way out, written straight into buffers: a frame leaves without having been copied.
///
/// Frames written one after the other lie side by side, so that many small ones leave as one part. A frame
/// that outgrows its buffer goes on in the next one. Not thread-safe.
class output_chain {
 public:
  /// @param source where buffers come from; outlives the chain
  /// @param first_block bytes of the first buffer; later ones grow with what is written
  explicit output_chain(buffer_source& source, std::size_t first_block = 64 * 1024) noexcept
      : source_(&source), block_size_(first_block) {}
  output_chain(output_chain&&) = default;
  output_chain& operator=(output_chain&&) = default;

  /// Text may also be written without frames, as a piece of a later one; `take` gives it out.
  ///
  /// Opens a frame, with room in front of it for what `rules` put there.
  void begin_frame(const framing& rules);
  /// Closes it: head in front, tail behind.
  void end_frame(const framing& rules);
  /// Takes back what was written since `begin_frame`; nothing when no frame is open.
  void drop_frame() noexcept;
  /// Bytes of the open frame's body so far.
  std::size_t frame_size() const noexcept { return frame_size_; }
  /// The open frame's body so far in one piece, joined in `scratch` where it lies in several. Valid until
  /// something is written.
  std::string_view frame_text(std::string& scratch) const;

  /// One text, or several, one behind the other.
  template <std::convertible_to<std::string_view>... Texts>
  void append(const Texts&... texts) {
    append_views(std::string_view(texts)...);
  }
  void append(char c) { append(std::string_view(&c, 1)); }
  /// Joins a pinned payload without copying it when it is large enough for that to pay.
  void append(const slice& payload);
  /// Joins what was written without frames in another chain, which is empty then.
  void append(output_chain&& text);

  /// Contiguous space for `size` bytes (at most 4096); `advance` says how many were used.
  char* reserve(std::size_t size);
  /// All the contiguous space there is, at least `size` bytes (at most 4096); `advance` says how many were
  /// used.
  std::span<char> room(std::size_t size) {
    char* const begin = reserve(size);
    return {begin, current_.capacity() - current_.size()};
  }
  void advance(std::size_t size) noexcept {
    current_.commit(size);
    frame_size_ += size;
  }

  /// Bytes of the frame that was closed last, head and tail included.
  std::size_t last_frame_size() const noexcept { return last_frame_; }
  /// Moves that frame alone out: appends it to `parts`. Once, and before anything else is written.
  void take_last_frame(std::vector<slice>& parts);
  /// Bytes of the frames closed and not yet taken.
  std::size_t pending() const noexcept { return pending_; }
  /// Moves the closed frames out: appends them to `parts` in order, none of them empty. Not while a frame is
  /// open.
  void take(std::vector<slice>& parts);
  /// Gives back memory that isn't needed while nothing is written. Not while a frame is open.
  void trim() noexcept;

 private:
  // Inline, so that literals are written without calls.
  template <class... Views>
  [[gnu::always_inline]] void append_views(Views... texts) {
    const std::size_t size = (texts.size() + ... + 0);
    if (size > current_.capacity() - current_.size()) return (append_across(texts), ...);
    char* at = current_.data() + current_.size();
    const auto write = [&at](std::string_view text) {
      // Not even for no bytes may memcpy be given the null pointer of an empty view or of no buffer.
      if (!text.empty()) std::memcpy(at, text.data(), text.size());
      at += text.size();
    };
    (write(texts), ...);
    current_.commit(size);
    frame_size_ += size;
  }
  void append_across(std::string_view text);
  void grow(std::size_t at_least);
  void seal();
  void part_off();

  buffer_source* source_;
  std::size_t block_size_;
  buffer current_;
  std::vector<slice> parts_;  // what is complete, in order
  std::size_t sealed_ = 0;    // up to here, current_ stands in parts_
  std::size_t pending_ = 0;
  std::size_t last_frame_ = 0;  // bytes of the frame closed last
  // The open frame.
  std::size_t frame_size_ = 0;
  std::size_t frame_at_ = 0;  // where it begins in the buffer it began in
  std::size_t head_room_ = 0;
  std::size_t frame_part_ = 0;  // index in parts_ of its first part, once it has outgrown that buffer
  char* body_ = nullptr;        // its first byte after the head room
  bool open_ = false;
  bool outgrown_ = false;  // it goes on in another part; still known when it has been closed
};

}  // namespace antiphon
