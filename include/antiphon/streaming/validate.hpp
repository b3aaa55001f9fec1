#pragma once

#include <antiphon/error.hpp>

#include <cstddef>
#include <memory>
#include <string_view>

namespace antiphon::detail::scan {
struct check_state;
}

namespace antiphon {

/// How much of a message is checked before a handler sees it.
enum class validation {
  /// Every byte: RFC 8259's grammar, UTF-8, nesting, numbers that fit a double. The default.
  full,
  /// The envelope only; a malformed payload shows when it is decoded. For a peer that is trusted.
  envelope,
};

/// Checks that `text` is one JSON value (RFC 8259) in strict UTF-8 (no overlong forms, no surrogates), with
/// whitespace around it at most, nested no deeper than `max_depth`, each number within a double's range.
///
/// No recursion, no allocation; one pass, and a second one, byte by byte, over text that it refuses.
/// @param offset where set, receives the offset in bytes of the first error
/// @return success, or `errc::invalid_json`, `errc::invalid_utf8`, `errc::nesting_too_deep`,
///         `errc::number_out_of_range`
error_code validate(std::string_view text, std::size_t max_depth, std::size_t* offset = nullptr) noexcept;

/// The same check of texts that arrive in pieces, one after the other: what has come is looked at while the
/// rest is on its way, and not again. Not thread-safe.
class validator {
 public:
  explicit validator(std::size_t max_depth);
  validator(validator&&) noexcept;
  validator& operator=(validator&&) noexcept;
  ~validator();

  /// Looks at what has been added. `so_far` is all of the text that has come; it may lie elsewhere than
  /// before.
  void advance(std::string_view so_far) noexcept;
  /// The text is whole: true when it is a valid object or array. False for all else, of which `validate`
  /// says what it is. The next call is about the next text.
  bool finish(std::string_view text) noexcept;
  /// Forgets what it has seen: the next call is about another text.
  void restart() noexcept;

 private:
  std::unique_ptr<detail::scan::check_state> state_;
  bool failed_ = false;
};

}  // namespace antiphon
