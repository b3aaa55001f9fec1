#pragma once

#include "lib/waiting.hpp"

#include <antiphon/error.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

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
  std::shared_ptr<errand> kept;
};

/// What is to be done won't be: its executor's context is gone, or there is no memory. The caller is told
/// where he can be.
template <class T>
void abandon(errand<T>& what) noexcept {
  if (!what.caller) return;
  outcome<T> how;
  try {
    throw boost::system::system_error(make_error_code(errc::closed));
  } catch (...) {  // no memory for it is as good
    how.failure = std::current_exception();
  }
  if (!try_resume_later(what.caller, std::move(how))) what.caller.clear();
}

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
  if (!try_resume_later(what->caller, std::move(how))) what->caller.clear();
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
    // Not the caller's frame's any more: that is held by what is in it.
    const auto own = std::move(what);
    auto tell = [weak = std::weak_ptr(own), there](asio::cancellation_type type) {
      asio::post(there, [weak, type] {
        if (const auto running = weak.lock()) running->stop.emit(type);
      });
    };
    const bool cancellable = on_cancellation(handler, std::move(tell));
    own->caller = waiter<outcome<T>>(std::move(handler));
    try {
      if (!cancellable) throw std::bad_alloc();
      on_end ended([own, there](const std::exception_ptr&, bool destroyed) noexcept {
        if (destroyed) return abandon(*own);
        try {
          asio::post(there, [own] {});  // the signal outlives the coroutine that it belongs to
        } catch (...) {                 // no memory: it is never freed
          own->kept = own;
        }
      });
      asio::co_spawn(there, run_errand(own, std::move(operation)),
                     asio::bind_cancellation_slot(own->stop.slot(), std::move(ended)));
    } catch (...) {  // no memory; what is thrown here would destroy the caller
      outcome<T> how;
      how.failure = std::current_exception();
      if (own->caller) own->caller(std::move(how));
    }
  };
  auto waiting = suspended<outcome<T>>(suspend);
  outcome<T> how = co_await std::move(waiting);
  if (how.failure) std::rethrow_exception(how.failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*how.value);
}

}  // namespace antiphon::detail
