#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

// The passes over JSON text that look at 64 bytes at a time. Each is compiled once for every instruction set
// (kernels.inl), and chosen at run time (dispatch.cpp).
namespace antiphon::detail::scan {

/// Where strings stand between two blocks.
struct string_state {
  std::uint64_t inside = 0;   // all ones within a string, else 0
  std::uint64_t escaped = 0;  // 1 when the next byte is escaped
};

/// A walk over one object or array.
struct skip_state {
  string_state strings;
  std::size_t depth = 0;
};

inline constexpr std::size_t most_depth = 1024;

// Whole blocks are copied, whatever counts of them.
inline constexpr std::size_t copy_room = 72;

/// The values of the members that matter, as they stand; empty where one is missing.
struct envelope {
  // Written out, or g++ clears them as a block, which takes longer than all the rest of a small message.
  envelope() noexcept : jsonrpc(), id(), method(), params(), result(), error() {}

  std::string_view jsonrpc, id, method, params, result, error;
};

/// A check against the grammar of one text, which may come in pieces. It must be an object or array: a lone
/// number, word or string is not found valid.
struct check_state {
  explicit check_state(std::size_t depth_limit) noexcept
      : max_depth(depth_limit), word_depth(depth_limit < 64 ? depth_limit : 63) {}

  /// All ones within an object, else 0.
  std::uint64_t in_object() const noexcept { return std::uint64_t{0} - (kinds & 1); }
  /// False when it is too deep.
  bool open(bool object) noexcept {
    if (depth == max_depth) return false;
    if (depth % 64 == 0) outer[depth / 64] = kinds;
    kinds = kinds << 1 | (object ? 1 : 0);
    ++depth;
    return true;
  }
  /// Whether that was the outermost.
  bool close() noexcept {
    --depth;
    kinds = depth % 64 == 0 ? outer[depth / 64] : kinds >> 1;
    return depth == 0;
  }

  /// Not 0 before the outermost bracket and behind it.
  std::uint64_t outermost() const noexcept { return depth == 0 ? 1 : 0; }

  std::size_t max_depth;
  std::size_t word_depth;  // so deep that `kinds` knows all that are open
  std::size_t at = 0;      // bytes looked at; a multiple of 64 until the end
  bool ended = false;      // with the outermost bracket
  string_state strings;
  std::uint64_t utf8_cut = 0;   // not 0 when a UTF-8 sequence may go on
  std::size_t low_half = 0;     // the 'u' of a pair's second escape
  std::uint64_t scalars = 0;    // the last block's bytes of numbers and words
  std::uint64_t zeros = 0;      // those of its bytes that begin one, and are '0'
  std::uint64_t unsettled = 0;  // 1 when its last one needs a closer look once it is whole
  // The highest bit is 1 when the last token was one of those.
  std::uint64_t after_value = 0;
  std::uint64_t after_open = 0;
  std::uint64_t at_name = 0;
  std::uint64_t after_name = 0;
  // A bit for each open bracket, 1 for an object, the innermost the lowest.
  std::size_t depth = 0;
  std::uint64_t kinds = 0;
  std::array<std::uint64_t, most_depth / 64> outer;  // what was in `kinds` when it was full
};

struct kernels {
  const char* name;
  /// Goes on with a walk that began at a bracket. Behind its end, or null when `end` comes first.
  const char* (*skip)(const char* begin, const char* end, skip_state& state) noexcept;
  /// The quote that ends the string in which `begin` is; null when there is none.
  const char* (*string_end)(const char* begin, const char* end) noexcept;
  /// Finds an object's members by their names, escaped or not; of duplicates the last. Follows strings and
  /// brackets only. False when `text`, which begins with '{', isn't an object from end to end.
  bool (*members)(std::string_view text, envelope& found) noexcept;
  /// Goes on with a check. False: it is not valid. Unless `last`, the last bytes wait for more.
  bool (*check)(const char* text, std::size_t size, bool last, check_state& state) noexcept;
  /// The first byte that can't stand in a string as it is: quote, backslash, control character; or `end`.
  const char* (*plain_end)(const char* begin, const char* end) noexcept;
  /// The same, or the first that is not ASCII.
  const char* (*simple_end)(const char* begin, const char* end) noexcept;
  bool (*is_utf8)(const char* begin, const char* end) noexcept;
  /// Writes a string's inside, without its escapes, to `out`, where there is room for `copy_room` bytes more
  /// than it has. The end of what it wrote; null when an escape is malformed or a control character stands
  /// there.
  char* (*unescape)(const char* begin, const char* end, char* out) noexcept;
  /// Writes text, with escapes where it needs them, to `out` until no `copy_room` bytes are left there, and
  /// sets it to the end of what it wrote. Where in the text it stopped.
  const char* (*escape)(const char* begin, const char* end, char*& out, const char* out_end) noexcept;
};

/// Each ASCII character 64 times: compilers make such constants anew for every block, which takes three
/// instructions for each, where from memory it is a part of the comparison.
struct repeated_characters {
  constexpr repeated_characters() noexcept {
    for (std::size_t c = 0; c < of.size(); ++c) of[c].fill(static_cast<char>(c));
  }
  alignas(64) std::array<std::array<char, 64>, 128> of{};
};
[[gnu::visibility("hidden")]] extern const repeated_characters repeated;

/// Null until they are first asked for.
extern std::atomic<const kernels*> chosen;
const kernels& choose() noexcept;

/// Those in use.
inline const kernels& active() noexcept {
  const kernels* const use = chosen.load(std::memory_order_relaxed);
  return use != nullptr ? *use : choose();
}

/// Whether a number, `true`, `false` or `null` begins at `begin` and ends at a blank, a bracket, ',', ':' or
/// `end`; numbers within a double's range.
bool is_scalar(const char* begin, const char* end) noexcept;

/// How long the \u escape is whose 'u' is at `u`, in bytes from there, both halves of a surrogate pair
/// together; 0 when it is malformed.
std::size_t unicode_escape_length(const char* u, const char* end) noexcept;

/// Goes behind the escape at `at`, and writes what it stands for. False when it is malformed.
bool take_escape(const char*& at, const char* end, char*& out) noexcept;

}  // namespace antiphon::detail::scan
