#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace json_ls {

/// Counts UTF-16 code units in UTF-8 text, and finds the byte where a count is reached. A running total is
/// kept for every block of text, so a question costs the same on a document that is one endless line. The
/// text is not owned and must outlive the index. Malformed UTF-8 gives some answer, never a read outside.
class utf16_index {
 public:
  explicit utf16_index(std::string_view text);

  /// Code units before byte `offset`; an offset inside a character counts that character.
  std::size_t units_before(std::size_t offset) const;

  /// The byte offset of the character that holds code unit number `units`, the size of the text past its end.
  /// The second half of a surrogate pair belongs to the character's first byte.
  std::size_t offset_of(std::size_t units) const;

 private:
  std::string_view text_;
  std::vector<std::size_t> units_before_block_;
};

}  // namespace json_ls
