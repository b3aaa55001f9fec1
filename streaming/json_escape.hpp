#pragma once

#include <array>
#include <cstddef>
#include <string_view>

// The escapes of JSON strings (RFC 8259, section 7), both ways.
namespace antiphon::detail {

// What an escape stands for.
struct unescaped {
  std::array<char, 4> utf8{};
  std::size_t size = 0;    // how many bytes of utf8
  std::size_t length = 0;  // how many bytes the escape takes in the text; 0 when it is none

  std::string_view content() const noexcept { return {utf8.data(), size}; }
};

// Reads the escape that begins with the backslash at the front of `text`. A surrogate pair is one escape;
// half of one is none, since it has no UTF-8 form.
unescaped read_escape(std::string_view text) noexcept;

constexpr bool needs_escape(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

// The escape for a byte that needs one: eight bytes may be copied, `size` of them count.
struct escape_text {
  std::array<char, 7> text;
  unsigned char size;
};
extern const std::array<escape_text, 128> escape_texts;

// What the letter behind a backslash stands for; 0 for 'u' and for what is no escape.
extern const std::array<char, 256> escape_meanings;

}  // namespace antiphon::detail
