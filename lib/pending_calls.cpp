#include "lib/pending_calls.hpp"

#include <algorithm>

namespace antiphon::detail {

namespace {

// Of each chunk. Few at first, since most connections have few calls in flight.
constexpr std::size_t smallest_chunk = 4;
constexpr std::size_t largest_chunk = 1024;

std::size_t chunk_size(std::size_t number) noexcept {
  return number < 8 ? smallest_chunk << number : largest_chunk;
}

}  // namespace

void pending_calls::grow() {
  // Twice as many places: ids that differed before still do.
  std::vector<entry*> old(std::max<std::size_t>(table_.size() * 2, 8));
  old.swap(table_);
  for (entry* call : old) {
    if (call != nullptr) table_[place(call->id)] = call;
  }
}

void pending_calls::add_chunk() {
  const std::size_t count = chunk_size(chunks_.size());
  chunks_.reserve(chunks_.size() + 1);
  chunks_.push_back(std::make_unique<entry[]>(count));
  // The first one is used first.
  for (std::size_t at = count; at > 0; --at) {
    entry& place = chunks_.back()[at - 1];
    place.next_ = free_;
    free_ = &place;
  }
}

void pending_calls::set_deadline(entry& call, clock::time_point when) {
  // One that is moved to later is found out when the earlier time comes.
  if (when < call.deadline) {
    if (!deadlines_) deadlines_ = std::make_unique<deadline_heap<std::uint64_t>>();
    deadlines_->add(when, call.id, due_at());
  }
  call.deadline = when;
}

std::optional<pending_calls::clock::time_point> pending_calls::next_deadline() {
  const auto* next = deadlines_ ? deadlines_->first(due_at()) : nullptr;
  if (next == nullptr) return std::nullopt;
  return next->when;
}

pending_calls::entry* pending_calls::expired(clock::time_point now) {
  const auto* next = deadlines_ ? deadlines_->first(due_at()) : nullptr;
  return next != nullptr && next->when <= now ? find(next->key) : nullptr;
}

void pending_calls::end(entry& call, error_code why) noexcept {
  clear_deadline(call);
  call.ended_ = why;
  call.next_ = nullptr;
  (first_ended_ == nullptr ? first_ended_ : last_ended_->next_) = &call;
  last_ended_ = &call;
}

void pending_calls::remove_all() noexcept {
  first_ended_ = nullptr;
  // One that is destroyed may take others with it.
  for (std::size_t at = 0; size_ > 0 && at < table_.size(); ++at) {
    if (table_[at] != nullptr) remove(*table_[at]);
  }
}

}  // namespace antiphon::detail
