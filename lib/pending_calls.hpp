#pragma once

#include "lib/waiting.hpp"

#include <antiphon/peer.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace antiphon::detail {

/// Outgoing calls that wait for their answer, by id.
///
/// A state machine without I/O: the connection tells it what happened and resumes who waited. Ids count up
/// from 1 and index the table directly; an id whose place is still taken by an older call is skipped, so each
/// one is unique among those in flight and below 2^53, which JavaScript peers need. No allocation once it has
/// grown to the number of calls in flight.
class pending_calls {
 public:
  using clock = std::chrono::steady_clock;

  struct entry {
    std::uint64_t id = 0;  // 0: free
    detail::waiter<reply> waiter;
    std::optional<reply> early;  // the answer, when it came before anyone waited
    lender from;
    bool lent = false;
    bool sent = false;
    std::size_t deadline_at = no_deadline;  // place in deadlines_
    clock::time_point deadline;
  };

  /// A new call under a new id. References stay valid until the next `add`.
  entry& add();
  /// The call in flight under `id`; null when there is none.
  entry* find(std::uint64_t id) noexcept;
  /// Whether `id` was given to a call once.
  bool issued(std::uint64_t id) const noexcept { return id > 0 && id < next_id_; }
  void remove(entry& call) noexcept;
  std::size_t size() const noexcept { return size_; }

  void set_deadline(entry& call, clock::time_point when);
  void clear_deadline(entry& call) noexcept;
  /// When the earliest deadline is; none when no call has one.
  std::optional<clock::time_point> next_deadline() const noexcept;
  /// A call whose deadline is at `now` or before; null when there is none.
  entry* expired(clock::time_point now) noexcept;

  /// The ids in flight, the oldest first.
  std::vector<std::uint64_t> ids() const;
  /// Any call in flight; null when there is none.
  entry* any() noexcept;

 private:
  static constexpr std::size_t no_deadline = static_cast<std::size_t>(-1);

  std::size_t place(std::uint64_t id) const noexcept { return id & (table_.size() - 1); }
  void grow();
  void sift(std::size_t at) noexcept;
  void put(std::size_t at, std::uint64_t id) noexcept;
  bool earlier(std::size_t a, std::size_t b) noexcept;

  std::vector<entry> table_;  // a power of two in size, or empty before the first call
  std::size_t size_ = 0;
  std::uint64_t next_id_ = 1;
  std::vector<std::uint64_t> deadlines_;  // binary heap of ids, the earliest first
};

}  // namespace antiphon::detail
