#pragma once

#include "benchmarks/load/clock.hpp"

#include <cmath>
#include <cstdint>

namespace load {

/// When each request of an open loop is due: at a steady rate, whatever the server does meanwhile.
class schedule {
 public:
  /// @param rate requests a second, more than 0
  schedule(time_point begin, double rate, const budget& whole)
      : begin_(begin),
        interval_(1e9 / rate),
        count_(whole.timed() ? static_cast<std::uint64_t>(std::ceil(seconds_in(whole.time) * rate))
                             : whole.messages) {}

  /// How many there are.
  std::uint64_t count() const noexcept { return count_; }
  /// Computed from the beginning each time: what is rounded off doesn't add up.
  time_point due(std::uint64_t n) const noexcept {
    return begin_ + nanoseconds(std::llround(static_cast<double>(n) * interval_));
  }

 private:
  time_point begin_;
  double interval_;
  std::uint64_t count_;
};

}  // namespace load
