#pragma once

#include <antiphon/relay/topics.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

namespace antiphon::relay {

/// What waits for one subscriber, bounded by count and bytes. A state machine without I/O.
class subscriber_queue {
 public:
  using message = std::shared_ptr<const topic_message>;

  explicit subscriber_queue(const topic_limits& limits) : limits_(limits) {}

  /// Whether a message of so many bytes may be put in: one that is larger than the bound itself may, alone.
  bool has_room(std::size_t bytes) const noexcept {
    if (waiting_.empty()) return true;
    return waiting_.size() < limits_.max_queued && bytes_ + bytes <= limits_.max_queued_bytes;
  }
  void push(message one) {
    const std::size_t bytes = one->size();
    waiting_.push_back(std::move(one));
    bytes_ += bytes;
    most_ = std::max(most_, waiting_.size());
  }
  /// Drops the oldest until there is room. How many it took.
  std::size_t make_room(std::size_t bytes) noexcept {
    std::size_t dropped = 0;
    for (; !has_room(bytes); ++dropped) static_cast<void>(pop());
    return dropped;
  }
  /// The oldest; null when nothing waits.
  message pop() noexcept {
    if (waiting_.empty()) return nullptr;
    message oldest = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= oldest->size();
    return oldest;
  }
  std::size_t clear() noexcept {
    const std::size_t dropped = waiting_.size();
    waiting_.clear();  // a std::deque that is moved or made asks for memory
    bytes_ = 0;
    return dropped;
  }
  bool empty() const noexcept { return waiting_.empty(); }
  std::size_t size() const noexcept { return waiting_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t most() const noexcept { return most_; }

 private:
  topic_limits limits_;
  std::deque<message> waiting_;
  std::size_t bytes_ = 0;
  std::size_t most_ = 0;
};

}  // namespace antiphon::relay
