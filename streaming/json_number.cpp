#include "streaming/json_number.hpp"

#include "streaming/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace antiphon::detail {

namespace {

const char* skip_digits(const char* at, const char* end) noexcept {
  while (at != end && is_digit(*at)) ++at;
  return at;
}

// Of 10^308, which is within a double's range, and 10^309, which is not, only numbers between the two are
// worth a closer look.
bool fits_a_double(const char* first, const char* whole, const char* point, const char* mantissa_end,
                   std::int64_t exponent, const char* end) noexcept {
  if (exponent <= 0 && point - whole <= 308) return true;
  const char* const leading = std::find_if(whole, mantissa_end, [](char c) { return c >= '1' && c <= '9'; });
  if (leading == mantissa_end) return true;
  const auto power = exponent + (leading < point ? point - leading - 1 : point - leading);
  if (power != 308) return power < 308;
  double value = 0;
  return std::from_chars(first, end, value).ec == std::errc();
}

}  // namespace

number_scan scan_number(const char* first, const char* end) noexcept {
  const auto malformed = [](const char* at) { return number_scan{nullptr, at, errc::invalid_json}; };
  const char* const whole = first != end && *first == '-' ? first + 1 : first;
  const bool zero = whole != end && *whole == '0';
  const char* at = zero ? whole + 1 : skip_digits(whole, end);
  if (at == whole) return malformed(at);
  const char* const point = at;
  if (at != end && *at == '.') {
    at = skip_digits(point + 1, end);
    if (at == point + 1) return malformed(at);
  }
  const char* const mantissa_end = at;
  std::int64_t exponent = 0;
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    const bool negative = at != end && *at == '-';
    if (at != end && (*at == '-' || *at == '+')) ++at;
    const char* const digits = at;
    at = skip_digits(at, end);
    if (at == digits) return malformed(at);
    // Wider than any text is long, so that it can't be made up for by zeros in the mantissa.
    constexpr std::int64_t most = std::int64_t{1} << 58;
    for (const char* p = digits; p != at; ++p) exponent = std::min(most, exponent * 10 + (*p - '0'));
    if (negative) exponent = -exponent;
  }
  if (!fits_a_double(first, whole, point, mantissa_end, exponent, at))
    return {nullptr, first, errc::number_out_of_range};
  return {at, nullptr, {}};
}

}  // namespace antiphon::detail
