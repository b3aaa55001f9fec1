#include "lib/testing/thread_time.hpp"

#include <antiphon/testing/virtual_time.hpp>

#include <algorithm>
#include <stdexcept>

namespace antiphon::testing {

using clock = virtual_time::clock;

virtual_time::virtual_time() {
  if (here.stands_still) throw std::logic_error("virtual_time: this thread has one already");
  here = {.stands_still = true};
  if (clock_is_replaced()) return;
  here = {};
  throw std::logic_error("virtual_time: steady_clock isn't replaced; is the C++ library linked statically?");
}

virtual_time::~virtual_time() { here = {}; }

clock::duration virtual_time::elapsed() const noexcept { return here.now - thread_time::start; }

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
