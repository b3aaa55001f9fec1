#pragma once

#include <cstddef>
#include <string_view>

namespace antiphon::detail {

inline bool is_json_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The offset of the first byte at or after `at` that is no whitespace; the size of the text where there is
// none.
std::size_t skip_blanks(std::string_view text, std::size_t at) noexcept;

// Where the value that begins at `at` ends, found from quotes and brackets alone.
//
// Safe on malformed text and never recursive. `npos` when the text ends inside the value, or none begins
// there.
std::size_t skip_value(std::string_view text, std::size_t at) noexcept;

std::string_view trim_blanks(std::string_view text) noexcept;

}  // namespace antiphon::detail
