#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace json_ls {

inline constexpr std::uint32_t replacement_character = 0xFFFD;

/// The length in bytes of the character at `at`, within the text. Malformed UTF-8 goes byte by byte.
std::size_t utf8_length(std::string_view text, std::size_t at);

/// The longest beginning of `text` that is at most `limit` bytes and cuts no character.
std::string_view utf8_prefix(std::string_view text, std::size_t limit);

void append_utf8(std::string& out, std::uint32_t character);

}  // namespace json_ls
