#pragma once

#include "benchmarks/load/clock.hpp"

#include <signal.h>
#include <sys/time.h>

namespace load {

/// Interrupts what blocks, again and again, for looking whether the server has done nothing for too long: so
/// no poll is needed before each read. There is one at a time.
class watchdog {
 public:
  explicit watchdog(nanoseconds interval) {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    every(interval);
  }
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog() { every(nanoseconds(0)); }

 private:
  static void every(nanoseconds interval) {
    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(interval).count();
    const timeval time{.tv_sec = whole / 1'000'000, .tv_usec = whole % 1'000'000};
    const itimerval both{.it_interval = time, .it_value = time};
    ::setitimer(ITIMER_REAL, &both, nullptr);
  }
};

}  // namespace load
