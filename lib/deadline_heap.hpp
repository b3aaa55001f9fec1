#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace antiphon::detail {

/// What is due when, the earliest first. A data structure without a clock or a timer of its own.
///
/// It isn't told when something is no longer due or is due later: it asks before it says that something is.
/// So nearly everything, which ends before its time, costs one addition, and to move a deadline costs
/// nothing. What is out of date is thrown away when there is as much of it again as there was of the rest.
template <class Key>
class deadline_heap {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr clock::time_point never = clock::time_point::max();

  struct due {
    clock::time_point when;
    Key key;
  };

  /// @param due_at tells of a key when it is due as things stand, `never` when it is not any more. Not before
  ///        the time that it was last added with.
  template <class DueAt>
  void add(clock::time_point when, Key key, DueAt due_at) {
    if (heap_.size() >= tidy_at_) tidy(due_at);
    heap_.push_back({when, key});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  /// What is due first; null when nothing is.
  template <class DueAt>
  const due* first(DueAt due_at) {
    while (!heap_.empty()) {
      due& front = heap_.front();
      const auto when = due_at(front.key);
      if (when <= front.when) return &front;
      std::pop_heap(heap_.begin(), heap_.end(), later);
      if (when == never) {
        heap_.pop_back();
      } else {
        heap_.back().when = when;
        std::push_heap(heap_.begin(), heap_.end(), later);
      }
    }
    return nullptr;
  }

  /// Removes what `first` returned.
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }

 private:
  static constexpr std::size_t fewest = 16;

  static bool later(const due& a, const due& b) noexcept { return a.when > b.when; }

  template <class DueAt>
  void tidy(DueAt due_at) {
    std::erase_if(heap_, [&due_at](due& one) {
      const auto when = due_at(one.key);
      one.when = std::max(one.when, when);
      return when == never;
    });
    std::make_heap(heap_.begin(), heap_.end(), later);
    tidy_at_ = std::max(fewest, 2 * heap_.size());
    heap_.reserve(tidy_at_);
  }

  std::vector<due> heap_;
  std::size_t tidy_at_ = 0;
};

}  // namespace antiphon::detail
