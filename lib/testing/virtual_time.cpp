#include <antiphon/testing/virtual_time.hpp>

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>

namespace antiphon::testing {

namespace {

using clock = virtual_time::clock;

// A day after the machine was started: what reckons back from now stays positive.
constexpr clock::time_point start{std::chrono::hours(24)};

struct state {
  bool stands_still = false;
  bool timers_held_back = false;
  clock::time_point now = start;
};
constinit thread_local state here;

clock::time_point real_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return clock::time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

/// Memory for the one wait of `collect_due`, so that it can't fail.
struct wait_memory {
  alignas(std::max_align_t) std::byte bytes[512];
};
template <class T>
struct wait_allocator {
  using value_type = T;
  explicit wait_allocator(wait_memory& from) noexcept : memory(&from) {}
  template <class U>
  wait_allocator(const wait_allocator<U>& other) noexcept : memory(other.memory) {}
  T* allocate(std::size_t count) {
    if (count * sizeof(T) > sizeof(wait_memory)) throw std::bad_alloc();
    return reinterpret_cast<T*>(memory->bytes);
  }
  void deallocate(T*, std::size_t) noexcept {}
  template <class U>
  bool operator==(const wait_allocator<U>& other) const noexcept {
    return memory == other.memory;
  }
  wait_memory* memory;
};
struct when_collected {
  using allocator_type = wait_allocator<char>;
  allocator_type get_allocator() const noexcept { return allocator_type(*memory); }
  void operator()(const boost::system::error_code&) const noexcept { *done = true; }
  wait_memory* memory;
  bool* done;
};

}  // namespace

virtual_time::virtual_time() {
  if (here.stands_still) throw std::logic_error("virtual_time: this thread has one already");
  here = {true, false, start};
  if (clock::now() == start) return;
  here.stands_still = false;
  throw std::logic_error("virtual_time: steady_clock isn't replaced; is the C++ library linked statically?");
}

virtual_time::~virtual_time() { here = {}; }

clock::duration virtual_time::elapsed() const noexcept { return here.now - start; }

void virtual_time::advance(clock::duration time) noexcept { here.now += time; }

virtual_time::timers_held_back::timers_held_back() noexcept { here.timers_held_back = true; }
virtual_time::timers_held_back::~timers_held_back() { here.timers_held_back = false; }

// Asio looks for timers that are due when the system's own timer says so, which goes by real time, or when
// one is set that is due first of all.
void virtual_time::collect_due(asio::io_context& context) {
  wait_memory memory;
  bool done = false;
  asio::basic_waitable_timer<clock, asio::wait_traits<clock>, asio::io_context::executor_type> first(
      context, clock::time_point::min());
  first.async_wait(when_collected{&memory, &done});
  context.restart();
  // What others throw meanwhile comes out when the wait is over.
  std::exception_ptr failure;
  while (!done) {
    try {
      context.run_one();
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

void virtual_time::step(clock::time_point idle_since, clock::time_point end) noexcept {
  using std::chrono::milliseconds;
  const auto idle = std::chrono::duration_cast<milliseconds>(here.now - idle_since);
  here.now = std::min<clock::time_point>(here.now + std::max(milliseconds(1), idle / 1024), end);
}

bool virtual_time::run(asio::io_context& context, clock::duration limit) {
  const auto end = here.now + limit;
  auto idle_since = here.now;
  for (;;) {
    context.restart();
    std::size_t ran = context.poll();
    if (context.stopped()) return true;
    collect_due(context);
    ran += context.poll();
    if (ran > 0) {
      idle_since = here.now;
      continue;
    }
    if (here.now >= end) return false;
    step(idle_since, end);
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
