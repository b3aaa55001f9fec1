#include "benchmarks/load/outbox.hpp"

#include "benchmarks/load/ledger.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace load {
namespace {

// Twice what a pipe holds: a write fills it, whatever was in the way of the last one.
constexpr std::size_t usual_size = 128 * 1024;
// Well below IOV_MAX, and more than a pipe takes of the frames that come in two parts.
constexpr std::size_t most_parts = 64;

}  // namespace

outbox::outbox(std::size_t largest) : copies_(std::max(largest, usual_size)) { parts_.reserve(most_parts); }

bool outbox::has_room(const shape& frame) const noexcept {
  return empty() || (copies_.size() - used_ >= frame.copied && parts_.size() + 2 <= most_parts);
}

void outbox::add(const shape& frame, std::uint64_t first_id) {
  if (empty()) {
    used_ = 0;
    parts_.clear();
    first_ = 0;
  }
  char* const copy = copies_.data() + used_;
  std::memcpy(copy, frame.bytes.data(), frame.copied);
  for (const std::size_t at : frame.id_at)
    std::to_chars(copy + at, copy + at + ledger::id_digits, first_id++);
  used_ += frame.copied;
  append(copy, frame.copied);
  append(frame.bytes.data() + frame.copied, frame.bytes.size() - frame.copied);
}

void outbox::append(const char* bytes, std::size_t size) {
  if (size == 0) return;
  if (!empty()) {
    iovec& last = parts_.back();
    if (static_cast<const char*>(last.iov_base) + last.iov_len == bytes) {
      last.iov_len += size;
      return;
    }
  }
  parts_.push_back({const_cast<char*>(bytes), size});
}

std::span<const iovec> outbox::parts() const noexcept { return std::span(parts_).subspan(first_); }

void outbox::drop(std::size_t count) noexcept {
  while (count > 0) {
    iovec& part = parts_[first_];
    const std::size_t taken = std::min(count, part.iov_len);
    part = {static_cast<char*>(part.iov_base) + taken, part.iov_len - taken};
    count -= taken;
    if (part.iov_len == 0) ++first_;
  }
}

}  // namespace load
