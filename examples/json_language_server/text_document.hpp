#pragma once

#include "byte_range.hpp"
#include "protocol.hpp"
#include "utf16_index.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace json_ls {

/// One open document: its text (UTF-8) and the way between byte offsets and protocol positions, which count
/// lines and UTF-16 code units. LF, CR LF and a lone CR each end a line (LSP 3.17, "Text Documents").
/// It stays where it is made: its index refers to its text.
class text_document {
 public:
  explicit text_document(std::string text);
  text_document(const text_document&) = delete;
  text_document& operator=(const text_document&) = delete;

  std::string_view text() const { return text_; }
  std::size_t line_count() const { return line_starts_.size(); }

  /// The position of a byte. An offset inside a line's end is the position of that end.
  position position_at(std::size_t offset) const;
  text_range range_of(byte_range bytes) const;

  /// The byte at a position. A character past the end of its line is the line's end, a line past the last one
  /// is the end of the text, the middle of a surrogate pair is the character's start.
  std::size_t offset_at(position where) const;

 private:
  std::size_t end_of_line(std::size_t line) const;

  std::string text_;
  utf16_index units_;
  std::vector<std::size_t> line_starts_;
};

}  // namespace json_ls
