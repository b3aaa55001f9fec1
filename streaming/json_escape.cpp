#include "streaming/json_escape.hpp"

namespace antiphon::detail {
namespace {

constexpr std::string_view short_letters = "\"\\/bfnrt";
constexpr std::string_view short_meanings = "\"\\/\b\f\n\r\t";

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The code unit of the \uXXXX at `at`, or -1.
int code_unit(std::string_view text, std::size_t at) noexcept {
  if (text.size() < at + 6 || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  for (const char c : text.substr(at + 2, 4)) {
    const int digit = hex_digit(c);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

unescaped to_utf8(int point, std::size_t length) noexcept {
  unescaped result;
  result.length = length;
  const auto put = [&result](int byte) { result.utf8[result.size++] = static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
    return result;
  }
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xE0 | point >> 12);
    } else {
      put(0xF0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3F));
    }
    put(0x80 | (point >> 6 & 0x3F));
  }
  put(0x80 | (point & 0x3F));
  return result;
}

}  // namespace

unescaped read_escape(std::string_view text) noexcept {
  if (text.size() < 2) return {};
  const auto letter = short_letters.find(text[1]);
  if (letter != std::string_view::npos) return {{short_meanings[letter]}, 1, 2};
  const int unit = code_unit(text, 0);
  if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) return {};
  if (unit < 0xD800 || unit > 0xDFFF) return to_utf8(unit, 6);
  const int low = code_unit(text, 6);
  if (low < 0xDC00 || low > 0xDFFF) return {};
  return to_utf8(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), 12);
}

constexpr std::array<escape_text, 128> escape_texts = [] {
  constexpr std::string_view hex = "0123456789abcdef";
  std::array<escape_text, 128> table{};
  for (std::size_t c = 0; c < 32; ++c) table[c] = {{'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6};
  for (std::size_t i = 0; i < short_letters.size(); ++i) {
    const char c = short_meanings[i];
    if (needs_escape(c)) table[static_cast<unsigned char>(c)] = {{'\\', short_letters[i]}, 2};
  }
  return table;
}();

constexpr std::array<char, 256> escape_meanings = [] {
  std::array<char, 256> table{};
  for (std::size_t i = 0; i < short_letters.size(); ++i)
    table[static_cast<unsigned char>(short_letters[i])] = short_meanings[i];
  return table;
}();

}  // namespace antiphon::detail
