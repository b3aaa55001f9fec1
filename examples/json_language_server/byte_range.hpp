#pragma once

#include <cstddef>
#include <string_view>

namespace json_ls {

/// A half-open stretch of a document, in bytes.
struct byte_range {
  std::size_t begin = 0;
  std::size_t end = 0;

  bool empty() const { return begin == end; }
  std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
  friend bool operator==(byte_range, byte_range) = default;
};

}  // namespace json_ls
