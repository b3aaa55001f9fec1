#include "lib/processor.hpp"

#include <algorithm>

namespace antiphon::detail {

bool processor::may_pass_requests(const item& notification) const noexcept {
  return ordered_requests_.empty() || notification.arrival < ordered_requests_.front();
}

bool processor::full() const noexcept {
  // Where requests are rejected, their number never stops the reader.
  const bool by_number = waits_ && !requests_.empty() && requests_.size() >= max_queued_;
  return by_number || queued_bytes_ >= max_queued_bytes_;
}

bool processor::requests_exhausted() const noexcept {
  return requests_.size() >= 4 * max_queued_ + 64 || queued_bytes_ >= 2 * max_queued_bytes_;
}

void processor::hold(item& message, std::size_t bytes) noexcept {
  message.bytes = bytes;
  if (message.state == state::running) running_bytes_ += bytes;
}

void processor::enqueue(item& message) {
  // First, since there may be no memory.
  if (message.request && message.ordered) ordered_requests_.push_back(arrivals_ + 1);
  message.state = state::queued;
  message.arrival = ++arrivals_;
  queued_bytes_ += message.bytes;
  if (message.request) {
    requests_.push_back(message);
  } else {
    notifications_.push_back(message);
  }
  queued_peak_ = std::max(queued_peak_, queued());
}

void processor::unlink(item& message) {
  queued_bytes_ -= message.bytes;
  if (message.request) {
    if (message.ordered) ordered_requests_.erase(std::ranges::find(ordered_requests_, message.arrival));
    requests_.erase(requests_.iterator_to(message));
  } else {
    notifications_.erase(notifications_.iterator_to(message));
  }
  message.state = state::idle;
}

processor::item* processor::next(bool requests_open) {
  if (barrier_ != nullptr) return nullptr;
  item* request = requests_.empty() ? nullptr : &requests_.front();
  item* notification = notifications_.empty() ? nullptr : &notifications_.front();
  const bool may_request = request != nullptr && may_start(*request, requests_open);
  if (notification != nullptr && !may_start(*notification, requests_open)) notification = nullptr;
  item* chosen = nullptr;
  if (may_request && (notification == nullptr || request->arrival < notification->arrival)) {
    chosen = request;
  } else if (notification != nullptr && (request == nullptr || notification->arrival < request->arrival ||
                                         may_pass_requests(*notification))) {
    chosen = notification;
  }
  if (chosen == nullptr) return nullptr;
  unlink(*chosen);
  start(*chosen);
  return chosen;
}

processor::item* processor::any_queued() noexcept {
  if (!requests_.empty()) return &requests_.front();
  return notifications_.empty() ? nullptr : &notifications_.front();
}

void processor::drop(item& message) { unlink(message); }

bool processor::lend(item& message) noexcept {
  // Handlers that await the peer are bounded too, or a peer that never answers could have any number of them.
  const bool too_large = lent_ > 0 && lent_bytes_ + message.bytes > max_in_flight_bytes_;
  const bool too_many = lent_ >= max_queued_ + 64 || too_large;
  if (message.state != state::running || message.immediate || !message.request || too_many) return false;
  message.state = state::lent;
  ++lent_;
  lent_bytes_ += message.bytes;
  running_bytes_ -= message.bytes;
  --in_flight_;
  return true;
}

void processor::reclaim(item& message) noexcept {
  if (message.state != state::lent) return;
  message.state = state::running;
  --lent_;
  lent_bytes_ -= message.bytes;
  running_bytes_ += message.bytes;
  ++in_flight_;
}

}  // namespace antiphon::detail
