#include "lib/outbox.hpp"

#include <iterator>
#include <utility>

namespace antiphon::detail {

outbox::place outbox::file_answer() {
  const std::size_t size = first_.last_frame_size();
  if (size < large) return last();
  answer& filed = second_.emplace_back();
  try {
    first_.take_last_frame(filed.parts);
  } catch (...) {  // no memory: it stays where it is
    second_.pop_back();
    return last();
  }
  filed.bytes = size;
  second_bytes_ += size;
  return {true, second_done_ + second_taken_ + second_bytes_};
}

void outbox::take(std::vector<slice>& parts) {
  const std::size_t size = first_.pending();
  first_.take(parts);
  first_taken_ = size;
  while (!second_.empty() && (second_taken_ == 0 || second_taken_ + second_.front().bytes <= chunk)) {
    answer& next = second_.front();
    parts.insert(parts.end(), std::move_iterator(next.parts.begin()), std::move_iterator(next.parts.end()));
    second_taken_ += next.bytes;
    second_bytes_ -= next.bytes;
    second_.pop_front();
  }
}

std::size_t outbox::end_write(bool done) noexcept {
  const std::size_t first = std::exchange(first_taken_, 0);
  const std::size_t second = std::exchange(second_taken_, 0);
  if (done) {
    first_done_ += first;
    second_done_ += second;
  }
  return first + second;
}

}  // namespace antiphon::detail
