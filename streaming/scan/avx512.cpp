// AVX-512 with its byte instructions: servers since 2017, desktops of some makers.

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
#pragma clang attribute push(                                                                   \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,pclmul,bmi,bmi2,popcnt,lzcnt"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,pclmul,bmi,bmi2,popcnt,lzcnt")
#endif

namespace antiphon::detail::scan {
namespace {

struct bytes64 {
  __m512i v;
  static bytes64 load(const char* at) noexcept { return {_mm512_loadu_si512(at)}; }
  static bytes64 load(const char* at, std::size_t count) noexcept {
    return {_mm512_mask_loadu_epi8(_mm512_set1_epi8(' '),
                                   _bzhi_u64(~std::uint64_t{0}, static_cast<unsigned>(count)), at)};
  }
  std::uint64_t equal(char c) const noexcept { return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c)); }
  std::uint64_t below(char c) const noexcept { return _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(c)); }
  std::uint64_t not_ascii() const noexcept { return _mm512_movepi8_mask(v); }
  bytes64 folded() const noexcept { return {_mm512_or_si512(v, _mm512_set1_epi8(0x20))}; }
  std::uint64_t digits() const noexcept {
    return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
  }
};
inline std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
  const __m128i ones = _mm_set1_epi8(static_cast<char>(0xff));
  const __m128i wide = _mm_set_epi64x(0, static_cast<long long>(bits));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(wide, ones, 0)));
}

#include "streaming/scan/kernels.inl"

}  // namespace

extern const kernels avx512;
const kernels avx512{"avx512", &skip, &string_end, &check, &plain_end, &is_utf8};

}  // namespace antiphon::detail::scan

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
