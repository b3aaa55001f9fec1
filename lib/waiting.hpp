#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace antiphon::detail {

namespace asio = boost::asio;

/// A suspended coroutine that waits for `Result...`, or nobody. No allocation of its own.
///
/// Asio's handler for it has a name of Asio's own, so what it is stays hidden here.
template <class... Result>
class waiter {
 public:
  waiter() = default;
  template <class Handler>
    requires(!std::is_same_v<Handler, waiter>)
  explicit waiter(Handler handler) : does_(&of<Handler>) {
    static_assert(sizeof(Handler) <= room && alignof(Handler) <= alignof(std::max_align_t));
    ::new (static_cast<void*>(&memory_)) Handler(std::move(handler));
  }
  waiter(waiter&& other) noexcept { take(other); }
  waiter& operator=(waiter&& other) noexcept {
    if (this != &other) {
      clear();
      take(other);
    }
    return *this;
  }
  ~waiter() { clear(); }

  explicit operator bool() const noexcept { return does_ != nullptr; }
  asio::any_io_executor get_executor() const { return does_->executor(&memory_); }
  /// Lets it go on; it must be there, and is gone then.
  void operator()(Result... result) {
    // What goes on may want this place for itself.
    waiter gone(std::move(*this));
    gone.does_->resume(&gone.memory_, std::move(result)...);
  }
  /// Destroys the coroutine that waits.
  void clear() noexcept {
    if (does_ != nullptr) std::exchange(does_, nullptr)->destroy(&memory_);
  }

 private:
  static constexpr std::size_t room = 6 * sizeof(void*);

  struct operations {
    void (*resume)(void*, Result...);
    void (*move)(void* to, void* from) noexcept;
    void (*destroy)(void*) noexcept;
    asio::any_io_executor (*executor)(const void*);
  };
  template <class Handler>
  static constexpr operations of{
      [](void* self, Result... result) { std::move (*static_cast<Handler*>(self))(std::move(result)...); },
      [](void* to, void* from) noexcept {
        ::new (to) Handler(std::move(*static_cast<Handler*>(from)));
        std::destroy_at(static_cast<Handler*>(from));
      },
      [](void* self) noexcept { std::destroy_at(static_cast<Handler*>(self)); },
      [](const void* self) -> asio::any_io_executor {
        return asio::get_associated_executor(*static_cast<const Handler*>(self));
      },
  };

  void take(waiter& other) noexcept {
    does_ = std::exchange(other.does_, nullptr);
    if (does_ != nullptr) does_->move(&memory_, &other.memory_);
  }

  const operations* does_ = nullptr;
  alignas(std::max_align_t) std::byte memory_[room];
};

/// What a coroutine awaits that is to be resumed by hand: `suspend` is given its handler, once it sleeps.
template <class... Result, class Suspend>
auto suspended(Suspend suspend) {
  return asio::async_initiate<const asio::deferred_t, void(Result...)>(std::move(suspend), asio::deferred);
}

/// Resumes `who` with `result` on its own executor, from there at the earliest once the caller has returned.
template <class Result>
void resume_later(waiter<Result> who, Result result) {
  auto executor = who.get_executor();
  asio::post(executor,
             [who = std::move(who), result = std::move(result)]() mutable { who(std::move(result)); });
}

/// The same, or nothing where there is no memory for it: false, and `who` still waits.
template <class Result>
bool try_resume_later(waiter<Result>& who, Result result) noexcept {
  // What a post has taken it doesn't give back when it fails.
  std::shared_ptr<waiter<Result>> kept;
  try {
    auto executor = who.get_executor();
    kept = std::make_shared<waiter<Result>>(std::move(who));
    asio::post(executor, [kept, result = std::move(result)]() mutable { (*kept)(std::move(result)); });
    return true;
  } catch (...) {
    if (kept) who = std::move(*kept);
    return false;
  }
}

/// What is called once a coroutine has ended, also where it doesn't end by itself: Asio destroys one for
/// whose wait there is no memory, and an io_context those that are left in it.
///
///     asio::co_spawn(executor, work(), on_end([](std::exception_ptr failure, bool destroyed) noexcept
///     {...}));
template <class Then>
class on_end {
 public:
  explicit on_end(Then then) : then_(std::move(then)) {}
  on_end(on_end&& other) noexcept
      : then_(std::move(other.then_)), armed_(std::exchange(other.armed_, false)) {}
  on_end& operator=(on_end&&) = delete;
  ~on_end() {
    if (armed_) then_(nullptr, true);
  }
  /// By co_spawn; with a result where the coroutine has one.
  template <class... Result>
  void operator()(const std::exception_ptr& failure, const Result&...) {
    armed_ = false;
    then_(failure, false);
  }

 private:
  Then then_;
  bool armed_ = true;
};

/// Room for one more, so that the adding can't fail: what throws while a coroutine is put to sleep destroys
/// it.
template <class Container>
void make_room(Container& in) {
  if (in.size() == in.capacity()) in.reserve(2 * in.size() + 4);
}

/// Has `what` called when the coroutine behind `handler` is cancelled. False where there is no memory for it.
template <class Handler, class What>
bool on_cancellation(const Handler& handler, What what) noexcept {
  auto slot = asio::get_associated_cancellation_slot(handler);
  if (!slot.is_connected()) return true;
  try {
    slot.assign(std::move(what));
    return true;
  } catch (...) {
    return false;
  }
}

/// One coroutine waits until another one, on the same serial executor, opens the gate; it then goes on inside
/// `open`. An opening that nobody waits for is kept for the next who comes:
///
///     if (!gate.pass()) co_await gate.wait();
class gate {
 public:
  bool pass() noexcept { return std::exchange(open_, false); }
  auto wait() {
    return suspended<>([this](auto handler) { waiter_ = waiter<>(std::move(handler)); });
  }
  void open() noexcept {
    if (!waiter_) {
      open_ = true;
      return;
    }
    try {
      waiter_();
    } catch (...) {  // it went on and is gone, for want of memory: see on_end
    }
  }
  /// Destroys the coroutine that waits.
  void abandon() noexcept { waiter_.clear(); }

 private:
  waiter<> waiter_;
  bool open_ = false;
};

}  // namespace antiphon::detail
