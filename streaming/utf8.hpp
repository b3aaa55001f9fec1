#pragma once

namespace antiphon::detail {

// Steps over the sequence at `at`, whose first byte is no ASCII. False with `at` on the byte that breaks it
// (the Unicode Standard, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
inline bool skip_multi_byte(const char*& at, const char* end) noexcept {
  const auto lead = static_cast<unsigned char>(*at);
  unsigned char low = 0x80;  // the range of the second byte is what rules those out
  unsigned char high = 0xBF;
  int more = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    more = 1;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    more = 2;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    more = 3;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return false;
  }
  for (++at; more > 0; --more, ++at) {
    if (at == end) return false;
    const auto c = static_cast<unsigned char>(*at);
    if (c < low || c > high) return false;
    low = 0x80;
    high = 0xBF;
  }
  return true;
}

}  // namespace antiphon::detail
