#pragma once

#include "lib/saturating_time.hpp"

#include <antiphon/endpoint_options.hpp>
#include <antiphon/error.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace antiphon::detail {

/// Notices that nothing moves, or that the rest of a message doesn't come. A state machine without I/O or a
/// clock: traffic leaves times behind, at which it looks when something may be due.
class silence_watch {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr clock::time_point never = clock::time_point::max();

  explicit silence_watch(const endpoint_options& options) noexcept
      : partial_(options.partial_message_timeout), idle_(options.idle_timeout) {}

  /// Whether there is any limit; if not, it need be told nothing.
  bool limits() const noexcept { return partial_.count() > 0 || idle_.count() > 0; }
  /// When to look next.
  clock::time_point look_at() const noexcept { return look_at_; }

  /// Bytes came or went.
  void moved(clock::time_point now) noexcept { moved_at_ = now; }
  /// The reader waits for the rest of a message, until it has one.
  void waits_for_rest(clock::time_point now) noexcept { partial_since_ = now; }
  void has_message() noexcept { partial_since_ = never; }
  bool partial() const noexcept { return partial_since_ != never; }

  /// @param busy it is for us to do something
  /// @returns why the connection is to end
  std::optional<errc> look(clock::time_point now, bool busy) noexcept {
    look_at_ = never;
    if (partial_.count() > 0) {
      const auto due = after(partial() ? partial_since_ : now, partial_);
      if (due <= now) return errc::message_timed_out;
      look_at_ = due;
    }
    if (idle_.count() > 0) {
      const auto due = after(busy ? now : moved_at_, idle_);
      if (due <= now) return errc::idle_timed_out;
      look_at_ = std::min(look_at_, due);
    }
    return std::nullopt;
  }

 private:
  std::chrono::milliseconds partial_;
  std::chrono::milliseconds idle_;
  clock::time_point look_at_ = never;
  clock::time_point moved_at_{};
  clock::time_point partial_since_ = never;
};

}  // namespace antiphon::detail
