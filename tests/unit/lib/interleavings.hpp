#pragma once

#include <cstdlib>
#include <random>

/// What the tests of random interleavings share.
namespace interleavings {

/// The seeds to play, from first to last: few among the other tests, all when asked to (`./dev
/// interleavings`), and a bad one alone with ANTIPHON_INTERLEAVING=SEED.
struct seeds {
  unsigned first;
  unsigned last;
  unsigned count() const { return last - first + 1; }
};
inline seeds to_play(unsigned few, unsigned all) {
  if (const char* one = std::getenv("ANTIPHON_INTERLEAVING")) {
    const auto seed = static_cast<unsigned>(std::strtoul(one, nullptr, 10));
    return {seed, seed};
  }
  return {1, std::getenv("ANTIPHON_ALL_INTERLEAVINGS") != nullptr ? all : few};
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
