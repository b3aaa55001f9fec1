// AVX-512 with its byte instructions: servers since 2017, desktops of some makers.

#if defined(__x86_64__)

#include "streaming/json_escape.hpp"
#include "streaming/json_text.hpp"
#include "streaming/scan/kernels.hpp"
#include "streaming/string_content.hpp"
#include "streaming/utf8.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

// Everything below is compiled for it, and nothing of it is visible outside but the table: an inline function
// that was compiled for newer machines must not be taken for one that runs everywhere.
#if defined(__clang__)
#pragma clang attribute push(                                                                   \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,pclmul,bmi,bmi2,popcnt,lzcnt"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,pclmul,bmi,bmi2,popcnt,lzcnt")
#endif

namespace antiphon::detail::scan {
namespace {

#include "streaming/scan/letters.inl"

inline __m512i each(char c) noexcept {
  return _mm512_load_si512(repeated.of[static_cast<unsigned char>(c)].data());
}

struct bytes64 {
  __m512i v;
  static bytes64 load(const char* at) noexcept { return {_mm512_loadu_si512(at)}; }
  static bytes64 load(const char* at, std::size_t count) noexcept {
    return {_mm512_mask_loadu_epi8(_mm512_set1_epi8(' '),
                                   _bzhi_u64(~std::uint64_t{0}, static_cast<unsigned>(count)), at)};
  }
  void store(char* to) const noexcept { _mm512_storeu_si512(to, v); }
  std::uint64_t equal(char c) const noexcept { return _mm512_cmpeq_epi8_mask(v, each(c)); }
  std::uint64_t below(char c) const noexcept { return _mm512_cmplt_epu8_mask(v, each(c)); }
  std::uint64_t not_ascii() const noexcept { return _mm512_movepi8_mask(v); }
  std::uint64_t matching(const std::uint8_t (&by_low_nibble)[16]) const noexcept {
    return _mm512_cmpeq_epi8_mask(v, _mm512_shuffle_epi8(table(by_low_nibble), v));
  }
  std::uint64_t blanks() const noexcept { return matching(blank_of); }
  std::uint64_t escape_letters() const noexcept {
    return matching(escape_letter_of) | equal('b') | equal('r');
  }
  std::uint64_t with_bit_5() const noexcept { return _mm512_test_epi8_mask(v, each(0x20)); }
  bytes64 folded() const noexcept { return {_mm512_or_si512(v, each(0x20))}; }
  std::uint64_t digits() const noexcept {
    return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, each('0')), each(10));
  }
  static __m512i table(const std::uint8_t (&values)[16]) noexcept {
    return _mm512_maskz_broadcast_i32x4(0xFFFF, _mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
  }
  static bytes64 all(std::uint8_t byte) noexcept { return {_mm512_set1_epi8(static_cast<char>(byte))}; }
  bytes64 low_nibbles() const noexcept { return *this & all(0x0F); }
  bytes64 high_nibbles() const noexcept {
    return bytes64{_mm512_maskz_srli_epi16(~__mmask32{0}, v, 4)} & all(0x0F);
  }
  bytes64 found_in(const std::uint8_t (&values)[16]) const noexcept {
    return {_mm512_shuffle_epi8(table(values), v)};
  }
  bytes64 minus(std::uint8_t byte) const noexcept { return {_mm512_subs_epu8(v, all(byte).v)}; }
  bytes64 operator&(const bytes64& other) const noexcept { return {_mm512_and_si512(v, other.v)}; }
  bytes64 operator|(const bytes64& other) const noexcept { return {_mm512_or_si512(v, other.v)}; }
  bytes64 operator^(const bytes64& other) const noexcept { return {_mm512_xor_si512(v, other.v)}; }
  std::uint64_t not_zero() const noexcept { return _mm512_test_epi8_mask(v, v); }
};
inline std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
  const __m128i ones = _mm_set1_epi8(static_cast<char>(0xff));
  const __m128i wide = _mm_set_epi64x(0, static_cast<long long>(bits));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(wide, ones, 0)));
}

#define ANTIPHON_SCAN_LOOKS_UP
#include "streaming/scan/kernels.inl"

}  // namespace

extern const kernels avx512;
const kernels avx512{"avx512",   &skip,       &string_end, &members,  &check,
                     &plain_end, &simple_end, &is_utf8,    &unescape, &escape};

}  // namespace antiphon::detail::scan

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
