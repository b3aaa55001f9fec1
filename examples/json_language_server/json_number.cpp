#include "json_number.hpp"

#include <algorithm>

namespace json_ls {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t leading_digits(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  return static_cast<std::size_t>(end - text.begin());
}

}  // namespace

std::optional<std::string> number_mistake(std::string_view text) {
  if (text.starts_with('+')) return "number has a leading '+'";
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with("0x") || text.starts_with("0X")) return "hexadecimal numbers are not JSON";

  const std::size_t whole = leading_digits(text);
  if (whole == 0 && text.starts_with('.')) return "number needs a digit before its '.'";
  if (whole == 0) return "number needs a digit after its '-'";
  if (whole > 1 && text.starts_with('0')) return "number has a leading zero";
  text.remove_prefix(whole);

  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::size_t fraction = leading_digits(text);
    if (fraction == 0) return "number needs a digit after its '.'";
    text.remove_prefix(fraction);
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    const std::size_t exponent = leading_digits(text);
    if (exponent == 0) return "number needs a digit in its exponent";
    text.remove_prefix(exponent);
  }
  if (!text.empty()) return "malformed number";
  return std::nullopt;
}

}  // namespace json_ls
