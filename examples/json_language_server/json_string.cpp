#include "json_string.hpp"

#include "utf8.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

namespace json_ls {
namespace {

bool ends_line(char c) { return c == '\n' || c == '\r'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20; }

bool is_high_surrogate(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

// The four hexadecimal digits of "\uXXXX" at `at`; nothing when that isn't what stands there.
std::optional<std::uint32_t> unicode_escape(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with("\\u") || text.size() - at < 6) return std::nullopt;
  std::uint32_t unit = 0;
  for (const char c : text.substr(at + 2, 4)) {
    unit <<= 4U;
    if (c >= '0' && c <= '9') {
      unit |= static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      unit |= static_cast<std::uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      unit |= static_cast<std::uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return unit;
}

// The character of a one-letter escape, or 0 for a letter that makes none.
char simple_escape(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

std::string control_escape(char c) {
  switch (c) {
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return fmt::format("\\u{:04x}", static_cast<unsigned>(c));
  }
}

// One escape: how many bytes it takes, and the character that it stands for (none when it is malformed).
struct escape {
  std::size_t length = 0;
  std::optional<std::uint32_t> character;
  bool unpaired = false;
};

escape read_escape(std::string_view text, std::size_t at) {
  if (at + 1 < text.size() && text[at + 1] != 'u') {
    const std::size_t length = 1 + utf8_length(text, at + 1);
    const char simple = simple_escape(text[at + 1]);
    if (simple == 0) return {length, std::nullopt};
    return {length, static_cast<unsigned char>(simple)};
  }
  const auto unit = unicode_escape(text, at);
  if (!unit) return {std::min<std::size_t>(2, text.size() - at), std::nullopt};
  if (is_high_surrogate(*unit)) {
    const auto second = unicode_escape(text, at + 6);
    if (second && is_low_surrogate(*second)) {
      return {12, 0x10000 + ((*unit - 0xD800) << 10U) + (*second - 0xDC00)};
    }
  }
  if (is_high_surrogate(*unit) || is_low_surrogate(*unit)) return {6, replacement_character, true};
  return {6, *unit};
}

void check_escape(const escape& found, byte_range where, problem_list& problems, bool is_unicode) {
  if (found.unpaired) problems.warning(where, "unpaired surrogate: no character is written like this");
  if (found.character) return;
  problems.error(where, is_unicode ? "invalid escape: \\u takes four hexadecimal digits"
                                   : R"(invalid escape: only \" \\ \/ \b \f \n \r \t and \uXXXX are)");
}

}  // namespace

std::size_t scan_string(std::string_view text, std::size_t begin, problem_list& problems) {
  const char quote = text[begin];
  if (quote != '"') problems.error({begin, begin + 1}, "strings take double quotes");

  std::size_t at = begin + 1;
  while (at < text.size() && !ends_line(text[at])) {
    if (text[at] == quote) return at + 1;
    const bool escapes = text[at] == '\\' && at + 1 < text.size() && !ends_line(text[at + 1]);
    if (escapes) {
      const escape found = read_escape(text, at);
      check_escape(found, {at, at + found.length}, problems, text[at + 1] == 'u');
      at += found.length;
      continue;
    }
    if (is_control(text[at])) {
      problems.error({at, at + 1}, "control character in a string: write it as " + control_escape(text[at]));
    }
    ++at;
  }
  problems.error({begin, at}, "unterminated string");
  return at;
}

std::string decode_string(std::string_view literal) {
  std::string decoded;
  if (literal.empty()) return decoded;
  const char quote = literal[0];
  // A member's name without quotes is a mistake, but still its name.
  if (quote != '"' && quote != '\'') return std::string(literal);
  for (std::size_t at = 1; at < literal.size() && literal[at] != quote;) {
    if (literal[at] != '\\') {
      decoded += literal[at++];
      continue;
    }
    const escape found = read_escape(literal, at);
    if (found.character) {
      append_utf8(decoded, *found.character);
    } else {
      decoded += literal.substr(at, found.length);
    }
    at += found.length;
  }
  return decoded;
}

std::string escape_controls(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    if (is_control(c)) {
      shown += control_escape(c);
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace json_ls
