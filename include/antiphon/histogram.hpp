#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace antiphon {

/// Counts values of any size in little memory, as HdrHistogram does: buckets of equal width within each power
/// of two, so that a percentile is off by less than 0.4%, and what is below 256 not at all.
///
/// Takes a KiB for each power of two up to the largest value seen: 16 KiB for nanoseconds up to a few
/// milliseconds, 57 KiB at most. `record` takes a few nanoseconds; it throws std::bad_alloc when a value
/// larger than all before it finds no memory. Not thread-safe.
class histogram {
 public:
  void record(std::uint64_t value) {
    const std::size_t index = index_of(value);
    if (index >= buckets_.size()) buckets_.resize((index / per_octave + 1) * per_octave);
    ++buckets_[index];
    ++count_;
    max_ = std::max(max_, value);
  }

  /// Adds what another one has counted.
  void merge(const histogram& other) {
    if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
    for (std::size_t index = 0; index < other.buckets_.size(); ++index)
      buckets_[index] += other.buckets_[index];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
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

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace antiphon
