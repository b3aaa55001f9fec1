#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

// The passes over JSON text that look at 64 bytes at a time. Each is compiled once for every instruction set
// (kernels.inl), and chosen at run time (dispatch.cpp).
namespace antiphon::detail::scan {

/// Where strings stand between two blocks.
struct string_state {
  std::uint64_t inside = 0;   // all ones within a string, else 0
  std::uint64_t escaped = 0;  // 1 when the next byte is escaped
};

/// A walk over one object, array or string.
struct skip_state {
  string_state strings;
  std::size_t depth = 0;
};

inline constexpr std::size_t most_depth = 1024;

/// A check of one text against the grammar, which may come in pieces.
struct check_state {
  enum class expect : std::uint8_t {
    value,
    element_or_end,  // after '['
    name_or_end,     // after '{'
    name,            // after ',' in an object
    colon,
    comma_or_object_end,
    comma_or_array_end,
    nothing,  // the text is complete
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  explicit check_state(std::size_t depth_limit) noexcept : max_depth(depth_limit) {}

  std::size_t max_depth;
  std::size_t at = 0;  // bytes looked at; a multiple of 64 until the end
  string_state strings;
  std::uint64_t scalar = 0;     // 1 when the last byte was part of a number or word
  std::size_t pending = none;   // where a number or word began that may go on
  std::size_t utf8 = 0;         // up to here a UTF-8 sequence goes that began in an earlier block
  std::size_t low_half = none;  // the 'u' of a pair's second escape
  std::size_t depth = 0;
  expect next = expect::value;
  std::array<std::uint64_t, most_depth / 64> objects;  // a bit for each open bracket
};

struct kernels {
  const char* name;
  /// Goes on with a walk that began at a bracket or quote. Behind its end, or null when `end` comes first.
  const char* (*skip)(const char* begin, const char* end, skip_state& state) noexcept;
  /// The quote that ends the string in which `begin` is; null when there is none.
  const char* (*string_end)(const char* begin, const char* end) noexcept;
  /// Goes on with a check. False: it is not valid. Unless `last`, the last bytes wait for more.
  bool (*check)(const char* text, std::size_t size, bool last, check_state& state) noexcept;
  /// The first byte that can't stand in a string as it is: quote, backslash, control character; or `end`.
  const char* (*plain_end)(const char* begin, const char* end) noexcept;
  bool (*is_utf8)(const char* begin, const char* end) noexcept;
};

/// Those in use.
const kernels& active() noexcept;

/// Whether a number, `true`, `false` or `null` begins at `begin` and ends at a blank, a bracket, ',', ':' or
/// `end`; numbers within a double's range.
bool is_scalar(const char* begin, const char* end) noexcept;

/// How long the \u escape is whose 'u' is at `u`, in bytes from there, both halves of a surrogate pair
/// together; 0 when it is malformed.
std::size_t unicode_escape_length(const char* u, const char* end) noexcept;

}  // namespace antiphon::detail::scan
