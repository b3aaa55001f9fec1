#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace load {

/// Counts values of any size in fixed memory, as HdrHistogram does: buckets of equal width within each power
/// of two, so that a percentile is off by less than 0.4%, and what is below 256 not at all.
///
/// Not thread-safe. `record` takes a few nanoseconds.
class histogram {
 public:
  void record(std::uint64_t value) noexcept {
    ++buckets_[index_of(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  std::uint64_t count() const noexcept { return count_; }
  /// The largest value, exactly.
  std::uint64_t max() const noexcept { return max_; }

  /// The value that `percent` of all values don't exceed; 0 when there are none.
  std::uint64_t percentile(double percent) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t index = 0; index < buckets_.size(); ++index) {
      seen += buckets_[index];
      if (seen >= std::max<std::uint64_t>(wanted, 1)) return std::min(middle_of(index), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned bits = 7;
  static constexpr std::uint64_t per_octave = 1U << bits;

  static std::size_t index_of(std::uint64_t value) noexcept {
    if (value < 2 * per_octave) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - bits - 1;
    return shift * per_octave + (value >> shift);
  }
  static std::uint64_t middle_of(std::size_t index) noexcept {
    if (index < 2 * per_octave) return index;
    const auto shift = index / per_octave - 1;
    return ((index - shift * per_octave) << shift) + (std::uint64_t{1} << (shift - 1));
  }

  std::array<std::uint64_t, (64 - bits) * per_octave + per_octave> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace load
