#include "streaming/http_request_line.hpp"

#include <algorithm>
#include <cstddef>

namespace antiphon::detail {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// RFC 9110, section 5.6.2.
bool is_token_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

bool is_http_request_line(std::string_view line) noexcept {
  line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
  constexpr std::size_t version_size = 9;  // " HTTP/1.1"
  if (line.size() <= version_size) return false;
  const auto version = line.substr(line.size() - version_size);
  if (!version.starts_with(" HTTP/") || !is_digit(version[6]) || version[7] != '.' || !is_digit(version[8]))
    return false;
  const auto method = line.substr(0, line.find(' '));
  return !method.empty() && method.size() < line.size() - version_size &&
         std::all_of(method.begin(), method.end(), is_token_char);
}

}  // namespace antiphon::detail
