#pragma once

#include <antiphon/error.hpp>

namespace antiphon::detail {

/// What begins with a digit or '-' (RFC 8259, section 6).
struct number_scan {
  const char* end = nullptr;  // behind the number; null when it is none
  const char* problem = nullptr;
  errc error{};  // `invalid_json` at `problem`, or `number_out_of_range` when it does not fit a double
};

number_scan scan_number(const char* begin, const char* end) noexcept;

}  // namespace antiphon::detail
