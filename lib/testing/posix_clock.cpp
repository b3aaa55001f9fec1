#include "lib/testing/thread_time.hpp"

#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

namespace antiphon::testing {

namespace {

std::chrono::steady_clock::time_point real_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::steady_clock::time_point(std::chrono::seconds(now.tv_sec) +
                                               std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace

constinit thread_local thread_time here;

bool clock_is_replaced() noexcept {
  const itimerspec in_a_second{.it_interval = {}, .it_value = {1, 0}};
  ::timerfd_settime(-1, 0, &in_a_second, nullptr);
  return std::chrono::steady_clock::now() == here.now &&
         here.next_timer == here.now + std::chrono::seconds(1);
}

}  // namespace antiphon::testing

// In place of the one of libstdc++, which the linker finds later. Weak, so that a program whose C++ library
// is linked statically can be linked all the same.
[[gnu::weak]] std::chrono::steady_clock::time_point std::chrono::steady_clock::now() noexcept {
  using namespace antiphon::testing;
  if (!here.stands_still) [[likely]]
    return real_now();
  return here.timers_held_back ? time_point::min() : here.now;
}

// In place of the kernel's, which goes by real time. Asio sets its descriptor whenever it has looked at its
// timers, or has a new one that is due first: this is how it tells when. And it looks at them whenever the
// descriptor is readable, which it stays from now on.
extern "C" int timerfd_settime(int fd, int flags, const itimerspec* value, itimerspec* old) noexcept {
  using namespace antiphon::testing;
  using namespace std::chrono;
  if (!here.stands_still) return static_cast<int>(::syscall(SYS_timerfd_settime, fd, flags, value, old));
  if (old != nullptr) *old = {};
  if (here.timers_held_back) return 0;
  here.next_timer = here.now + seconds(value->it_value.tv_sec) + nanoseconds(value->it_value.tv_nsec);
  // It has expired long ago, and will again in thirty years, by which it is known next time.
  const itimerspec expired{.it_interval = {1'000'000'000, 0}, .it_value = {0, 1}};
  itimerspec now{};
  ::timerfd_gettime(fd, &now);
  if (now.it_interval.tv_sec == expired.it_interval.tv_sec) return 0;
  return static_cast<int>(::syscall(SYS_timerfd_settime, fd, TFD_TIMER_ABSTIME, &expired, nullptr));
}
