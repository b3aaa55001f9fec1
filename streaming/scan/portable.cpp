// Plain C++: what every other one is tested against.

#include "streaming/scan/kernels.hpp"
#include "streaming/scan/prefix_xor.hpp"
#include "streaming/utf8.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace antiphon::detail::scan {
namespace {

struct bytes64 {
  std::array<unsigned char, 64> bytes;

  static bytes64 load(const char* at) noexcept {
    bytes64 in;
    std::memcpy(in.bytes.data(), at, in.bytes.size());
    return in;
  }
  static bytes64 load(const char* at, std::size_t count) noexcept {
    bytes64 in;
    in.bytes.fill(' ');
    std::memcpy(in.bytes.data(), at, count);
    return in;
  }
  template <class Test>
  std::uint64_t mask(Test test) const noexcept {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) bits |= std::uint64_t{test(bytes[i])} << i;
    return bits;
  }
  std::uint64_t equal(char c) const noexcept {
    return mask([c](unsigned char b) { return b == static_cast<unsigned char>(c); });
  }
  std::uint64_t below(char c) const noexcept {
    return mask([c](unsigned char b) { return b < static_cast<unsigned char>(c); });
  }
  std::uint64_t not_ascii() const noexcept {
    return mask([](unsigned char b) { return b >= 0x80; });
  }
  bytes64 folded() const noexcept {
    bytes64 out = *this;
    for (auto& b : out.bytes) b = static_cast<unsigned char>(b | 0x20);
    return out;
  }
  std::uint64_t digits() const noexcept {
    return mask([](unsigned char b) { return b >= '0' && b <= '9'; });
  }
};

#include "streaming/scan/kernels.inl"

}  // namespace

extern const kernels portable;
const kernels portable{"portable", &skip, &string_end, &check, &plain_end, &is_utf8};

}  // namespace antiphon::detail::scan
