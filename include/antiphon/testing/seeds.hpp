#pragma once

#include <cstdint>

namespace antiphon::testing {

/// The seeds that a test plays: 1 to `count`, or the one alone that the environment variable ANTIPHON_SEED
/// names, so that what failed is played again.
///
///     for (const std::uint64_t seed : antiphon::testing::seeds(10'000)) ...
class seeds {
 public:
  explicit seeds(std::uint64_t count);

  class iterator {
   public:
    explicit iterator(std::uint64_t at) noexcept : at_(at) {}
    std::uint64_t operator*() const noexcept { return at_; }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    bool operator==(const iterator&) const = default;

   private:
    std::uint64_t at_;
  };
  iterator begin() const noexcept { return iterator(first_); }
  iterator end() const noexcept { return iterator(last_ + 1); }
  std::uint64_t count() const noexcept { return last_ - first_ + 1; }

 private:
  std::uint64_t first_;
  std::uint64_t last_;
};

/// Numbers drawn by lot: for the same seed the same ones, with any compiler and library.
class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed) {}
  /// From 0 to n - 1; n is at least 1.
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
  /// Never where n is 0.
  bool once_in(std::uint64_t n) noexcept { return n > 0 && below(n) == 0; }

 private:
  // SplitMix64: seeds that follow each other give numbers that have nothing to do with each other.
  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace antiphon::testing
