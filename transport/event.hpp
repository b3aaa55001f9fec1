#pragma once

#include "transport/reserve.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <utility>

namespace antiphon {

namespace asio = boost::asio;

/// Something that coroutines on one executor wait for until another tells them to look again.
///
/// A timer that never expires, so that what is suspended in it belongs to the io_context and is destroyed
/// with it.
class event {
  // Before its uses, since its type is deduced.
  /// What to await until the next notification.
  /// @param then is called once it waits
  template <class Then>
  auto next(Then then) {
    return asio::async_initiate<const asio::deferred_t, void()>(
        [this, then](auto handler) {
          const auto slot = asio::get_associated_cancellation_slot(handler);
          // What waits may outlive the event, where an io_context goes last: then so does its memory.
          auto woken = [handler = std::move(handler), memory = memory_](error_code) mutable {
            std::move(handler)();
          };
          timer_.async_wait(asio::bind_cancellation_slot(
              slot, asio::bind_allocator(memory_->allocator(), std::move(woken))));
          then();
        },
        asio::deferred);
  }

 public:
  explicit event(const asio::any_io_executor& executor)
      : timer_(executor, asio::steady_timer::time_point::max()) {}

  /// Until the next `notify`. Whoever waits must look first and wait without a suspension in between.
  asio::awaitable<void> wait() {
    const auto before = notifications_;
    auto waiting = next([] {});
    co_await std::move(waiting);
    // The timer says "aborted" in either case; without a notification it was the waiter who was cancelled.
    if (notifications_ == before) throw boost::system::system_error(asio::error::operation_aborted);
  }

  /// A trip through the event loop, with all who wait.
  asio::awaitable<void> next_turn() {
    auto turn = next([this] { notify(); });
    co_await std::move(turn);
  }

  /// Wakes all that wait; they run later, never from inside this call.
  void notify() noexcept {
    ++notifications_;
    try {
      timer_.cancel();
    } catch (...) {  // never: a timer's cancel reports no errors
    }
  }

 private:
  std::shared_ptr<reserve> memory_ = std::make_shared<reserve>();
  asio::steady_timer timer_;
  unsigned notifications_ = 0;
};

}  // namespace antiphon
