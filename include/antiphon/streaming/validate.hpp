#pragma once

#include <antiphon/error.hpp>

#include <cstddef>
#include <string_view>

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
/// No recursion, no allocation, one pass.
/// @param offset where set, receives the offset in bytes of the first error
/// @return success, or `errc::invalid_json`, `errc::invalid_utf8`, `errc::nesting_too_deep`,
///         `errc::number_out_of_range`
error_code validate(std::string_view text, std::size_t max_depth, std::size_t* offset = nullptr) noexcept;

}  // namespace antiphon
