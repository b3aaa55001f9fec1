// SSE2: every x86-64 machine.

#if defined(__x86_64__)

#include "streaming/json_escape.hpp"
#include "streaming/json_text.hpp"
#include "streaming/scan/kernels.hpp"
#include "streaming/scan/prefix_xor.hpp"
#include "streaming/string_content.hpp"
#include "streaming/utf8.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace antiphon::detail::scan {
namespace {

struct bytes64 {
  __m128i quarters[4];

  static bytes64 load(const char* at) noexcept {
    bytes64 in;
    for (std::size_t i = 0; i < 4; ++i)
      in.quarters[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * i));
    return in;
  }
  static bytes64 load(const char* at, std::size_t count) noexcept {
    alignas(16) char copy[64];
    std::memset(copy, ' ', sizeof(copy));
    std::memcpy(copy, at, count);
    return load(copy);
  }
  template <class Test>
  std::uint64_t mask(Test test) const noexcept {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i)
      bits |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(test(quarters[i]))))
              << (16 * i);
    return bits;
  }
  template <class Change>
  bytes64 changed(Change change) const noexcept {
    bytes64 out;
    for (std::size_t i = 0; i < 4; ++i) out.quarters[i] = change(quarters[i]);
    return out;
  }
  void store(char* to) const noexcept {
    for (std::size_t i = 0; i < 4; ++i)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16 * i), quarters[i]);
  }
  std::uint64_t equal(char c) const noexcept {
    const __m128i wanted = _mm_set1_epi8(c);
    return mask([wanted](__m128i v) { return _mm_cmpeq_epi8(v, wanted); });
  }
  std::uint64_t below(char c) const noexcept {
    const __m128i most = _mm_set1_epi8(static_cast<char>(c - 1));
    return mask([most](__m128i v) { return _mm_cmpeq_epi8(_mm_min_epu8(v, most), v); });
  }
  std::uint64_t not_ascii() const noexcept {
    return mask([](__m128i v) { return v; });
  }
  std::uint64_t blanks() const noexcept { return equal(' ') | equal('\t') | equal('\n') | equal('\r'); }
  std::uint64_t escape_letters() const noexcept {
    return equal('"') | equal('\\') | equal('/') | equal('b') | equal('f') | equal('n') | equal('r') |
           equal('t') | equal('u');
  }
  std::uint64_t with_bit_5() const noexcept {
    return mask([](__m128i v) { return _mm_slli_epi16(v, 2); });
  }
  bytes64 folded() const noexcept {
    return changed([](__m128i v) { return _mm_or_si128(v, _mm_set1_epi8(0x20)); });
  }
  std::uint64_t digits() const noexcept {
    return changed([](__m128i v) { return _mm_sub_epi8(v, _mm_set1_epi8('0')); }).below(10);
  }
};

#include "streaming/scan/kernels.inl"

}  // namespace

extern const kernels sse2;
const kernels sse2{"sse2",     &skip,       &string_end, &members,  &check,
                   &plain_end, &simple_end, &is_utf8,    &unescape, &escape};

}  // namespace antiphon::detail::scan

#endif
