#pragma once

#include "tests/support/sanitized.hpp"

#include <antiphon/testing/seeds.hpp>

#include <cstdint>
#include <cstdlib>

/// What the tests of random interleavings share.
namespace interleavings {

/// The seeds to play: few among the other tests, all when asked to (`./dev interleavings`), and a bad one
/// alone with ANTIPHON_SEED. The sanitizer of threads makes them thirty times as long and has nothing to find
/// in their one thread, so it gets a twentieth.
inline antiphon::testing::seeds to_play(std::uint64_t few, std::uint64_t all) {
  const std::uint64_t wanted = std::getenv("ANTIPHON_ALL_INTERLEAVINGS") != nullptr ? all : few;
  return antiphon::testing::seeds(support::threads_sanitized ? wanted / 20 : wanted);
}

class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : dice_(seed) {}
  /// From 0 to n - 1.
  unsigned below(unsigned n) { return static_cast<unsigned>(dice_.below(n)); }
  bool once_in(unsigned n) { return dice_.once_in(n); }

 private:
  antiphon::testing::dice dice_;
};

}  // namespace interleavings
