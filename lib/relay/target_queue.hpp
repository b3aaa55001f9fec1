#pragma once

#include "lib/relay/passage.hpp"

#include <antiphon/relay/target.hpp>

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <cstddef>

namespace antiphon::relay::detail {

/// The messages that wait for one target, in their order.
class target_queue {
 public:
  /// @param bounds live as long as this
  explicit target_queue(const target_options& bounds) noexcept : bounds_(bounds) {}

  bool full() const noexcept {
    return waiting_.size() >= bounds_.max_queued || bytes_ >= bounds_.max_queued_bytes;
  }
  void push(passage& one) noexcept {
    waiting_.push_back(one);
    bytes_ += one.bytes;
    peak_ = std::max(peak_, waiting_.size());
  }
  passage& front() noexcept { return waiting_.front(); }
  /// It doesn't wait any more, nor does whoever sent it.
  void take(passage& one) noexcept {
    waiting_.erase(waiting_.iterator_to(one));
    bytes_ -= one.bytes;
    one.let_go();
  }
  bool empty() const noexcept { return waiting_.empty(); }
  std::size_t size() const noexcept { return waiting_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  /// The most that ever waited.
  std::size_t peak() const noexcept { return peak_; }

 private:
  const target_options& bounds_;
  boost::intrusive::list<passage> waiting_;
  std::size_t bytes_ = 0;
  std::size_t peak_ = 0;
};

}  // namespace antiphon::relay::detail
