#include "utf16_index.hpp"

#include <algorithm>

namespace json_ls {
namespace {

constexpr std::size_t block_size = 512;

// A character is counted at its first byte, so that a block may begin in the middle of one.
std::size_t units_at(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  if ((value & 0xC0U) == 0x80U) return 0;
  return value >= 0xF0U ? 2 : 1;
}

std::size_t count_units(std::string_view bytes) {
  std::size_t units = 0;
  for (const char byte : bytes) units += units_at(byte);
  return units;
}

}  // namespace

utf16_index::utf16_index(std::string_view text) : text_(text) {
  units_before_block_.reserve(text.size() / block_size + 1);
  std::size_t units = 0;
  for (std::size_t begin = 0; begin <= text.size(); begin += block_size) {
    units_before_block_.push_back(units);
    units += count_units(text.substr(begin, block_size));
  }
}

std::size_t utf16_index::units_before(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const std::size_t block = offset / block_size;
  return units_before_block_[block] + count_units(text_.substr(block * block_size, offset % block_size));
}

std::size_t utf16_index::offset_of(std::size_t units) const {
  const auto after = std::upper_bound(units_before_block_.begin(), units_before_block_.end(), units);
  const auto block = static_cast<std::size_t>(after - units_before_block_.begin()) - 1;
  std::size_t seen = units_before_block_[block];
  for (std::size_t offset = block * block_size; offset < text_.size(); ++offset) {
    seen += units_at(text_[offset]);
    if (seen > units) return offset;
  }
  return text_.size();
}

}  // namespace json_ls
