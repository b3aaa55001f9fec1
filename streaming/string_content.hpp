#pragma once

#include "streaming/json_escape.hpp"

#include <cstddef>
#include <string_view>

namespace antiphon::detail {

// The content of a JSON string byte by byte, escapes resolved to UTF-8, without memory for it.
//
// Safe on malformed text: an escape that isn't one comes out as it stands.
class string_content {
 public:
  // `raw` is what stands between the quotes.
  explicit string_content(std::string_view raw) noexcept : raw_(raw) {}

  // The next byte, 0 to 255; `end` behind the last.
  static constexpr int end = -1;
  int next() noexcept;

 private:
  std::string_view raw_;
  unescaped escape_;       // the last escape met
  std::size_t given_ = 0;  // how many of its bytes were given out
};

// Whether two JSON strings, without their quotes, mean the same.
bool same_content(std::string_view a, std::string_view b) noexcept;

}  // namespace antiphon::detail
