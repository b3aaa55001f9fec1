#pragma once

#include <antiphon/streaming/limits.hpp>

#include <algorithm>
#include <cstddef>

namespace antiphon::detail {

// What `limits` promises whatever it is set to; sums of these never overflow.
inline constexpr std::size_t most_header_bytes = 64 * 1024;
inline constexpr std::size_t most_message_bytes = std::size_t{1} << 30;
inline constexpr std::size_t most_depth = 1024;

inline limits clamped(limits bounds) noexcept {
  bounds.header_bytes = std::min(bounds.header_bytes, most_header_bytes);
  bounds.message_bytes = std::min(bounds.message_bytes, most_message_bytes);
  bounds.depth = std::min(bounds.depth, most_depth);
  return bounds;
}

}  // namespace antiphon::detail
