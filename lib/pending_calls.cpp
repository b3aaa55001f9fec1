#include "lib/pending_calls.hpp"

#include <algorithm>
#include <utility>

namespace antiphon::detail {

pending_calls::entry& pending_calls::add() {
  if (size_ * 2 >= table_.size()) grow();
  while (table_[place(next_id_)].id != 0) ++next_id_;
  entry& call = table_[place(next_id_)];
  call.id = next_id_++;
  ++size_;
  return call;
}

pending_calls::entry* pending_calls::find(std::uint64_t id) noexcept {
  if (table_.empty()) return nullptr;
  entry& call = table_[place(id)];
  return id != 0 && call.id == id ? &call : nullptr;
}

void pending_calls::remove(entry& call) noexcept {
  clear_deadline(call);
  call = entry();
  --size_;
}

void pending_calls::clear_deadline(entry& call) noexcept {
  if (call.deadline_at == no_deadline) return;
  const std::size_t hole = std::exchange(call.deadline_at, no_deadline);
  const std::uint64_t last = deadlines_.back();
  deadlines_.pop_back();
  if (hole < deadlines_.size()) {
    put(hole, last);
    sift(hole);
  }
}

void pending_calls::grow() {
  // Twice as many places: ids that differed before still do.
  std::vector<entry> old = std::move(table_);
  table_ = std::vector<entry>(std::max<std::size_t>(old.size() * 2, 8));
  for (entry& call : old) {
    if (call.id != 0) table_[place(call.id)] = std::move(call);
  }
}

void pending_calls::set_deadline(entry& call, clock::time_point when) {
  call.deadline = when;
  deadlines_.push_back(call.id);
  call.deadline_at = deadlines_.size() - 1;
  sift(call.deadline_at);
}

std::optional<pending_calls::clock::time_point> pending_calls::next_deadline() const noexcept {
  if (deadlines_.empty()) return std::nullopt;
  return table_[place(deadlines_.front())].deadline;
}

pending_calls::entry* pending_calls::expired(clock::time_point now) noexcept {
  if (deadlines_.empty()) return nullptr;
  entry& first = table_[place(deadlines_.front())];
  return first.deadline <= now ? &first : nullptr;
}

std::vector<std::uint64_t> pending_calls::ids() const {
  std::vector<std::uint64_t> all;
  all.reserve(size_);
  for (const entry& call : table_) {
    if (call.id != 0) all.push_back(call.id);
  }
  std::sort(all.begin(), all.end());
  return all;
}

pending_calls::entry* pending_calls::any() noexcept {
  if (size_ == 0) return nullptr;
  for (entry& call : table_) {
    if (call.id != 0) return &call;
  }
  return nullptr;
}

void pending_calls::put(std::size_t at, std::uint64_t id) noexcept {
  deadlines_[at] = id;
  table_[place(id)].deadline_at = at;
}

bool pending_calls::earlier(std::size_t a, std::size_t b) noexcept {
  return table_[place(deadlines_[a])].deadline < table_[place(deadlines_[b])].deadline;
}

void pending_calls::sift(std::size_t at) noexcept {
  const auto swap = [this](std::size_t a, std::size_t b) {
    const std::uint64_t id = deadlines_[a];
    put(a, deadlines_[b]);
    put(b, id);
  };
  while (at > 0 && earlier(at, (at - 1) / 2)) {
    swap(at, (at - 1) / 2);
    at = (at - 1) / 2;
  }
  for (;;) {
    std::size_t least = at;
    for (const std::size_t child : {at * 2 + 1, at * 2 + 2}) {
      if (child < deadlines_.size() && earlier(child, least)) least = child;
    }
    if (least == at) return;
    swap(at, least);
    at = least;
  }
}

}  // namespace antiphon::detail
