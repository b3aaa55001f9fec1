#include <antiphon/testing/virtual_time.hpp>

#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace antiphon::testing {

namespace {

using clock = virtual_time::clock;

// A day after the machine was started: what reckons back from now stays positive.
constexpr clock::time_point start{std::chrono::hours(24)};

struct state {
  bool stands_still = false;
  bool timers_held_back = false;
  clock::time_point now = start;
  // When the context that was looked at last has a timer due.
  clock::time_point next_timer = clock::time_point::max();
};
constinit thread_local state here;

clock::time_point real_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return clock::time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace

virtual_time::virtual_time() {
  if (here.stands_still) throw std::logic_error("virtual_time: this thread has one already");
  here = {.stands_still = true};
  const itimerspec in_a_second{.it_interval = {}, .it_value = {1, 0}};
  ::timerfd_settime(-1, 0, &in_a_second, nullptr);
  if (clock::now() == start && here.next_timer == start + std::chrono::seconds(1)) return;
  here = {};
  throw std::logic_error("virtual_time: steady_clock isn't replaced; is the C++ library linked statically?");
}

virtual_time::~virtual_time() { here = {}; }

clock::duration virtual_time::elapsed() const noexcept { return here.now - start; }

void virtual_time::advance(clock::duration time) noexcept { here.now += time; }

virtual_time::timers_held_back::timers_held_back() noexcept { here.timers_held_back = true; }
virtual_time::timers_held_back::~timers_held_back() { here.timers_held_back = false; }

void virtual_time::poll(asio::io_context& context) {
  here.next_timer = clock::time_point::max();
  context.restart();
  context.poll();
}

void virtual_time::step(clock::time_point end) noexcept {
  here.now = std::min(std::max(here.next_timer, here.now + std::chrono::nanoseconds(1)), end);
}

bool virtual_time::run(asio::io_context& context, clock::duration limit) {
  const auto end = here.now + limit;
  // Makes Asio look at its timers, also at those of before there was virtual time.
  asio::steady_timer first(context, clock::time_point::min());
  first.async_wait([](const boost::system::error_code&) {});
  for (;;) {
    poll(context);
    if (context.stopped()) return true;
    if (here.now >= end) return false;
    step(end);
  }
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
