#include "streaming/bounds.hpp"
#include "streaming/http_request_line.hpp"
#include "streaming/json_text.hpp"

#include <antiphon/streaming/content_length_framing.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

namespace antiphon {
namespace {

constexpr std::string_view head_begin = "Content-Length: ";
constexpr std::string_view head_end = "\r\n\r\n";

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool parse_length(std::string_view text, std::uint64_t& length) noexcept {
  if (text.empty()) return false;
  length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (length > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return false;
    length = length * 10 + digit;
  }
  return true;
}

// Where the parameter that begins `text` ends: at a semicolon outside of quotes.
std::size_t parameter_end(std::string_view text) noexcept {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == ';' && !quoted) return i;
  }
  return text.size();
}

bool charset_is_utf8(std::string_view content_type) noexcept {
  while (!content_type.empty()) {
    const auto end = parameter_end(content_type);
    const auto parameter = content_type.substr(0, end);
    content_type.remove_prefix(std::min(end + 1, content_type.size()));
    const auto equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    if (!equal_ignoring_case(trimmed(parameter.substr(0, equals)), "charset")) continue;
    auto value = trimmed(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (!equal_ignoring_case(value, "utf-8") && !equal_ignoring_case(value, "utf8")) return false;
  }
  return true;
}

// The size of a head that is one line, written as nearly everyone writes it, and the length it tells; 0 for
// others.
std::size_t usual_head(std::string_view window, std::uint64_t& length) noexcept {
  constexpr std::size_t most_digits = 9;
  if (!window.starts_with(head_begin)) return 0;
  const std::string_view rest = window.substr(head_begin.size(), most_digits + head_end.size());
  std::size_t digits = 0;
  length = 0;
  for (; digits < rest.size() && detail::is_digit(rest[digits]); ++digits)
    length = length * 10 + static_cast<std::uint64_t>(rest[digits] - '0');
  if (digits == 0 || digits > most_digits || !rest.substr(digits).starts_with(head_end)) return 0;
  return head_begin.size() + digits + head_end.size();
}

}  // namespace

content_length_framing::content_length_framing(const limits& bounds) noexcept
    : limits_(detail::clamped(bounds)) {}

std::unique_ptr<framing> content_length_framing::make(const limits& bounds) {
  return std::make_unique<content_length_framing>(bounds);
}

framing::step content_length_framing::look(std::string_view window) {
  if (in_body_) return body(window, 0);
  std::uint64_t length = 0;
  const std::size_t head = seen_ == 0 ? usual_head(window, length) : 0;
  if (head != 0 && head <= limits_.header_bytes) {
    if (length > limits_.message_bytes) return refused(errc::message_too_large);
    length_ = static_cast<std::size_t>(length);
    return body(window, head);
  }
  // The block may not be longer, so nothing behind that is looked at.
  const auto block = window.substr(0, limits_.header_bytes);
  while (seen_ < block.size()) {
    const auto line_end = block.find('\n', seen_);
    const auto known = block.substr(
        line_start_, line_end == std::string_view::npos ? std::string_view::npos : line_end - line_start_);
    // A peer that ends its lines with CR alone would never get to an LF: tell it now.
    const auto stray = known.find('\r', seen_ > line_start_ ? seen_ - line_start_ - 1 : 0);
    if (stray != std::string_view::npos && stray + 1 != known.size()) return refused(errc::malformed_header);
    if (line_end == std::string_view::npos) {
      seen_ = block.size();
      break;
    }
    seen_ = line_start_ = line_end + 1;
    const auto line = known.substr(0, known.size() - (known.ends_with('\r') ? 1 : 0));
    if (line.empty()) {
      if (!has_length_) return refused(errc::missing_content_length);
      return body(window, seen_);
    }
    if (const auto error = header_line(line)) return refused(error);
  }
  if (block.size() == limits_.header_bytes) return refused(errc::header_too_large);
  return {};
}

framing::step content_length_framing::body(std::string_view window, std::size_t head) {
  step result{.skip = head};
  const auto received = window.size() - head;
  in_body_ = received < length_;
  if (in_body_) {
    result.need = length_ - received;
    result.in_body = true;
    return result;
  }
  result.status = status::frame;
  result.size = length_;
  seen_ = line_start_ = 0;
  has_length_ = false;
  return result;
}

framing::step content_length_framing::finish(std::string_view rest) {
  if (in_body_ || !rest.empty()) return refused(errc::truncated_message);
  return {};
}

error_code content_length_framing::header_line(std::string_view line) {
  // To some readers a line ends there.
  if (line.find('\0') != std::string_view::npos) return errc::malformed_header;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !detail::is_http_token(line.substr(0, colon)))
    return detail::is_http_request_line(line) ? errc::http_request : errc::malformed_header;
  const auto name = line.substr(0, colon);
  const auto value = trimmed(line.substr(colon + 1));
  if (equal_ignoring_case(name, "content-type"))
    return charset_is_utf8(value) ? error_code() : errc::unsupported_charset;
  if (!equal_ignoring_case(name, "content-length")) return {};
  std::uint64_t length = 0;
  if (!parse_length(value, length)) return errc::invalid_content_length;
  if (has_length_ && length != length_) return errc::conflicting_content_length;
  if (length > limits_.message_bytes) return errc::message_too_large;
  length_ = static_cast<std::size_t>(length);
  has_length_ = true;
  return {};
}

std::size_t content_length_framing::max_head() const noexcept {
  return head_begin.size() + std::numeric_limits<std::size_t>::digits10 + 1 + head_end.size();
}

std::size_t content_length_framing::write_head(char* end, std::size_t body_size) const noexcept {
  char* at = end - head_end.size();
  std::memcpy(at, head_end.data(), head_end.size());
  do {
    *--at = static_cast<char>('0' + body_size % 10);
    body_size /= 10;
  } while (body_size != 0);
  at -= head_begin.size();
  std::memcpy(at, head_begin.data(), head_begin.size());
  return static_cast<std::size_t>(end - at);
}

}  // namespace antiphon
