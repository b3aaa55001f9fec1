#pragma once

#include <antiphon/streaming/framing.hpp>

#include <cstdint>

namespace antiphon {

/// JSON texts back to back, with any whitespace or none between; the boundary comes from the structure
/// itself.
///
/// Objects and arrays end with their bracket, strings with their quote, other scalars with whitespace or the
/// start of a next text. A text longer than `limits::message_bytes`, a byte that can't begin a JSON text
/// between messages, or an HTTP request line ends the stream. Each message is emitted with a newline behind
/// it.
class sequence_framing final : public framing {
 public:
  explicit sequence_framing(const limits& bounds) noexcept;
  static std::unique_ptr<framing> make(const limits& bounds);

  step look(std::string_view window) override;
  step finish(std::string_view rest) override;
  std::size_t max_head() const noexcept override { return 0; }
  std::size_t write_head(char*, std::size_t) const noexcept override { return 0; }
  std::string_view tail() const noexcept override { return "\n"; }

 private:
  enum class inside : std::uint8_t { nothing, scalar, string, structure };

  static step not_a_text(std::string_view window);
  // They give the size of the text once its end was seen, 0 before that.
  std::size_t scalar(std::string_view window) noexcept;
  std::size_t string(std::string_view window) noexcept;
  std::size_t structure(std::string_view window) noexcept;

  limits limits_;
  std::size_t seen_ = 0;
  std::size_t depth_ = 0;
  inside within_ = inside::nothing;
  // Of the last byte looked at: all ones within a string, 1 when it escapes the next.
  std::uint64_t in_string_ = 0;
  std::uint64_t escaped_ = 0;
};

}  // namespace antiphon
