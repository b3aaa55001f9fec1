#pragma once

#include "streaming/json_text.hpp"

#include <cstddef>
#include <string_view>

namespace antiphon::detail {

// The offset of the first byte at or after `at` that is no whitespace; the size of the text where there is
// none.
inline std::size_t skip_blanks(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_json_blank(text[at])) ++at;
  return at;
}

inline std::string_view trim_blanks(std::string_view text) noexcept {
  text.remove_prefix(skip_blanks(text, 0));
  while (!text.empty() && is_json_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace antiphon::detail
