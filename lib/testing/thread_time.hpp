#pragma once

#include <chrono>

namespace antiphon::testing {

/// What `std::chrono::steady_clock` shows on one thread. Where that is replaced, and how it is known when
/// Asio's timers are due, is the system's: see posix_clock.cpp.
struct thread_time {
  using clock = std::chrono::steady_clock;
  // A day after the machine was started: what reckons back from now stays positive.
  static constexpr clock::time_point start{std::chrono::hours(24)};

  bool stands_still = false;
  bool timers_held_back = false;
  clock::time_point now = start;
  // When the context that was looked at last has a timer due.
  clock::time_point next_timer = clock::time_point::max();
};
extern constinit thread_local thread_time here;

/// Whether the program and Asio take part in that. Asked while this thread's time stands still.
bool clock_is_replaced() noexcept;

}  // namespace antiphon::testing
