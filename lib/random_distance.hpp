#pragma once

#include <cstdint>

namespace antiphon::detail {

/// How far it is to the next one where one in `every` is taken: by lot, so that no rhythm hides anything;
/// from 1 to twice `every` less one, so `every` on average.
/// @param state where the lots are (xorshift); never 0
/// @param every from 1 to 2^31
inline std::uint32_t random_distance(std::uint64_t& state, std::uint32_t every) noexcept {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  const std::uint64_t range = 2 * std::uint64_t{every} - 1;
  return static_cast<std::uint32_t>(1 + (state >> 11) % range);
}

}  // namespace antiphon::detail
