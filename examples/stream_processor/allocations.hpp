#pragma once

#include <cstdint>

namespace stream {

/// What this program has taken from operator new so far, and from where Asio takes the frames of coroutines.
struct allocations {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};
allocations allocations_so_far() noexcept;

}  // namespace stream
