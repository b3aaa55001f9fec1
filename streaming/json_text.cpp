#include "streaming/json_text.hpp"

#include "streaming/scan/kernels.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace antiphon::detail {

std::size_t skip_json_value(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (text[0] == '"') {
    const char* const quote = scan::active().string_end(begin + 1, end);
    return quote == nullptr ? 0 : static_cast<std::size_t>(quote + 1 - begin);
  }
  if (text[0] == '{' || text[0] == '[') {
    scan::skip_state state;
    const char* const behind = scan::active().skip(begin, end, state);
    return behind == nullptr ? 0 : static_cast<std::size_t>(behind - begin);
  }
  return static_cast<std::size_t>(std::find_if(begin, end, ends_scalar) - begin);
}

bool unescape(std::string_view inside, std::string& out) {
  const char* const end = inside.data() + inside.size();
  std::array<char, 256> small;
  if (inside.size() + scan::copy_room <= small.size()) {
    const char* const written = scan::active().unescape(inside.data(), end, small.data());
    if (written != nullptr) out.assign(small.data(), static_cast<std::size_t>(written - small.data()));
    return written != nullptr;
  }
  out.resize(inside.size() + scan::copy_room);
  const char* const written = scan::active().unescape(inside.data(), end, out.data());
  out.resize(written == nullptr ? 0 : static_cast<std::size_t>(written - out.data()));
  return written != nullptr;
}

template <class Number>
bool parse_number(std::string_view token, Number& out) noexcept {
  if (std::from_chars(token.data(), token.data() + token.size(), out).ec == std::errc()) return true;
  // Out of range says overflow and underflow alike. A number that is too small is a zero, which it may be.
  out = token.starts_with('-') ? Number{-0.0} : Number{0.0};
  const std::size_t e = token.find_first_of("eE");
  const std::string_view digits = token.substr(0, e);
  const std::size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  // Wider than any text is long, so that digits can't make up for it.
  constexpr std::int64_t most = std::int64_t{1} << 60;
  std::int64_t exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view text = token.substr(e + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (parsed.ec != std::errc()) exponent = text.starts_with('-') ? -most : most;
    exponent = std::clamp(exponent, -most, most);
  }
  // The decimal exponent of the first digit that counts decides: out of range is far from 1 on either side.
  const auto whole = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  return exponent + whole - static_cast<std::int64_t>(first) <= 0;
}

template bool parse_number(std::string_view token, float& out) noexcept;
template bool parse_number(std::string_view token, double& out) noexcept;

}  // namespace antiphon::detail
