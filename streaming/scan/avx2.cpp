// AVX2, BMI and carry-less multiplication: most x86-64 machines since 2015.

#if defined(__x86_64__)

#include "streaming/scan/kernels.hpp"
#include "streaming/utf8.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>
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
  std::uint64_t equal(char c) const noexcept {
    const __m256i wanted = _mm256_set1_epi8(c);
    return mask(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
  }
  std::uint64_t below(char c) const noexcept {
    const __m256i most = _mm256_set1_epi8(static_cast<char>(c - 1));
    return mask(_mm256_cmpeq_epi8(_mm256_min_epu8(low, most), low),
                _mm256_cmpeq_epi8(_mm256_min_epu8(high, most), high));
  }
  std::uint64_t not_ascii() const noexcept { return mask(low, high); }
  bytes64 folded() const noexcept {
    const __m256i bit = _mm256_set1_epi8(0x20);
    return {_mm256_or_si256(low, bit), _mm256_or_si256(high, bit)};
  }
  std::uint64_t digits() const noexcept {
    const __m256i zero = _mm256_set1_epi8('0');
    return bytes64{_mm256_sub_epi8(low, zero), _mm256_sub_epi8(high, zero)}.below(10);
  }
};

inline std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
  const __m128i ones = _mm_set1_epi8(static_cast<char>(0xff));
  const __m128i wide = _mm_set_epi64x(0, static_cast<long long>(bits));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(wide, ones, 0)));
}

#include "streaming/scan/kernels.inl"

}  // namespace

extern const kernels avx2;
const kernels avx2{"avx2", &skip, &string_end, &check, &plain_end, &is_utf8};

}  // namespace antiphon::detail::scan

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
