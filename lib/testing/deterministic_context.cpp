#include <antiphon/testing/deterministic_context.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <algorithm>

namespace antiphon::testing {

namespace {

using clock = virtual_time::clock;

// What a handler takes at most.
constexpr std::uint64_t longest_handler_ns = 50'000;
// How often, while handlers are ready, others are looked for, and timers that are due.
constexpr std::uint64_t gather_once_in = 2;
constexpr std::uint64_t look_once_in = 4;
constexpr std::uint64_t most_at_a_time = 10'000'000;

static_assert(asio::execution::is_executor<deterministic_context::executor_type>::value);

}  // namespace

deterministic_context::deterministic_context(std::uint64_t seed) : dice_(seed), by_lot_(seed != 0), io_(1) {}

deterministic_context::~deterministic_context() {
  destroyed_ = true;
  // What goes may bring others, which go at once.
  auto left = std::move(ready_);
  ready_.clear();
}

void deterministic_context::add(std::unique_ptr<job> what) {
  if (!destroyed_) ready_.push_back(std::move(what));
}

// Whatever has completed in the io_context becomes ready here. Timers only when they are looked for: else it
// would be a matter of real time when they are found to be due.
void deterministic_context::gather() {
  const virtual_time::timers_held_back now;
  gather_due();
}

void deterministic_context::gather_due() { time_.poll(io_); }

void deterministic_context::run_ready() {
  std::unique_ptr<job> next;
  if (by_lot_) {
    std::swap(ready_[dice_.below(ready_.size())], ready_.back());
    next = std::move(ready_.back());
    ready_.pop_back();
  } else {
    next = std::move(ready_[first_ready_++]);
    if (first_ready_ == ready_.size()) {
      ready_.clear();
      first_ready_ = 0;
    }
  }
  ++handlers_run_;
  struct while_running {
    explicit while_running(bool& flag) : running(flag) { running = true; }
    ~while_running() { running = false; }
    bool& running;
  };
  {
    const while_running now(running_);
    next->run();
    next.reset();
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

bool deterministic_context::run_one() {
  gather_due();
  if (ready_.empty()) return false;
  run_ready();
  return true;
}

bool deterministic_context::run(std::chrono::nanoseconds limit) {
  const auto end = clock::now() + limit;
  std::uint64_t at_a_time = 0;
  for (;;) {
    if (ready_.empty() || !by_lot_ || dice_.once_in(gather_once_in)) gather();
    if (ready_.empty() || (by_lot_ && dice_.once_in(look_once_in))) gather_due();
    if (!ready_.empty()) {
      run_ready();
      if (by_lot_) time_.advance(std::chrono::nanoseconds(dice_.below(longest_handler_ns)));
      if (++at_a_time > most_at_a_time || clock::now() >= end) return false;
      continue;
    }
    if (tracked_ == 0 && io_.stopped()) return true;
    if (clock::now() >= end) return false;
    time_.step(end);
    at_a_time = 0;
  }
}

}  // namespace antiphon::testing
