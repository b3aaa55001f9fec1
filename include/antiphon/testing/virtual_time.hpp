#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>

namespace antiphon::testing {

namespace asio = boost::asio;

/// While it lives, `std::chrono::steady_clock` stands still on this thread and goes on only as told, so that
/// timers are waited for without waiting.
///
/// All that reads that clock sees it: endpoints, `asio::steady_timer`, handlers. Other threads and other
/// clocks go on as they do. The program must take libstdc++ from a shared library, since the clock is
/// replaced when it is linked (docs/decisions/0031); `std::this_thread::sleep_until` with this clock would
/// never return. Not copied or moved; ends on its thread.
class virtual_time {
 public:
  using clock = std::chrono::steady_clock;

  /// @throws std::logic_error when this thread has one already, or the clock can't be replaced
  virtual_time();
  virtual_time(const virtual_time&) = delete;
  virtual_time& operator=(const virtual_time&) = delete;
  ~virtual_time();

  /// How much of its time has passed since it was made.
  clock::duration elapsed() const noexcept;
  void advance(clock::duration time) noexcept;

  /// Runs `context` on this thread until it has no work left. Whenever nothing is ready, time goes on to the
  /// next timer, to the microsecond.
  /// @param limit of virtual time
  /// @return false when that is over: something waits for what doesn't come
  /// Descriptors aren't waited for: what is run has to be in memory.
  bool run(asio::io_context& context, clock::duration limit = std::chrono::hours(1));

 private:
  friend class deterministic_context;

  /// While it lives the clock says that no timer is due.
  struct timers_held_back {
    timers_held_back() noexcept;
    timers_held_back(const timers_held_back&) = delete;
    timers_held_back& operator=(const timers_held_back&) = delete;
    ~timers_held_back();
  };
  void poll(asio::io_context& context);
  void step(clock::time_point end) noexcept;
};

}  // namespace antiphon::testing
