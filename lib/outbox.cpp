#include "lib/outbox.hpp"

#include <iterator>
#include <utility>

namespace antiphon::detail {

outbox::place outbox::file_answer(std::size_t unbounded) {
  const std::size_t size = first_.last_frame_size();
  if (size < large || !move_last(unbounded)) {
    first_answers_ += {size, unbounded};
    return last();
  }
  return {true, second_done_ + second_taken_ + second_waits_.bytes};
}

// To the second lane; false when there is no memory for that.
bool outbox::move_last(std::size_t unbounded) noexcept try {
  const std::size_t size = first_.last_frame_size();
  answer& filed = second_.emplace_back();
  try {
    first_.take_last_frame(filed.parts);
  } catch (...) {
    second_.pop_back();
    throw;
  }
  filed.size = {size, unbounded};
  second_waits_ += filed.size;
  return true;
} catch (...) {
  return false;
}

void outbox::take(std::vector<slice>& parts) {
  const std::size_t size = first_.pending();
  first_.take(parts);
  first_taken_ = size;
  answers_taken_ = std::exchange(first_answers_, {});
  while (!second_.empty() && (second_taken_ == 0 || second_taken_ + second_.front().size.bytes <= chunk)) {
    answer& next = second_.front();
    parts.insert(parts.end(), std::move_iterator(next.parts.begin()), std::move_iterator(next.parts.end()));
    second_taken_ += next.size.bytes;
    answers_taken_ += next.size;
    second_waits_ -= next.size;
    second_.pop_front();
  }
}

std::size_t outbox::end_write(bool done) noexcept {
  const std::size_t first = std::exchange(first_taken_, 0);
  const std::size_t second = std::exchange(second_taken_, 0);
  answers_taken_ = {};
  if (done) {
    first_done_ += first;
    second_done_ += second;
  }
  return first + second;
}

}  // namespace antiphon::detail
