#pragma once

#include "lib/deadline_heap.hpp"
#include "lib/waiting.hpp"

#include <antiphon/peer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace antiphon::detail {

class transit;

/// Outgoing calls that wait for their answer, by id.
///
/// A state machine without I/O: the connection tells it what happened and resumes who waited. Ids count up
/// from 1 and index a table directly; an id whose place is still taken by an older call is skipped, so each
/// one is unique among those in flight and below 2^53, which JavaScript peers need. The calls themselves lie
/// in a slab and stay where they are until they end, whatever is added. No allocation once it has grown to
/// the number of calls in flight.
class pending_calls {
 public:
  using clock = std::chrono::steady_clock;

  class entry {
   public:
    std::uint64_t id = 0;  // 0: free
    clock::time_point deadline = clock::time_point::max();
    detail::waiter<reply> waiter;
    /// A batch's call has a place for its answer, which may come before anyone waits.
    std::unique_ptr<std::optional<reply>> early;
    lender from;
    /// A request that a relay forwards, which is told instead of a waiter.
    transit* through = nullptr;
    bool lent = false;
    bool sent = false;

    bool answered() const noexcept { return early != nullptr && early->has_value(); }
    /// Why it has ended without an answer, where it has: its waiter is to be told.
    const error_code& ended() const noexcept { return ended_; }

   private:
    friend class pending_calls;
    error_code ended_;
    entry* next_ = nullptr;  // among those that are free, or that have ended
  };

  /// A new call under a new id. References stay valid until it is removed.
  entry& add() {
    if (size_ * 2 >= table_.size()) grow();
    if (free_ == nullptr) add_chunk();
    while (table_[place(next_id_)] != nullptr) ++next_id_;
    entry& call = *free_;
    free_ = call.next_;
    table_[place(next_id_)] = &call;
    call.id = next_id_++;
    ++size_;
    return call;
  }
  /// The call in flight under `id`; null when there is none.
  entry* find(std::uint64_t id) noexcept {
    if (table_.empty()) return nullptr;
    entry* call = table_[place(id)];
    return call != nullptr && call->id == id ? call : nullptr;
  }
  /// Whether `id` was given to a call once.
  bool issued(std::uint64_t id) const noexcept { return id > 0 && id < next_id_; }
  void remove(entry& call) noexcept {
    table_[place(call.id)] = nullptr;
    --size_;
    call.id = 0;
    call.deadline = clock::time_point::max();
    call.from = {};
    call.through = nullptr;
    if (first_ended_ == &call) first_ended_ = call.next_;
    call.ended_ = error_code();
    call.lent = call.sent = false;
    call.early.reset();
    // Last: with a coroutine that waits, its frame goes, and what that holds may come back here.
    auto gone = std::move(call.waiter);
    call.next_ = free_;
    free_ = &call;
  }
  std::size_t size() const noexcept { return size_; }

  void set_deadline(entry& call, clock::time_point when);
  void clear_deadline(entry& call) noexcept { call.deadline = clock::time_point::max(); }
  /// When the earliest deadline is; none when no call has one.
  std::optional<clock::time_point> next_deadline();
  /// A call whose deadline is at `now` or before, of several the earliest; null when there is none.
  entry* expired(clock::time_point now);

  /// It gets no answer any more; it stays until it is removed. In the order in which they have ended, they
  /// are `first_ended` one after the other, and may be removed only in that order.
  void end(entry& call, error_code why) noexcept;
  entry* first_ended() noexcept { return first_ended_; }

  /// The calls in flight one after the other, the oldest first: null after the last one. Any of them may be
  /// removed meanwhile, but none added.
  /// @param at 0 at first
  entry* next(std::size_t& at) noexcept {
    while (at < table_.size()) {
      if (entry* call = table_[place(next_id_ + at++)]) return call;
    }
    return nullptr;
  }
  /// With the coroutines that wait, which are destroyed. None may be added meanwhile.
  void remove_all() noexcept;

 private:
  std::size_t place(std::uint64_t id) const noexcept { return id & (table_.size() - 1); }
  void grow();
  void add_chunk();
  auto due_at() noexcept {
    return [this](std::uint64_t id) {
      const entry* call = find(id);
      return call != nullptr ? call->deadline : clock::time_point::max();
    };
  }

  std::vector<entry*> table_;  // a power of two in size, or empty before the first call
  std::vector<std::unique_ptr<entry[]>> chunks_;
  entry* free_ = nullptr;
  entry* first_ended_ = nullptr;
  entry* last_ended_ = nullptr;  // where there is a first
  std::size_t size_ = 0;
  std::uint64_t next_id_ = 1;
  std::unique_ptr<deadline_heap<std::uint64_t>> deadlines_;  // once there is one
};

}  // namespace antiphon::detail
