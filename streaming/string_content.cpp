#include "streaming/string_content.hpp"

namespace antiphon::detail {

int string_content::next() noexcept {
  if (given_ < escape_.size) return static_cast<unsigned char>(escape_.utf8[given_++]);
  if (raw_.empty()) return end;
  if (raw_.front() == '\\') {
    const unescaped escape = read_escape(raw_);
    if (escape.length != 0) {
      escape_ = escape;
      given_ = 1;
      raw_.remove_prefix(escape.length);
      return static_cast<unsigned char>(escape_.utf8[0]);
    }
  }
  const auto c = static_cast<unsigned char>(raw_.front());
  raw_.remove_prefix(1);
  return c;
}

bool same_content(std::string_view a, std::string_view b) noexcept {
  if (a == b) return true;
  if (a.find('\\') == std::string_view::npos && b.find('\\') == std::string_view::npos) return false;
  string_content left(a);
  string_content right(b);
  for (;;) {
    const int x = left.next();
    if (x != right.next()) return false;
    if (x == string_content::end) return true;
  }
}

}  // namespace antiphon::detail
