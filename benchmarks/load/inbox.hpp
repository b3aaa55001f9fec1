#pragma once

#include <antiphon/streaming/framing.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace load {

/// What the server has said, cut into frames in place. Its memory only grows: no frame costs an allocation
/// once the largest has come.
class inbox {
 public:
  struct frame {
    /// With what the framing adds.
    std::string_view whole;
    std::string_view body;
  };

  explicit inbox(std::unique_ptr<antiphon::framing> rules);

  /// Where to read to. What was given out before is gone.
  std::span<char> space();
  void commit(std::size_t size) noexcept { end_ += size; }

  /// What begins with the next frame, unless the framing has looked at some of that already: then nothing.
  std::string_view untouched() const noexcept {
    return looked_ == begin_ ? rest(begin_) : std::string_view();
  }
  /// So many bytes of `untouched` are a frame, as the caller knows without the framing.
  void skip(std::size_t size) noexcept { begin_ = window_ = looked_ = begin_ + size; }
  /// The next whole frame; none when more must be read. Throws `failure`.
  std::optional<frame> next();
  /// The input has ended. Throws `failure` if that was inside a frame.
  /// @return a last frame whose end only the end of the input shows
  std::optional<frame> finish();

 private:
  std::string_view rest(std::size_t from) const noexcept { return {memory_.data() + from, end_ - from}; }
  std::optional<frame> take(const antiphon::framing::step& step);

  std::unique_ptr<antiphon::framing> rules_;
  std::vector<char> memory_;
  std::size_t begin_ = 0;   // of the next frame
  std::size_t window_ = 0;  // what is before belongs to that frame, and the framing is done with it
  std::size_t looked_ = 0;  // what is before has been shown to the framing
  std::size_t end_ = 0;
};

}  // namespace load
