#pragma once

#include "lib/saturating_time.hpp"

#include <antiphon/peer.hpp>
#include <antiphon/stall_report.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace antiphon::detail {

/// Notices handlers that don't get on. A state machine without I/O or a clock, there where it is asked for.
///
/// It is told when a handler starts and when it begins and ceases to await the peer, not when it ends: it
/// asks, when it looks.
class stall_watch {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr clock::time_point never = clock::time_point::max();

  explicit stall_watch(std::chrono::milliseconds limit) noexcept : limit_(limit) {}

  /// When to look next.
  clock::time_point look_at() const noexcept { return look_at_; }

  /// @param about gives a `stalled_handler` with what is known of a handler, none when it has ended
  /// @returns whether it is to look earlier than it was
  template <class About>
  bool started(lender who, clock::time_point now, About about) {
    if (running_.size() >= tidy_at_) {
      std::erase_if(running_, [&about](const running& one) { return !about(one.who); });
      tidy_at_ = std::max<std::size_t>(64, 2 * running_.size());
    }
    running_.push_back({who, now, never, false});
    return look_after_limit(now);
  }
  bool awaits(lender who, clock::time_point now) noexcept {
    if (running* one = find(who)) one->awaiting_since = now;
    return look_after_limit(now);
  }
  void goes_on(lender who) noexcept {
    if (running* one = find(who)) one->awaiting_since = never;
  }

  std::size_t size() const noexcept { return running_.size(); }

  /// What is to be reported now, if anything that wasn't reported before.
  template <class About>
  std::optional<stall_report> look(clock::time_point now, About about);

 private:
  struct running {
    lender who;
    clock::time_point since;
    clock::time_point awaiting_since;
    bool reported;
  };

  bool look_after_limit(clock::time_point now) noexcept {
    if (look_at_ != never) return false;
    look_at_ = look_for(now);
    return true;
  }
  clock::time_point after_limit(clock::time_point start) const noexcept { return after(start, limit_); }
  // A little late, so that what stalls at nearly the same time is reported at once.
  clock::time_point look_for(clock::time_point start) const noexcept {
    const auto due = after_limit(start);
    return never - due > limit_ / 8 ? due + limit_ / 8 : never;
  }
  running* find(lender who) noexcept {
    const auto found = std::find_if(running_.rbegin(), running_.rend(), [who](const running& one) {
      return one.who.call == who.call && one.who.generation == who.generation;
    });
    return found != running_.rend() ? &*found : nullptr;
  }

  std::chrono::milliseconds limit_;
  clock::time_point look_at_ = never;
  std::vector<running> running_;  // the oldest first; also some that have ended
  std::size_t tidy_at_ = 64;
  clock::time_point all_awaited_since_ = never;  // when that was reported
};

template <class About>
std::optional<stall_report> stall_watch::look(clock::time_point now, About about) {
  const auto whole = [now](clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - start);
  };
  stall_report report;
  std::vector<running> left;
  bool news = false;
  bool all_await = true;
  clock::time_point last_awaited = clock::time_point::min();
  look_at_ = never;
  for (running& one : running_) {
    std::optional<stalled_handler> handler = about(one.who);
    if (!handler) continue;
    const bool awaiting = one.awaiting_since != never;
    all_await = all_await && awaiting;
    last_awaited = std::max(last_awaited, one.awaiting_since);
    if (after_limit(one.since) <= now) {
      news = news || !one.reported;
      one.reported = true;
      handler->running = whole(one.since);
      if (awaiting) handler->awaiting = whole(one.awaiting_since);
      report.handlers.push_back(std::move(*handler));
    } else {
      look_at_ = std::min(look_at_, look_for(one.since));
    }
    left.push_back(one);
  }
  running_ = std::move(left);
  if (all_await && !running_.empty()) {
    report.all_await_peer = after_limit(last_awaited) <= now;
    // Which of them began to await last tells one such time from another.
    const bool known = last_awaited == all_awaited_since_;
    if (!report.all_await_peer) {
      look_at_ = std::min(look_at_, look_for(last_awaited));
    } else if (!known) {
      all_awaited_since_ = last_awaited;
      news = true;
    }
  }
  if (!news) return std::nullopt;
  // What stalls a little later can wait for as long: few reports of many, not many of few.
  if (look_at_ != never) look_at_ = std::max(look_at_, after_limit(now));
  return report;
}

}  // namespace antiphon::detail
