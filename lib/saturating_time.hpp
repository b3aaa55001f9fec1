#pragma once

#include <chrono>

namespace antiphon::detail {

/// So long after `start`; the latest that there is where that would be later still.
inline std::chrono::steady_clock::time_point after(std::chrono::steady_clock::time_point start,
                                                   std::chrono::milliseconds time) noexcept {
  constexpr auto never = std::chrono::steady_clock::time_point::max();
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(never - start);
  return time >= most ? never : start + time;
}

}  // namespace antiphon::detail
