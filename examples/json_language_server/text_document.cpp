#include "text_document.hpp"

#include <algorithm>
#include <utility>

namespace json_ls {
namespace {

std::vector<std::size_t> find_line_starts(std::string_view text) {
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool first_of_pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if ((text[i] == '\n' || text[i] == '\r') && !first_of_pair) starts.push_back(i + 1);
  }
  return starts;
}

}  // namespace

text_document::text_document(std::string text)
    : text_(std::move(text)), units_(text_), line_starts_(find_line_starts(text_)) {}

position text_document::position_at(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next_line = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = static_cast<std::size_t>(next_line - line_starts_.begin()) - 1;
  offset = std::min(offset, end_of_line(line));
  const std::size_t character = units_.units_before(offset) - units_.units_before(line_starts_[line]);
  return {static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(character)};
}

text_range text_document::range_of(byte_range bytes) const {
  return {position_at(bytes.begin), position_at(bytes.end)};
}

std::size_t text_document::offset_at(position where) const {
  if (where.line >= line_starts_.size()) return text_.size();
  const std::size_t units = units_.units_before(line_starts_[where.line]) + where.character;
  return std::min(units_.offset_of(units), end_of_line(where.line));
}

// Where the characters of a line end, before its CR, LF or both.
std::size_t text_document::end_of_line(std::size_t line) const {
  const std::size_t begin = line_starts_[line];
  if (line + 1 == line_starts_.size()) return text_.size();
  std::size_t end = line_starts_[line + 1] - 1;
  if (end > begin && text_[end] == '\n' && text_[end - 1] == '\r') --end;
  return end;
}

}  // namespace json_ls
