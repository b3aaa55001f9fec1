#pragma once

#include <boost/json/value.hpp>

#include <algorithm>
#include <cmath>

namespace fuzz {

// Boost.JSON 1.81 reads doubles imprecisely, a bit differently near the end of the text, takes the largest
// for infinities, and 0e400 for NaN: docs/decisions/0002-validator-differences.md, 0004-direct-decode.md.
inline bool nearly_equal(double a, double b) {
  if (std::isnan(b)) return std::isnan(a) || a == 0;
  if (std::isinf(b)) return a == b || (std::abs(a) > 1.797e308 && std::signbit(a) == std::signbit(b));
  if (std::isinf(a)) return nearly_equal(b, a);
  return std::abs(a - b) <= 1e-9 * std::abs(b) + 1e-300;
}

/// Whether `a` is what Boost.JSON has read as `b`.
inline bool alike(const boost::json::value& a, const boost::json::value& b) {
  if (a.is_double() && b.is_double()) return nearly_equal(a.get_double(), b.get_double());
  // Ours keeps the sign of -0, which Boost.JSON reads as an integer.
  if (a.is_double() && a.get_double() == 0) return b == 0;
  if (const auto* array = a.if_array()) {
    return b.is_array() &&
           std::equal(array->begin(), array->end(), b.get_array().begin(), b.get_array().end(), alike);
  }
  if (const auto* object = a.if_object()) {
    const auto* other = b.if_object();
    if (other == nullptr || other->size() != object->size()) return false;
    return std::all_of(object->begin(), object->end(), [other](const auto& member) {
      const boost::json::value* there = other->if_contains(member.key());
      return there != nullptr && alike(member.value(), *there);
    });
  }
  return a == b;
}

}  // namespace fuzz
