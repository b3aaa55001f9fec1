#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace load {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using nanoseconds = std::chrono::nanoseconds;

inline double seconds_in(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

/// What ends a run: its time, or a number of messages.
struct budget {
  nanoseconds time = nanoseconds::max();
  std::uint64_t messages = std::numeric_limits<std::uint64_t>::max();

  bool timed() const noexcept { return time != nanoseconds::max(); }
};

}  // namespace load
