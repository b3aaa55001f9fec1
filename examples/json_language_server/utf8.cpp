#include "utf8.hpp"

#include <algorithm>

namespace json_ls {
namespace {

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  if (static_cast<unsigned char>(text[at]) < 0xC0U) return 1;
  while (end < text.size() && end - at < 4 && is_continuation(text[end])) ++end;
  return end - at;
}

std::string_view utf8_prefix(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && is_continuation(text[limit])) --limit;
  return text.substr(0, limit);
}

void append_utf8(std::string& out, std::uint32_t character) {
  const auto byte = [&out](std::uint32_t value) {
    out += static_cast<char>(static_cast<unsigned char>(value));
  };
  const auto continuation = [&](unsigned shift) { byte(0x80U | ((character >> shift) & 0x3FU)); };
  if (character < 0x80) {
    byte(character);
  } else if (character < 0x800) {
    byte(0xC0U | (character >> 6U));
    continuation(0);
  } else if (character < 0x10000) {
    byte(0xE0U | (character >> 12U));
    continuation(6);
    continuation(0);
  } else {
    byte(0xF0U | (character >> 18U));
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

}  // namespace json_ls
