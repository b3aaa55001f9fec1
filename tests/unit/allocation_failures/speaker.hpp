#pragma once

#include "tests/unit/allocation_failures/books.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace test {

/// What can be said to a peer, each with its place in the books.
class speaker {
 public:
  explicit speaker(books& in) noexcept : books_(in) {}

  /// A call that is answered with `expected`.
  template <class Result, class... Args>
  awaitable<void> ask(antiphon::peer to, Result expected, const char* method, const Args&... args) const {
    return call(expect(to.try_call<Result>(method, args...), std::move(expected)));
  }
  /// A call whose answer, if any, comes into `answer`.
  template <class Result, class... Args>
  awaitable<void> ask_into(std::optional<Result>& answer, antiphon::peer to, const char* method,
                           const Args&... args) const {
    return call(keep(to.try_call<Result>(method, args...), answer));
  }
  /// A call that ends with an error; without memory for others it may be answered.
  template <class... Args>
  awaitable<void> ask_in_vain(antiphon::peer to, antiphon::error_code due, antiphon::call_options options,
                              const char* method, const Args&... args) const {
    return call(expect_error(to.try_call<int>(options, method, args...), due));
  }
  template <class... Args>
  awaitable<void> tell(antiphon::peer to, const char* method, const Args&... args) const {
    return call(finish(to.notify(method, args...)));
  }
  /// A call that is cancelled while it waits for its answer, as soon as `meanwhile` is over.
  template <class... Args>
  awaitable<void> ask_and_cancel(antiphon::peer to, awaitable<void> meanwhile, const char* method,
                                 const Args&... args) const {
    return cancel(ask_in_vain(std::move(to), antiphon::errc::cancelled, {}, method, args...),
                  std::move(meanwhile));
  }

  awaitable<void> call(awaitable<bool> what) const { return entered(books_.calls, std::move(what)); }
  books& in() const noexcept { return books_; }

  /// Beside whoever begins it.
  static awaitable<void> beside(awaitable<void> what) {
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, std::move(what), [](std::exception_ptr) {});
  }

 private:
  template <class Result>
  awaitable<bool> expect(awaitable<antiphon::call_result<Result>> calling, Result expected) const {
    const auto result = co_await std::move(calling);
    if (result.has_value() && *result != expected) ++books_.answers_wrong;
    co_return result.has_value();
  }
  template <class Result>
  static awaitable<bool> keep(awaitable<antiphon::call_result<Result>> calling,
                              std::optional<Result>& answer) {
    auto result = co_await std::move(calling);
    if (result.has_value()) answer = *result;
    co_return result.has_value();
  }
  awaitable<bool> expect_error(awaitable<antiphon::call_result<int>> calling,
                               antiphon::error_code due) const {
    const auto result = co_await std::move(calling);
    co_return result.has_error() && result.error().code == due;
  }
  static awaitable<bool> finish(awaitable<void> telling) {
    co_await std::move(telling);
    co_return true;
  }
  static awaitable<void> cancel(awaitable<void> asking, awaitable<void> meanwhile) {
    const auto executor = co_await asio::this_coro::executor;
    auto stop = std::make_shared<asio::cancellation_signal>();
    asio::co_spawn(executor, std::move(asking),
                   asio::bind_cancellation_slot(stop->slot(), [stop](std::exception_ptr) {}));
    co_await std::move(meanwhile);
    stop->emit(asio::cancellation_type::terminal);
  }

  books& books_;
};

}  // namespace test
