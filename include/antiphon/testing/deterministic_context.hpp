#pragma once

#include <antiphon/testing/seeds.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon::testing {

/// Where whole conversations run in an order drawn by lot, and in virtual time: in place of an io_context.
///
/// Of the handlers that are ready any may be next, and timers that are due are noticed sooner or later, as
/// the seed has it; a run with the same seed is the same run. That is more than a strand allows, which keeps
/// the order in which one thread posts: what holds here holds there. A handler that runs takes a little
/// virtual time; when none is ready, time goes on as in `virtual_time::run`. With seed 0 handlers run in the
/// order in which they became ready and take no time.
///
/// On one thread, which has no other `virtual_time`. What it runs has to be in memory: no descriptors, no
/// other threads. Its executor is serial; endpoints, `asio::steady_timer` and coroutines work on it as on an
/// io_context's. Handlers that haven't run are destroyed with it.
class deterministic_context {
 public:
  class executor_type;

  /// @throws std::logic_error as `virtual_time`
  explicit deterministic_context(std::uint64_t seed = 0);
  deterministic_context(const deterministic_context&) = delete;
  deterministic_context& operator=(const deterministic_context&) = delete;
  ~deterministic_context();

  executor_type get_executor() noexcept;

  /// Runs handlers until there is no work left, as `io_context::run` does. Throws what a handler throws, and
  /// may be called again then.
  /// @param limit of virtual time
  /// @return false when it stalls: `limit` is over, or ten million handlers have run and there was always
  ///         another one
  bool run(std::chrono::nanoseconds limit = std::chrono::hours(1));
  /// Runs one handler that is ready; time doesn't go on for it. False when none is.
  bool run_one();

  /// How much virtual time has passed since it was made.
  std::chrono::nanoseconds elapsed() const noexcept { return time_.elapsed(); }
  /// Handlers run so far. Two runs with the same seed have the same number.
  std::uint64_t handlers_run() const noexcept { return handlers_run_; }

 private:
  struct job {
    virtual ~job() = default;
    virtual void run() = 0;
  };
  template <class Function>
  struct job_of final : job {
    template <class From>
    // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): none of these is copied
    explicit job_of(From&& from) : function(std::forward<From>(from)) {}
    void run() override { std::move(function)(); }
    Function function;
  };

  void add(std::unique_ptr<job> what);
  void gather();
  void gather_due();
  void run_ready();

  virtual_time time_;
  dice dice_;
  bool by_lot_;
  bool running_ = false;
  bool destroyed_ = false;
  std::uint64_t handlers_run_ = 0;
  std::size_t tracked_ = 0;  // executors that count as work
  std::exception_ptr failure_;
  std::vector<std::unique_ptr<job>> ready_;
  std::size_t first_ready_ = 0;  // those before it have run, where they run in order
  asio::io_context io_;          // last: what waits in its timers may have handlers in all of the others
};

/// Satisfies `asio::any_io_executor`. All of a context's are equal to each other, but for their properties.
class deterministic_context::executor_type {
 public:
  executor_type(const executor_type& other) noexcept
      : executor_type(other.context_, other.possibly_, other.tracked_) {}
  executor_type& operator=(executor_type other) noexcept {
    std::swap(context_, other.context_);
    std::swap(possibly_, other.possibly_);
    std::swap(tracked_, other.tracked_);
    return *this;
  }
  ~executor_type() {
    if (tracked_) --context_->tracked_;
  }
  bool operator==(const executor_type&) const noexcept = default;

  template <class Function>
  void execute(Function&& function) const {
    using stored = std::decay_t<Function>;
    if (!possibly_ || !context_->running_) {
      context_->add(std::make_unique<job_of<stored>>(std::forward<Function>(function)));
      return;
    }
    try {
      stored now(std::forward<Function>(function));
      std::move(now)();
    } catch (...) {  // it is thrown by `run`, as by an io_context's
      if (!context_->failure_) context_->failure_ = std::current_exception();
    }
  }

  asio::execution_context& query(asio::execution::context_t) const noexcept { return context_->io_; }
  asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept {
    if (possibly_) return asio::execution::blocking_t::possibly;
    return asio::execution::blocking_t::never;
  }
  asio::execution::outstanding_work_t query(asio::execution::outstanding_work_t) const noexcept {
    if (tracked_) return asio::execution::outstanding_work_t::tracked;
    return asio::execution::outstanding_work_t::untracked;
  }
  executor_type require(asio::execution::blocking_t::possibly_t) const noexcept {
    return {context_, true, tracked_};
  }
  executor_type require(asio::execution::blocking_t::never_t) const noexcept {
    return {context_, false, tracked_};
  }
  executor_type require(asio::execution::outstanding_work_t::tracked_t) const noexcept {
    return {context_, possibly_, true};
  }
  executor_type require(asio::execution::outstanding_work_t::untracked_t) const noexcept {
    return {context_, possibly_, false};
  }

 private:
  friend class deterministic_context;
  executor_type(deterministic_context* context, bool possibly, bool tracked) noexcept
      : context_(context), possibly_(possibly), tracked_(tracked) {
    if (tracked_) ++context_->tracked_;
  }

  deterministic_context* context_;
  bool possibly_;  // it may run at once what it is given by a handler
  bool tracked_;
};

inline deterministic_context::executor_type deterministic_context::get_executor() noexcept {
  return {this, true, false};
}

}  // namespace antiphon::testing
