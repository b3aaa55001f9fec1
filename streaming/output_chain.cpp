#include <antiphon/streaming/output_chain.hpp>

#include <algorithm>
#include <utility>

namespace antiphon {

namespace {

constexpr std::size_t largest_block = 1024 * 1024;
// A frame up to this size is moved next to its head; a longer one begins a part of its own instead.
constexpr std::size_t movable = 4 * 1024;
// A pinned payload of this size or more is joined, a smaller one copied.
constexpr std::size_t joinable = 16 * 1024;
// A block that many times as large as the first one isn't kept between frames.
constexpr std::size_t most_kept = 4;

}  // namespace

void output_chain::seal() {
  if (current_.size() == sealed_) return;
  parts_.push_back(current_.share(current_.bytes().substr(sealed_)));
  sealed_ = current_.size();
}

// Makes a part of what stands in the current buffer. An open frame's first part is kept apart from what is
// before it, so that the head can go in front of it.
void output_chain::part_off() {
  if (!open_ || outgrown_) {
    seal();
    return;
  }
  const std::size_t frame_end = current_.size();
  current_.truncate(frame_at_);
  seal();
  current_.truncate(frame_end);
  frame_part_ = parts_.size();
  outgrown_ = true;
  parts_.push_back(current_.share(current_.bytes().substr(frame_at_)));
  sealed_ = current_.size();
}

void output_chain::grow(std::size_t at_least) {
  part_off();
  const std::size_t usual = std::max(block_size_, std::min(frame_size_, largest_block));
  const std::size_t size = std::max(at_least, usual);
  buffer next = source_->acquire(size);
  // What is owed can't wait for memory; how much it may be is limited elsewhere.
  if (!next) next = buffer::allocate(size);
  current_ = std::move(next);
  sealed_ = 0;
}

void output_chain::begin_frame(const framing& rules) {
  constexpr std::size_t worth_starting = 256;
  frame_size_ = 0;
  outgrown_ = false;
  const std::size_t room = rules.max_head();
  if (parts_.empty() && sealed_ == current_.size() && current_.exclusive()) {
    current_.clear();  // all that stood here has left
    sealed_ = 0;
  }
  if (current_.capacity() - current_.size() < room + worth_starting)
    grow(std::max(block_size_, room + worth_starting));
  open_ = true;
  head_room_ = room;
  frame_at_ = current_.size();
  current_.commit(room);
  body_ = current_.data() + current_.size();
}

void output_chain::end_frame(const framing& rules) {
  const std::size_t body_size = frame_size_;
  if (!rules.tail().empty()) append(rules.tail());
  const std::size_t head = rules.write_head(body_, body_size);
  const std::size_t gap = head_room_ - head;
  if (outgrown_) {
    const slice& first = parts_[frame_part_];
    parts_[frame_part_] = first.part(first.bytes().substr(gap));
  } else if (gap > 0 && sealed_ == frame_at_) {
    sealed_ += gap;  // nothing before it: the part just begins later
  } else if (gap > 0 && frame_size_ <= movable) {
    char* begin = current_.data() + frame_at_;
    std::memmove(begin, begin + gap, head + frame_size_);
    current_.truncate(current_.size() - gap);
  } else if (gap > 0) {
    const std::size_t frame_end = current_.size();
    current_.truncate(frame_at_);
    seal();
    current_.truncate(frame_end);
    sealed_ = frame_at_ + gap;
  }
  last_frame_ = head + frame_size_;
  pending_ += last_frame_;
  frame_size_ = 0;
  open_ = false;
}

void output_chain::take_last_frame(std::vector<slice>& parts) {
  // First, since a chain that ran out of memory half way would have lost its place.
  parts_.reserve(parts_.size() + 1);
  parts.reserve(parts.size() + parts_.size() + 1);
  if (outgrown_) {
    seal();
    const auto first = parts_.begin() + static_cast<std::ptrdiff_t>(frame_part_);
    for (auto part = first; part != parts_.end(); ++part) {
      if (!part->empty()) parts.push_back(std::move(*part));
    }
    parts_.erase(first, parts_.end());
  } else {
    const std::size_t end = current_.size();
    const std::size_t begin = end - last_frame_;
    current_.truncate(begin);
    seal();
    current_.truncate(end);
    parts.push_back(current_.share(current_.bytes().substr(begin)));
    sealed_ = end;
  }
  pending_ -= std::exchange(last_frame_, 0);
}

void output_chain::drop_frame() noexcept {
  if (!open_) return;  // no memory was found to begin it
  if (outgrown_) {
    parts_.resize(frame_part_);
    sealed_ = current_.size();
  } else {
    current_.truncate(frame_at_);
  }
  frame_size_ = 0;
  open_ = false;
}

std::string_view output_chain::frame_text(std::string& scratch) const {
  if (!outgrown_) return {body_, frame_size_};
  scratch.clear();
  scratch.reserve(frame_size_);
  scratch += parts_[frame_part_].bytes().substr(head_room_);
  for (std::size_t part = frame_part_ + 1; part < parts_.size(); ++part) scratch += parts_[part].bytes();
  scratch += current_.bytes().substr(sealed_);
  return scratch;
}

void output_chain::append_across(std::string_view text) {
  while (!text.empty()) {
    if (current_.size() == current_.capacity()) grow(std::min(text.size(), largest_block));
    const std::size_t part = std::min(text.size(), current_.capacity() - current_.size());
    std::memcpy(current_.data() + current_.size(), text.data(), part);
    current_.commit(part);
    frame_size_ += part;
    text.remove_prefix(part);
  }
}

void output_chain::append(const slice& payload) {
  if (payload.empty()) return;
  if (!payload.pinned() || payload.size() < joinable) {
    append(payload.bytes());
    return;
  }
  // What stands before it becomes a part; the payload follows as it is; writing goes on behind it in the same
  // buffer.
  part_off();
  parts_.push_back(payload);
  frame_size_ += payload.size();
}

void output_chain::append(output_chain&& text) {
  for (const slice& part : text.parts_) append(part);
  const std::string_view rest = text.current_.bytes().substr(text.sealed_);
  if (rest.size() < joinable) {
    append(rest);
  } else {
    append(text.current_.share(rest));
  }
  text.parts_.clear();
  text.sealed_ = text.current_.size();
}

char* output_chain::reserve(std::size_t size) {
  if (current_.capacity() - current_.size() < size) grow(size);
  return current_.data() + current_.size();
}

void output_chain::take(std::vector<slice>& parts) {
  seal();
  parts.reserve(parts.size() + parts_.size());  // or what was moved would be lost with the rest
  for (slice& part : parts_) {
    // A frame that began with a joined payload may have nothing before it.
    if (!part.empty()) parts.push_back(std::move(part));
  }
  parts_.clear();
  pending_ = 0;
  if (current_.capacity() <= most_kept * block_size_) return;
  // One big frame made this block necessary: it goes with it.
  current_ = buffer();
  sealed_ = 0;
}

void output_chain::trim() noexcept {
  if (sealed_ != current_.size()) return;
  current_ = buffer();
  sealed_ = 0;
}

}  // namespace antiphon
