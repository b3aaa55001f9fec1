#pragma once

#include "lib/outbox.hpp"
#include "lib/waiting.hpp"

#include <antiphon/error.hpp>

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

namespace antiphon::detail {

/// Who waits until what he sent is written, or until there is room for what he would send. Knows who goes on;
/// somebody else lets him. No I/O.
class write_waiters {
 public:
  /// What for: that a lane of the outbox is written up to some position, or that so many bytes are and there
  /// is room.
  enum class line : std::uint8_t { first_lane, second_lane, room };

  // Not a bare error_code: Asio would throw that.
  struct outcome {
    error_code error;
  };
  /// Stands in the frame of who waits, so that his waiting takes no memory; leaves the line with him.
  struct place
      : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    std::uint64_t id = 0;
    std::uint64_t position = 0;
    waiter<outcome> who;
    error_code given_up;
  };

  /// @param most bytes that `out` has while there is room
  write_waiters(const outbox& out, std::size_t most) noexcept : out_(out), most_(most) {}

  std::uint64_t next_id() noexcept { return ++so_far_; }
  bool written(line which, std::uint64_t position) const noexcept {
    return position <=
           (which == line::room ? out_.total_written() : out_.written_of(which == line::second_lane));
  }

  void join(line which, place& one) noexcept {
    // By position; nearly always at the end.
    auto& waiting = of(which);
    auto at = waiting.end();
    while (at != waiting.begin() && std::prev(at)->position > one.position) --at;
    waiting.insert(at, one);
  }
  /// He goes on, and is told why. False when he doesn't wait any more, or was given up already.
  bool give_up(line which, std::uint64_t id, error_code why) noexcept {
    auto& waiting = of(which);
    const auto found = std::ranges::find(waiting, id, &place::id);
    if (found == waiting.end() || found->given_up) return false;
    found->given_up = why;
    ++given_up_;
    return true;
  }
  /// Nothing will be written any more: they all go on, and are told the first reason.
  void fail(error_code why) noexcept {
    if (!failure_) failure_ = why;
  }

  /// Whether `release` is to be called.
  bool may_go_on() const noexcept {
    return failure_ || first_goes_on(line::first_lane) || first_goes_on(line::second_lane) ||
           first_goes_on(line::room);
  }
  /// Calls `resume` for all who go on.
  template <class Resume>
  void release(Resume resume) {
    for (const line which : {line::first_lane, line::second_lane, line::room}) {
      auto& waiting = of(which);
      const auto go_on = [&](place& one) {
        error_code error = one.given_up ? one.given_up : failure_;
        if (written(which, one.position)) error = {};  // before either
        if (one.given_up) --given_up_;
        one.unlink();
        resume(std::move(one.who), outcome{error});
      };
      // Whoever goes on may wait again, so each is looked for anew.
      while (first_goes_on(which)) go_on(waiting.front());
      while (given_up_ > 0) {
        const auto found =
            std::ranges::find_if(waiting, [](const auto& one) { return one.given_up.failed(); });
        if (found == waiting.end()) break;
        go_on(*found);
      }
    }
  }
  /// Destroys the coroutines that wait.
  void abandon() noexcept {
    for (auto& waiting : lines_) {
      while (!waiting.empty()) {
        const auto who = std::move(waiting.front().who);  // destroyed, and with it the frame
        waiting.pop_front();
      }
    }
  }

 private:
  using queue = boost::intrusive::list<place, boost::intrusive::constant_time_size<false>>;

  queue& of(line which) noexcept { return lines_[static_cast<std::size_t>(which)]; }
  const queue& of(line which) const noexcept { return lines_[static_cast<std::size_t>(which)]; }
  // That of several who wait for room none goes on for whom the others leave none keeps it to work in
  // proportion.
  bool first_goes_on(line which) const noexcept {
    const queue& waiting = of(which);
    if (waiting.empty()) return false;
    if (failure_) return true;
    return written(which, waiting.front().position) && (which != line::room || out_.backlog() <= most_);
  }

  const outbox& out_;
  std::size_t most_;
  std::array<queue, 3> lines_;  // in order of position
  std::uint64_t so_far_ = 0;
  std::size_t given_up_ = 0;  // of those that wait
  error_code failure_;
};

}  // namespace antiphon::detail
