#pragma once

#include <cstdint>

namespace antiphon::detail::scan {

// Bit i is the parity of the bits up to i. Where there is an instruction for it, it is used instead.
inline std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
  bits ^= bits << 1;
  bits ^= bits << 2;
  bits ^= bits << 4;
  bits ^= bits << 8;
  bits ^= bits << 16;
  bits ^= bits << 32;
  return bits;
}

}  // namespace antiphon::detail::scan
