#pragma once

#include "lib/waiting.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace antiphon::detail {

template <class T>
struct outcome {
  std::exception_ptr failure;
  std::optional<T> value;
};
template <>
struct outcome<void> {
  std::exception_ptr failure;
};

/// What a caller has done for him on another executor. The signal is used on that one only.
template <class T>
struct errand {
  asio::cancellation_signal stop;
  waiter<outcome<T>> caller;
};

template <class T>
asio::awaitable<void> run_errand(std::shared_ptr<errand<T>> what, asio::awaitable<T> operation) {
  outcome<T> how;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(operation);
    } else {
      how.value = co_await std::move(operation);
    }
  } catch (...) {
    how.failure = std::current_exception();
  }
  // Asio 1.81 would throw that where nobody catches it.
  co_await asio::this_coro::reset_cancellation_state();
  resume_later(std::move(what->caller), std::move(how));
}

/// Runs `operation` on the executor `there`, which is serial; the caller stays on his own, also when he is
/// cancelled.
///
/// In place of `co_spawn` with his handler: Asio 1.81 hands the cancellation over through a plain pointer,
/// which may be gone by then.
template <class T>
asio::awaitable<T> run_on(asio::any_io_executor there, asio::awaitable<T> operation) {
  auto what = std::make_shared<errand<T>>();
  auto suspend = [&](auto handler) {
    auto tell = [weak = std::weak_ptr(what), there](asio::cancellation_type type) {
      asio::post(there, [weak, type] {
        if (const auto running = weak.lock()) running->stop.emit(type);
      });
    };
    const bool cancellable = on_cancellation(handler, std::move(tell));
    what->caller = waiter<outcome<T>>(std::move(handler));
    try {
      if (!cancellable) throw std::bad_alloc();
      // The signal outlives the coroutine that it belongs to.
      auto ended = [what, there](std::exception_ptr) { asio::post(there, [what] {}); };
      asio::co_spawn(there, run_errand(what, std::move(operation)),
                     asio::bind_cancellation_slot(what->stop.slot(), std::move(ended)));
    } catch (...) {  // no memory; what is thrown here would destroy the caller
      outcome<T> how;
      how.failure = std::current_exception();
      what->caller(std::move(how));
    }
  };
  auto waiting = suspended<outcome<T>>(suspend);
  outcome<T> how = co_await std::move(waiting);
  if (how.failure) std::rethrow_exception(how.failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*how.value);
}

}  // namespace antiphon::detail
