#pragma once

#include <antiphon/endpoint_options.hpp>

#include <boost/container/devector.hpp>
#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace antiphon::detail {

/// Which messages may run: permits, the queue, order. A state machine without I/O; every state change of
/// in-flight work happens here.
///
/// Requests take a permit for their handler's life, and lend it while the handler awaits the peer. Messages
/// start in arrival order, with two exceptions: while a request waits for a permit, notifications pass it,
/// since the limit is none of theirs; and nothing starts behind a running `ordered` message.
///
/// A lent permit that comes back is taken at once, even when another handler holds it meanwhile: the count is
/// then above the limit for a while and no request starts until it has fallen. Waiting for a free permit
/// could wait for a handler that waits for this one.
class processor {
 public:
  enum class state : std::uint8_t { idle, queued, running, lent };

  struct item : boost::intrusive::list_base_hook<> {
    bool request = false;
    bool ordered = false;
    bool immediate = false;
    processor::state state = processor::state::idle;
    std::size_t bytes = 0;  // of memory held; see hold
    std::uint64_t arrival = 0;
  };

  explicit processor(const endpoint_options& options) noexcept
      : max_in_flight_(bounded(std::max<std::size_t>(options.max_in_flight, 1))),
        max_in_flight_bytes_(bounded(std::max<std::size_t>(options.max_in_flight_bytes, 1))),
        max_queued_(bounded(options.max_queued)),
        max_queued_bytes_(bounded(options.max_queued_bytes)),
        waits_(options.overload == overload::wait) {}

  /// Whether a message that has just arrived starts at once.
  /// @param requests_open whether requests may start at all (output isn't backed up)
  bool starts_now(const item& message, bool requests_open) const noexcept;
  /// Whether one more request is beyond running and waiting ones together, or what waits is too large.
  bool overloaded() const noexcept {
    return in_flight_ + requests_.size() >= max_in_flight_ + max_queued_ ||
           queued_bytes_ >= max_queued_bytes_;
  }
  /// Whether reading should pause until something has started.
  bool full() const noexcept;
  /// The same where requests are turned away: only notifications can make it so.
  bool full_of_notifications() const noexcept { return queued_bytes_ >= 2 * max_queued_bytes_; }
  /// Beyond this even a reader that has reason to go on takes no more requests, or no more of anything.
  bool requests_exhausted() const noexcept;
  bool exhausted() const noexcept { return queued_bytes_ >= 3 * max_queued_bytes_; }

  void start(item& message);
  /// A message that is about to wait, or that runs, keeps so much memory until it ends. Once at most.
  void hold(item& message, std::size_t bytes) noexcept;
  void enqueue(item& message);
  /// Takes the next message that may start out of the queue and starts it; null when there is none.
  item* next(bool requests_open);
  /// A message that waits; null when none does.
  item* any_queued() noexcept;
  /// The request that has waited longest; null when none does.
  item* queued_request() noexcept { return requests_.empty() ? nullptr : &requests_.front(); }
  /// A queued message will not run.
  void drop(item& message);
  /// A running message has ended.
  void finish(item& message);
  void release_order(item& message) noexcept;
  /// The handler awaits the peer. False when too many do: the permit is kept.
  bool lend(item& message) noexcept;
  void reclaim(item& message) noexcept;

  /// Nothing runs and nothing waits.
  bool idle() const noexcept { return running_ == 0 && queued() == 0; }
  std::size_t in_flight() const noexcept { return in_flight_; }
  std::size_t limit() const noexcept { return max_in_flight_; }
  std::size_t queued() const noexcept { return requests_.size() + notifications_.size(); }
  std::size_t queued_requests() const noexcept { return requests_.size(); }
  std::size_t queued_bytes() const noexcept { return queued_bytes_; }
  std::size_t in_flight_peak() const noexcept { return in_flight_peak_; }
  std::size_t queued_peak() const noexcept { return queued_peak_; }

 private:
  using queue = boost::intrusive::list<item>;

  bool may_pass_requests(const item& notification) const noexcept;
  void unlink(item& message);

  // So that sums and small multiples don't overflow.
  static std::size_t bounded(std::size_t option) noexcept { return std::min(option, std::size_t{1} << 60); }
  bool may_start(const item& message, bool requests_open) const noexcept;

  std::size_t max_in_flight_;
  std::size_t max_in_flight_bytes_;
  std::size_t max_queued_;
  std::size_t max_queued_bytes_;
  bool waits_;  // rather than rejects

  std::size_t in_flight_ = 0;  // permits taken
  std::size_t running_bytes_ = 0;
  std::size_t lent_bytes_ = 0;
  std::size_t running_ = 0;  // handlers that have started and not ended, of every kind
  std::size_t lent_ = 0;
  item* barrier_ = nullptr;  // the ordered message that nothing passes
  queue requests_;
  queue notifications_;
  boost::container::devector<std::uint64_t>
      ordered_requests_;  // arrivals of those among requests_ that nothing may pass
  std::size_t queued_bytes_ = 0;
  std::uint64_t arrivals_ = 0;
  std::size_t in_flight_peak_ = 0;
  std::size_t queued_peak_ = 0;
};

// Inline: what every message goes through.

inline bool processor::may_start(const item& message, bool requests_open) const noexcept {
  // Memory is bounded for all; requests feel it earlier, so that they can't hold notifications up.
  if (!message.request) return running_bytes_ < 2 * max_in_flight_bytes_;
  return requests_open && in_flight_ < max_in_flight_ && running_bytes_ < max_in_flight_bytes_;
}

inline bool processor::starts_now(const item& message, bool requests_open) const noexcept {
  if (message.immediate) return true;
  if (barrier_ != nullptr || !notifications_.empty()) return false;
  if (message.request) return requests_.empty() && may_start(message, requests_open);
  return ordered_requests_.empty() && may_start(message, requests_open);
}

inline void processor::start(item& message) {
  message.state = state::running;
  ++running_;
  running_bytes_ += message.bytes;
  if (message.immediate) return;
  if (message.request) {
    ++in_flight_;
    in_flight_peak_ = std::max(in_flight_peak_, in_flight_);
  }
  if (message.ordered) barrier_ = &message;
}

inline void processor::release_order(item& message) noexcept {
  if (barrier_ == &message) barrier_ = nullptr;
}

inline void processor::finish(item& message) {
  if (message.state == state::lent) reclaim(message);
  message.state = state::idle;
  --running_;
  running_bytes_ -= message.bytes;
  if (message.immediate) return;
  if (message.request) --in_flight_;
  release_order(message);
}

}  // namespace antiphon::detail
