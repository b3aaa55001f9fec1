// The few tokens that the passes look at byte by byte.

#include "streaming/json_escape.hpp"
#include "streaming/json_number.hpp"
#include "streaming/json_text.hpp"
#include "streaming/scan/kernels.hpp"

#include <cstring>

namespace antiphon::detail::scan {

constinit const repeated_characters repeated;

bool is_scalar(const char* begin, const char* end) noexcept {
  const std::string_view text(begin, static_cast<std::size_t>(end - begin));
  const char* behind = nullptr;
  for (const std::string_view word : {"true", "false", "null"}) {
    if (text.starts_with(word)) behind = begin + word.size();
  }
  if (behind == nullptr) behind = scan_number(begin, end).end;
  return behind != nullptr && (behind == end || ends_scalar(*behind));
}

std::size_t unicode_escape_length(const char* u, const char* end) noexcept {
  const std::size_t length = read_escape({u - 1, static_cast<std::size_t>(end - u + 1)}).length;
  return length == 0 ? 0 : length - 1;
}

bool take_escape(const char*& at, const char* end, char*& out) noexcept {
  const unescaped escape = read_escape({at, static_cast<std::size_t>(end - at)});
  at += escape.length;
  std::memcpy(out, escape.utf8.data(), escape.utf8.size());
  out += escape.size;
  return escape.length != 0;
}

}  // namespace antiphon::detail::scan
