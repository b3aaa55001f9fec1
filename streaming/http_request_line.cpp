#include "streaming/http_request_line.hpp"

#include <algorithm>
#include <cstddef>

namespace antiphon::detail {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_token_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

bool is_http_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_http_request_line(std::string_view line) noexcept {
  line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
  constexpr std::size_t version_size = 9;  // " HTTP/1.1"
  if (line.size() <= version_size) return false;
  const auto version = line.substr(line.size() - version_size);
  if (!version.starts_with(" HTTP/") || !is_digit(version[6]) || version[7] != '.' || !is_digit(version[8]))
    return false;
  const auto method = line.substr(0, line.find(' '));
  return method.size() < line.size() - version_size && is_http_token(method);
}

}  // namespace antiphon::detail
