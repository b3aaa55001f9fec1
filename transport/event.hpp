#pragma once

#include "transport/reserve.hpp"

#include <antiphon/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

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
  template <class Then>
  auto next(Then then) {
    return asio::async_initiate<const asio::deferred_t, void(error_code)>(
        [this, then](auto handler) {
          const auto slot = asio::get_associated_cancellation_slot(handler);
          // What waits may outlive the event, where an io_context goes last.
          auto woken = [handler = std::move(handler), state = state_,
                        before = state_->notifications](error_code) mutable {
            // The timer says "aborted" in either case; without a notification it was the waiter who was
            // cancelled.
            const bool cancelled = state->notifications == before;
            std::move(handler)(cancelled ? asio::error::operation_aborted : error_code());
          };
          timer_.async_wait(asio::bind_cancellation_slot(
              slot, asio::bind_allocator(state_->memory.allocator(), std::move(woken))));
          then();
        },
        asio::deferred);
  }

 public:
  explicit event(const asio::any_io_executor& executor)
      : timer_(executor, asio::steady_timer::time_point::max()) {}

  /// What to await until the next `notify`. Whoever waits must look first and wait without a suspension in
  /// between.
  auto wait() {
    return next([] {});
  }

  /// What to await for a trip through the event loop, with all who wait.
  auto next_turn() {
    return next([this] { notify(); });
  }

  /// Wakes all that wait; they run later, never from inside this call.
  void notify() noexcept {
    ++state_->notifications;
    try {
      timer_.cancel();
    } catch (...) {  // never: a timer's cancel reports no errors
    }
  }

 private:
  struct state {
    reserve memory;
    unsigned notifications = 0;
  };
  std::shared_ptr<state> state_ = std::make_shared<state>();
  asio::steady_timer timer_;
};

}  // namespace antiphon
