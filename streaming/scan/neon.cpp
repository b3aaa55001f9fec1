// NEON: every 64-bit ARM machine.

#if defined(__aarch64__)

#include "streaming/json_escape.hpp"
#include "streaming/json_text.hpp"
#include "streaming/scan/kernels.hpp"
#include "streaming/scan/prefix_xor.hpp"
#include "streaming/string_content.hpp"
#include "streaming/utf8.hpp"

#include <arm_neon.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace antiphon::detail::scan {
namespace {

#include "streaming/scan/letters.inl"

struct bytes64 {
  uint8x16_t quarters[4];

  static bytes64 load(const char* at) noexcept {
    bytes64 in;
    for (std::size_t i = 0; i < 4; ++i)
      in.quarters[i] = vld1q_u8(reinterpret_cast<const std::uint8_t*>(at) + 16 * i);
    return in;
  }
  static bytes64 load(const char* at, std::size_t count) noexcept {
    alignas(16) char copy[64];
    std::memset(copy, ' ', sizeof(copy));
    std::memcpy(copy, at, count);
    return load(copy);
  }
  // A bit for each byte of four vectors whose bytes are all ones or all zeros.
  template <class Test>
  std::uint64_t mask(Test test) const noexcept {
    constexpr std::uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t weight = vld1q_u8(weights);
    const uint8x16_t a = vandq_u8(test(quarters[0]), weight);
    const uint8x16_t b = vandq_u8(test(quarters[1]), weight);
    const uint8x16_t c = vandq_u8(test(quarters[2]), weight);
    const uint8x16_t d = vandq_u8(test(quarters[3]), weight);
    const uint8x16_t halves = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(halves, halves)), 0);
  }
  void store(char* to) const noexcept {
    for (std::size_t i = 0; i < 4; ++i) vst1q_u8(reinterpret_cast<std::uint8_t*>(to) + 16 * i, quarters[i]);
  }
  std::uint64_t equal(char c) const noexcept {
    const uint8x16_t wanted = vdupq_n_u8(static_cast<std::uint8_t>(c));
    return mask([wanted](uint8x16_t v) { return vceqq_u8(v, wanted); });
  }
  std::uint64_t below(char c) const noexcept {
    const uint8x16_t bound = vdupq_n_u8(static_cast<std::uint8_t>(c));
    return mask([bound](uint8x16_t v) { return vcltq_u8(v, bound); });
  }
  std::uint64_t not_ascii() const noexcept {
    return mask([](uint8x16_t v) { return vcgeq_u8(v, vdupq_n_u8(0x80)); });
  }
  std::uint64_t matching(const std::uint8_t (&by_low_nibble)[16]) const noexcept {
    const uint8x16_t wanted = vld1q_u8(by_low_nibble);
    const uint8x16_t half = vdupq_n_u8(0x0F);
    return mask([wanted, half](uint8x16_t v) { return vceqq_u8(v, vqtbl1q_u8(wanted, vandq_u8(v, half))); });
  }
  std::uint64_t blanks() const noexcept { return matching(blank_of); }
  std::uint64_t escape_letters() const noexcept {
    return matching(escape_letter_of) | equal('b') | equal('r');
  }
  std::uint64_t with_bit_5() const noexcept {
    return mask([](uint8x16_t v) { return vtstq_u8(v, vdupq_n_u8(0x20)); });
  }
  bytes64 folded() const noexcept { return *this | all(0x20); }
  std::uint64_t digits() const noexcept {
    return mask([](uint8x16_t v) { return vcltq_u8(vsubq_u8(v, vdupq_n_u8('0')), vdupq_n_u8(10)); });
  }
  template <class Change>
  bytes64 changed(Change change) const noexcept {
    bytes64 out;
    for (std::size_t i = 0; i < 4; ++i) out.quarters[i] = change(i);
    return out;
  }
  static bytes64 all(std::uint8_t byte) noexcept {
    const uint8x16_t quarter = vdupq_n_u8(byte);
    return {{quarter, quarter, quarter, quarter}};
  }
  bytes64 low_nibbles() const noexcept { return *this & all(0x0F); }
  bytes64 high_nibbles() const noexcept {
    return changed([this](std::size_t i) { return vshrq_n_u8(quarters[i], 4); });
  }
  bytes64 found_in(const std::uint8_t (&values)[16]) const noexcept {
    const uint8x16_t table = vld1q_u8(values);
    return changed([this, table](std::size_t i) { return vqtbl1q_u8(table, quarters[i]); });
  }
  bytes64 minus(std::uint8_t byte) const noexcept {
    return changed([this, byte](std::size_t i) { return vqsubq_u8(quarters[i], vdupq_n_u8(byte)); });
  }
  bytes64 operator&(const bytes64& other) const noexcept {
    return changed([&](std::size_t i) { return vandq_u8(quarters[i], other.quarters[i]); });
  }
  bytes64 operator|(const bytes64& other) const noexcept {
    return changed([&](std::size_t i) { return vorrq_u8(quarters[i], other.quarters[i]); });
  }
  bytes64 operator^(const bytes64& other) const noexcept {
    return changed([&](std::size_t i) { return veorq_u8(quarters[i], other.quarters[i]); });
  }
  std::uint64_t not_zero() const noexcept {
    return mask([](uint8x16_t v) { return vtstq_u8(v, v); });
  }
};

#define ANTIPHON_SCAN_LOOKS_UP
#include "streaming/scan/kernels.inl"

}  // namespace

extern const kernels neon;
const kernels neon{"neon",     &skip,       &string_end, &members,  &check,
                   &plain_end, &simple_end, &is_utf8,    &unescape, &escape};

}  // namespace antiphon::detail::scan

#endif
