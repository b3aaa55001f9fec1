#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <utility>

namespace antiphon::detail {

namespace asio = boost::asio;

/// A suspended coroutine that waits for a `Result`, without an allocation of its own.
template <class Result>
using waiting = typename asio::async_result<asio::use_awaitable_t<>, void(Result)>::handler_type;

/// Room for one suspended coroutine. Asio's handler can be moved but not assigned; this can be both.
template <class Handler>
class slot_for {
 public:
  slot_for() = default;
  slot_for(slot_for&&) = default;
  slot_for& operator=(slot_for&& other) {
    handler_.reset();
    if (other.handler_) handler_.emplace(std::move(*other.handler_));
    other.handler_.reset();
    return *this;
  }
  explicit operator bool() const noexcept { return handler_.has_value(); }
  void put(Handler handler) { handler_.emplace(std::move(handler)); }
  /// Takes it out; there must be one.
  Handler take() {
    Handler handler = std::move(*handler_);
    handler_.reset();
    return handler;
  }
  /// Destroys the coroutine that waits.
  void clear() { handler_.reset(); }

 private:
  std::optional<Handler> handler_;
};

template <class Result>
using waiter_slot = slot_for<waiting<Result>>;

/// Resumes `who` with `result` on its own executor, from there at the earliest once the caller has returned.
template <class Result>
void resume_later(waiting<Result> who, Result result) {
  auto executor = asio::get_associated_executor(who);
  asio::post(executor,
             [who = std::move(who), result = std::move(result)]() mutable { who(std::move(result)); });
}

/// Resumes it at once when already on its executor.
template <class Result>
void resume(waiting<Result> who, Result result) {
  auto executor = asio::get_associated_executor(who);
  asio::dispatch(executor,
                 [who = std::move(who), result = std::move(result)]() mutable { who(std::move(result)); });
}

/// One coroutine waits until another one, on the same serial executor, opens the gate; it then goes on inside
/// `open`. An opening that nobody waits for is kept for the next who does.
class gate {
 public:
  asio::awaitable<void> wait() {
    if (!std::exchange(open_, false)) {
      auto suspend = [this](auto handler) { waiter_.put(std::move(handler)); };
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(suspend, asio::use_awaitable);
    }
  }
  void open() {
    if (waiter_) {
      auto who = waiter_.take();
      who();
    } else {
      open_ = true;
    }
  }
  /// Destroys the coroutine that waits.
  void abandon() { waiter_.clear(); }

 private:
  slot_for<typename asio::async_result<asio::use_awaitable_t<>, void()>::handler_type> waiter_;
  bool open_ = false;
};

}  // namespace antiphon::detail
