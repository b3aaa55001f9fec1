// AVX2, BMI and carry-less multiplication: most x86-64 machines since 2015.

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
#pragma clang attribute push(__attribute__((target("avx2,pclmul,bmi,bmi2,popcnt,lzcnt"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,pclmul,bmi,bmi2,popcnt,lzcnt")
#endif

namespace antiphon::detail::scan {
namespace {

#include "streaming/scan/letters.inl"

inline __m256i each(char c) noexcept {
  const void* const at = repeated.of[static_cast<unsigned char>(c)].data();
  return _mm256_load_si256(static_cast<const __m256i*>(at));
}

struct bytes64 {
  __m256i low;
  __m256i high;

  static bytes64 load(const char* at) noexcept {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32))};
  }
  static bytes64 load(const char* at, std::size_t count) noexcept {
    alignas(64) char copy[64];
    const __m256i blanks = _mm256_set1_epi8(' ');
    _mm256_store_si256(reinterpret_cast<__m256i*>(copy), blanks);
    _mm256_store_si256(reinterpret_cast<__m256i*>(copy + 32), blanks);
    std::memcpy(copy, at, count);
    return load(copy);
  }
  static std::uint64_t mask(__m256i a, __m256i b) noexcept {
    const auto first = static_cast<std::uint32_t>(_mm256_movemask_epi8(a));
    const auto second = static_cast<std::uint32_t>(_mm256_movemask_epi8(b));
    return first | static_cast<std::uint64_t>(second) << 32;
  }
  void store(char* to) const noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32), high);
  }
  std::uint64_t equal(char c) const noexcept {
    const __m256i wanted = each(c);
    return mask(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
  }
  std::uint64_t below(char c) const noexcept {
    const __m256i most = each(static_cast<char>(c - 1));
    return mask(_mm256_cmpeq_epi8(_mm256_min_epu8(low, most), low),
                _mm256_cmpeq_epi8(_mm256_min_epu8(high, most), high));
  }
  std::uint64_t not_ascii() const noexcept { return mask(low, high); }
  std::uint64_t matching(const std::uint8_t (&by_low_nibble)[16]) const noexcept {
    const __m256i wanted = table(by_low_nibble);
    return mask(_mm256_cmpeq_epi8(low, _mm256_shuffle_epi8(wanted, low)),
                _mm256_cmpeq_epi8(high, _mm256_shuffle_epi8(wanted, high)));
  }
  std::uint64_t blanks() const noexcept { return matching(blank_of); }
  std::uint64_t escape_letters() const noexcept {
    return matching(escape_letter_of) | equal('b') | equal('r');
  }
  std::uint64_t with_bit_5() const noexcept {
    return mask(_mm256_slli_epi16(low, 2), _mm256_slli_epi16(high, 2));
  }
  bytes64 folded() const noexcept {
    const __m256i bit = each(0x20);
    return {_mm256_or_si256(low, bit), _mm256_or_si256(high, bit)};
  }
  std::uint64_t digits() const noexcept {
    const __m256i zero = each('0');
    return bytes64{_mm256_sub_epi8(low, zero), _mm256_sub_epi8(high, zero)}.below(10);
  }
  static __m256i table(const std::uint8_t (&values)[16]) noexcept {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
  }
  static bytes64 all(std::uint8_t byte) noexcept {
    const __m256i half = _mm256_set1_epi8(static_cast<char>(byte));
    return {half, half};
  }
  bytes64 low_nibbles() const noexcept { return *this & all(0x0F); }
  bytes64 high_nibbles() const noexcept {
    return bytes64{_mm256_srli_epi16(low, 4), _mm256_srli_epi16(high, 4)} & all(0x0F);
  }
  bytes64 found_in(const std::uint8_t (&values)[16]) const noexcept {
    const __m256i in = table(values);
    return {_mm256_shuffle_epi8(in, low), _mm256_shuffle_epi8(in, high)};
  }
  bytes64 minus(std::uint8_t byte) const noexcept {
    return {_mm256_subs_epu8(low, all(byte).low), _mm256_subs_epu8(high, all(byte).low)};
  }
  bytes64 operator&(const bytes64& other) const noexcept {
    return {_mm256_and_si256(low, other.low), _mm256_and_si256(high, other.high)};
  }
  bytes64 operator|(const bytes64& other) const noexcept {
    return {_mm256_or_si256(low, other.low), _mm256_or_si256(high, other.high)};
  }
  bytes64 operator^(const bytes64& other) const noexcept {
    return {_mm256_xor_si256(low, other.low), _mm256_xor_si256(high, other.high)};
  }
  std::uint64_t not_zero() const noexcept {
    const __m256i zero = _mm256_setzero_si256();
    return ~mask(_mm256_cmpeq_epi8(low, zero), _mm256_cmpeq_epi8(high, zero));
  }
};

inline std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
  const __m128i ones = _mm_set1_epi8(static_cast<char>(0xff));
  const __m128i wide = _mm_set_epi64x(0, static_cast<long long>(bits));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(wide, ones, 0)));
}

#define ANTIPHON_SCAN_LOOKS_UP
#include "streaming/scan/kernels.inl"

}  // namespace

extern const kernels avx2;
const kernels avx2{"avx2",     &skip,       &string_end, &members,  &check,
                   &plain_end, &simple_end, &is_utf8,    &unescape, &escape};

}  // namespace antiphon::detail::scan

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
