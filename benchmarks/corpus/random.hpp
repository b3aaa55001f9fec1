#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace corpus {

// The same choices on every machine: the engine's numbers are fixed by the standard, while those of the
// standard's distributions are up to each library.
class random {
 public:
  explicit random(std::uint64_t seed) : engine_(seed) {}

  // One of 0 .. limit-1. The bias of the remainder matters to nobody here.
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>((engine_() >> 16) % limit); }
  std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }
  bool one_in(std::uint32_t count) { return below(count) == 0; }

  template <class T, std::size_t N>
  const T& pick(const T (&from)[N]) {
    return from[below(static_cast<std::uint32_t>(N))];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace corpus
