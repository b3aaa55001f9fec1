#include "streaming/json_text.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace antiphon::detail {

namespace {

/// The end of the string that begins at text[0] == '"', or npos.
std::size_t string_end(std::string_view text) noexcept {
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

bool ends_scalar(char c) noexcept { return is_json_blank(c) || c == ',' || c == ']' || c == '}' || c == ':'; }

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Four hex digits at the front of `text`, or -1.
std::int32_t hex4(std::string_view text) noexcept {
  if (text.size() < 4) return -1;
  std::int32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void append_utf8(std::string& out, std::int32_t point) {
  const auto byte = [&out](std::int32_t bits) { out += static_cast<char>(bits); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | (point >> 6));
    byte(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    byte(0xE0 | (point >> 12));
    byte(0x80 | ((point >> 6) & 0x3F));
    byte(0x80 | (point & 0x3F));
  } else {
    byte(0xF0 | (point >> 18));
    byte(0x80 | ((point >> 12) & 0x3F));
    byte(0x80 | ((point >> 6) & 0x3F));
    byte(0x80 | (point & 0x3F));
  }
}

}  // namespace

std::size_t skip_json_value(std::string_view text) noexcept {
  if (text.empty()) return 0;
  if (text[0] == '"') {
    const std::size_t end = string_end(text);
    return end == std::string_view::npos ? 0 : end;
  }
  if (text[0] != '{' && text[0] != '[') {
    std::size_t end = 0;
    while (end < text.size() && !ends_scalar(text[end])) ++end;
    return end;
  }
  std::size_t depth = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      const std::size_t length = string_end(text.substr(at));
      if (length == std::string_view::npos) return 0;
      at += length;
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return 0;
}

bool unescape(std::string_view inside, std::string& out) {
  while (!inside.empty()) {
    const std::size_t backslash = inside.find('\\');
    out.append(inside.substr(0, backslash));
    if (backslash == std::string_view::npos) return true;
    inside.remove_prefix(backslash + 1);
    if (inside.empty()) return false;
    const char letter = inside.front();
    inside.remove_prefix(1);
    switch (letter) {
      case '"':
      case '\\':
      case '/':
        out += letter;
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        std::int32_t point = hex4(inside);
        if (point < 0 || (point >= 0xDC00 && point < 0xE000)) return false;
        inside.remove_prefix(4);
        if (point >= 0xD800 && point < 0xDC00) {
          if (!inside.starts_with("\\u")) return false;
          const std::int32_t low = hex4(inside.substr(2));
          if (low < 0xDC00 || low >= 0xE000) return false;
          inside.remove_prefix(6);
          point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        }
        append_utf8(out, point);
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

bool parse_double(std::string_view token, double& out) noexcept {
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
  if (error == std::errc()) return true;
  // Out of range says overflow and underflow alike. A number that is too small is a zero, which it may be.
  const bool negative = token.starts_with('-');
  if (negative) token.remove_prefix(1);
  const std::size_t e = token.find_first_of("eE");
  std::string_view digits = token.substr(0, e);
  std::int64_t exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view text = token.substr(e + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (parsed.ec != std::errc()) exponent = text.starts_with('-') ? INT32_MIN : INT32_MAX;
  }
  // The decimal exponent of the first digit that counts decides; a borderline case can only be an overflow or a
  // denormal, and from_chars gives those their value.
  const std::size_t point = digits.find('.');
  const std::size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) {
    out = negative ? -0.0 : 0.0;
    return true;
  }
  const auto whole = static_cast<std::int64_t>(point == std::string_view::npos ? digits.size() : point);
  const auto place = static_cast<std::int64_t>(first);
  if (exponent + whole - place > 0) return false;
  out = negative ? -0.0 : 0.0;
  return true;
}

bool is_utf8(std::string_view text) noexcept {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = p + text.size();
  while (p != end) {
    const unsigned lead = *p++;
    if (lead < 0x80) continue;
    unsigned more = 0;
    unsigned low = 0x80;  // the range of the second byte rules out overlong forms, surrogates, the far end
    unsigned high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      more = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      more = 2;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      more = 3;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    for (; more > 0; --more) {
      if (p == end || *p < low || *p > high) return false;
      ++p;
      low = 0x80;
      high = 0xBF;
    }
  }
  return true;
}

}  // namespace antiphon::detail
