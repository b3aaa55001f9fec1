#pragma once

#include <cstdlib>
#include <random>

/// What the tests of random interleavings share. Every one of them has a seed of its own, counted from 1, so
/// that a bad one can be played again alone.
namespace interleavings {

/// How many to play: few among the other tests, all when asked to (`./dev interleavings`).
inline unsigned how_many(unsigned few, unsigned all) {
  return std::getenv("ANTIPHON_ALL_INTERLEAVINGS") != nullptr ? all : few;
}

class dice {
 public:
  explicit dice(unsigned seed) : random_(seed) {}
  /// From 0 to n - 1.
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool once_in(unsigned n) { return below(n) == 0; }

 private:
  std::minstd_rand random_;
};

}  // namespace interleavings
