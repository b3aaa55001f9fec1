#include "streaming/string_content.hpp"

namespace antiphon::detail {

int string_content::next() noexcept {
  if (given_ < queued_) return queue_[given_++];
  if (raw_.empty()) return end;
  if (raw_.front() == '\\') return escape();
  const auto c = static_cast<unsigned char>(raw_.front());
  raw_.remove_prefix(1);
  return c;
}

int string_content::escape() noexcept {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  const auto short_form = raw_.size() < 2 ? letters.npos : letters.find(raw_[1]);
  if (short_form != letters.npos) {
    raw_.remove_prefix(2);
    return meanings[short_form];
  }
  unsigned unit = 0;
  if (!code_unit(0, unit)) {
    raw_.remove_prefix(1);
    return '\\';
  }
  unsigned low = 0;
  const bool pair = unit >= 0xD800 && unit <= 0xDBFF && code_unit(6, low) && low >= 0xDC00 && low <= 0xDFFF;
  raw_.remove_prefix(pair ? 12 : 6);
  queue_utf8(pair ? 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00) : unit);
  return queue_[given_++];
}

bool string_content::code_unit(std::size_t at, unsigned& unit) const noexcept {
  if (raw_.size() < at + 6 || raw_[at] != '\\' || raw_[at + 1] != 'u') return false;
  unit = 0;
  for (const char c : raw_.substr(at + 2, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return false;
    unit = unit * 16 + static_cast<unsigned>(digit);
  }
  return true;
}

void string_content::queue_utf8(unsigned code_point) noexcept {
  queued_ = given_ = 0;
  const auto put = [this](unsigned byte) { queue_[queued_++] = static_cast<unsigned char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
    return;
  }
  if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
  } else {
    if (code_point < 0x10000) {
      put(0xE0 | code_point >> 12);
    } else {
      put(0xF0 | code_point >> 18);
      put(0x80 | (code_point >> 12 & 0x3F));
    }
    put(0x80 | (code_point >> 6 & 0x3F));
  }
  put(0x80 | (code_point & 0x3F));
}

bool same_content(std::string_view a, std::string_view b) noexcept {
  if (a == b) return true;
  if (a.find('\\') == a.npos && b.find('\\') == b.npos) return false;
  string_content left(a);
  string_content right(b);
  for (;;) {
    const int x = left.next();
    if (x != right.next()) return false;
    if (x == string_content::end) return true;
  }
}

}  // namespace antiphon::detail
