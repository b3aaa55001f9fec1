#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Small pieces of JSON's lexical grammar (RFC 8259) that several files need.
namespace antiphon::detail {

inline bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
inline bool is_json_blank(char c) noexcept {
  return static_cast<unsigned char>(c) <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

/// The inside of a string token.
inline std::string_view without_quotes(std::string_view token) noexcept {
  return token.substr(1, token.size() - 2);
}

// What may stand behind a number or word.
inline bool ends_scalar(char c) noexcept {
  return is_json_blank(c) || c == ',' || c == ']' || c == '}' || c == ':';
}

/// How many bytes the value at the front of `text` takes; 0 when there is none or it has no end. Finds the
/// extent only: strings and brackets are followed, the grammar inside isn't checked.
std::size_t skip_json_value(std::string_view text) noexcept;

/// Sets `out` to the content of a JSON string (`inside`: without its quotes); false when an escape is
/// malformed, a surrogate stands alone or a control character is in it.
bool unescape(std::string_view inside, std::string& out);

/// The number in `token` (of valid grammar), correctly rounded; false when it is beyond a `Number`'s range.
/// For float and double.
template <class Number>
bool parse_number(std::string_view token, Number& out) noexcept;

}  // namespace antiphon::detail
