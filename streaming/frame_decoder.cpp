#include "streaming/bounds.hpp"

#include <antiphon/streaming/frame_decoder.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace antiphon {
namespace {

constexpr std::size_t usual_block = 64 * 1024;
// A larger block is given back once it is empty, unless the last two messages were so large.
constexpr std::size_t most_kept = 4 * usual_block;
constexpr std::size_t most_kept_for_large = 20 * usual_block;
// Less space than this makes for reads that don't pay; and less than this is worth moving.
constexpr std::size_t least_space = 4 * 1024;
constexpr std::size_t line_end = 2;

std::size_t most_partial(const limits& bounds) noexcept {
  return bounds.message_bytes + bounds.header_bytes + line_end;
}

}  // namespace

frame_decoder::frame_decoder(std::unique_ptr<framing> rules, const limits& bounds, buffer_source& source,
                             validation check)
    : rules_(std::move(rules)), limits_(detail::clamped(bounds)), source_(&source) {
  if (check == validation::full) validator_.emplace(limits_.depth);
}

buffer& frame_decoder::prepare() {
  const auto partial = buffered();
  const auto most = std::max(most_kept, std::min(2 * lately_, most_kept_for_large));
  if (partial == 0 && current_.exclusive() && current_.capacity() <= most) {
    current_.clear();
    begin_ = 0;
  }
  const bool too_big_to_keep = partial == 0 && current_.capacity() > most;
  const auto space = current_.capacity() - current_.size();
  // The next one won't fit behind what a slice pins: it begins a buffer that holds it.
  const bool too_small = partial == 0 && current_.size() > 0 && space < lately_;
  const bool enough = need_ > 1 ? need_ <= space : space >= least_space;
  if (enough && !too_big_to_keep && !too_small) return current_;

  // Growing by half at least keeps what copying there is linear; by double at most, memory in step with the
  // bytes that came.
  const auto grown = partial == 0 ? std::min(lately_ + lately_ / 8, most_kept_for_large)
                                  : partial + std::clamp(need_, partial / 2 + 1, partial + 1);
  const auto capacity = std::max(usual_block, std::min(grown, std::max(most_partial(limits_), partial + 1)));

  // Moving to the front what is less than what has been dealt with is little work for each byte.
  const bool fits = partial + std::max(need_, least_space) <= current_.capacity();
  const bool can_move = fits && begin_ > 0 && current_.exclusive() && !too_big_to_keep;
  const bool move = can_move && partial <= std::max(begin_, least_space);
  if (!move && partial > 0 && current_.extend(begin_ + capacity)) return current_;
  // Elsewhere each byte of a frame is moved at most once within a block, since afterwards the frame begins
  // the block.
  if (can_move) {
    std::memmove(current_.data(), current_.data() + begin_, partial);
    current_.clear();
    current_.commit(partial);
    begin_ = 0;
    return current_;
  }
  const auto room = current_.capacity() - begin_;
  const bool used_up = space < least_space && capacity > room;
  // The earlier, the less there is to copy; but only where this is sure to have been the last time.
  const bool holds_all = partial + need_ <= capacity && capacity >= room + room / 2;
  if (space == 0 || used_up || holds_all || too_big_to_keep || too_small)
    move_partial_to(source_->acquire(capacity));
  return current_;
}

void frame_decoder::move_partial_to(buffer fresh) {
  if (!fresh) return;  // the source has none at present
  const auto partial = current_.bytes().substr(begin_);
  if (!partial.empty()) std::memcpy(fresh.data(), partial.data(), partial.size());
  fresh.commit(partial.size());
  current_ = std::move(fresh);
  begin_ = 0;
}

const frame_decoder::result& frame_decoder::next() {
  if (last_.status == status::failed) return last_;
  return take(rules_->look(current_.bytes().substr(begin_)));
}

const frame_decoder::result& frame_decoder::finish() {
  if (next().status != status::need_more) return last_;
  take(rules_->finish(current_.bytes().substr(begin_)));
  if (last_.status == status::need_more && buffered() != 0) return fail(errc::truncated_message);
  return last_;
}

const frame_decoder::result& frame_decoder::take(const framing::step& step) {
  begin_ += step.skip;
  need_ = 1;
  // What was seen of a body doesn't count when it was dropped.
  if (validator_ && step.skip != 0) validator_->restart();
  last_.status = step.status;
  last_.frame = {};
  if (last_.error) last_.error = {};
  switch (step.status) {
    case status::frame:
      last_.frame = current_.bytes().substr(begin_, step.size);
      begin_ += step.size + step.trailer;
      lately_ = std::min(std::exchange(last_size_, step.size), step.size);
      if (validator_ && !validator_->finish(last_.frame)) last_.error = validate(last_.frame, limits_.depth);
      break;
    case status::need_more:
      // The framings of this library refuse earlier; one that forgets its limits is held to them here.
      if (buffered() > most_partial(limits_)) return fail(errc::message_too_large);
      if (validator_ && step.in_body) validator_->advance(current_.bytes().substr(begin_));
      last_.need = need_ = std::clamp<std::size_t>(step.need, 1, most_partial(limits_));
      break;
    case status::failed: return fail(step.error);
  }
  return last_;
}

const frame_decoder::result& frame_decoder::fail(error_code why) {
  // Nothing of the rest is ever looked at, so it need not be kept.
  begin_ = current_.size();
  need_ = 1;
  last_.status = status::failed;
  last_.error = why;
  return last_;
}

}  // namespace antiphon
