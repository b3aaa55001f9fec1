// What is kept of a message, while it is handled and after it was read.

#include "lib/connection.hpp"

#include <cstring>
#include <functional>

namespace antiphon::detail {

namespace {

// What is kept of a message pins the block that it lies in, or is copied out where it is less than this, than
// this part of the block (which a message by itself makes five times as large at most), or than half of what
// has come into the block: so a block is pinned, and its size counted, for hardly more than one message.
constexpr std::size_t copy_below = 4 * 1024;
constexpr std::size_t least_part_pinned = 5;

}  // namespace

record& connection::take_record(std::string_view text, const message_view& message) {
  if (free_records_.empty()) {
    free_records_.reserve(records_.size() + 1);
    records_.push_back(std::make_unique<record>());
    free_records_.push_back(records_.back().get());
  }
  record& call = *free_records_.back();
  free_records_.pop_back();
  call.connection_ = this;
  call.text = text;
  call.id_ = message.id_text();
  const std::string_view params = message.params_text();
  call.params_ = pins(params) ? decoder_.pin(params) : slice(params);
  return call;
}

// For a handler of any method. A name with escapes isn't to be found in the message: so that is copied at
// once, with the name behind it.
void connection::name_method(record& call, std::string_view method, bool escaped) {
  call.method_ = method;
  if (!escaped) return;
  buffer copy = buffer::allocate(call.text.size() + method.size());
  std::memcpy(copy.data(), call.text.data(), call.text.size());
  std::memcpy(copy.data() + call.text.size(), method.data(), method.size());
  copy.commit(call.text.size() + method.size());
  const auto there = [&](std::string_view part) {
    return part.empty() ? part
                        : std::string_view(copy.data() + (part.data() - call.text.data()), part.size());
  };
  call.method_ = copy.bytes().substr(call.text.size());
  call.id_ = there(call.id_);
  call.pinned = copy.share(copy.bytes());
  call.params_ = call.pinned.part(there(call.params_.bytes()));
  call.text = copy.bytes().substr(0, call.text.size());
}

void connection::release(record& call) noexcept {
  ++call.generation_;
  call.params_ = {};
  if (call.batch) call.batch.reset();
  call.pinned = slice();
  call.kept = call.registered = call.coroutine = call.orphan = call.answered = call.cancelled_ = false;
  call.bytes = 0;
  call.awaiting = 0;
  free_records_.push_back(&call);
}

// Whether a part of the message that was just read is worth the block that it lies in.
bool connection::pins(std::string_view part) const noexcept {
  return part.size() >= copy_below && part.size() * least_part_pinned >= decoder_.block_size() &&
         part.size() * 2 > decoder_.block_used();
}

// In memory that may be held on to: a large part pins the block that it lies in, a small one is copied out,
// so that what is held is never much more than what is kept.
slice connection::kept(std::string_view part) {
  if (pins(part)) return decoder_.pin(part);
  buffer copy = buffer::allocate(part.size());
  if (!part.empty()) std::memcpy(copy.data(), part.data(), part.size());
  copy.commit(part.size());
  return copy.share(copy.bytes());
}

void connection::keep(record& call) {
  if (!call.kept) {
    if (!call.pinned.pinned()) {  // or else name_method has copied it already
      call.pinned = kept(call.text);
      const auto there = [&call](std::string_view part) {
        return std::string_view(call.pinned.data() + (part.data() - call.text.data()), part.size());
      };
      if (!call.id_.empty()) call.id_ = there(call.id_);
      const std::less<const char*> before;
      if (!before(call.method_.data(), call.text.data()) &&
          before(call.method_.data(), call.text.data() + call.text.size()))
        call.method_ = there(call.method_);  // of a handler of any method
      if (!call.params_.empty()) call.params_ = call.pinned.part(there(call.params_.bytes()));
    }
    call.kept = true;
    processor_.hold(call, call.pinned.pinned_bytes() + sizeof(record));
  }
  if (call.request) in_flight_.add(call);
}

}  // namespace antiphon::detail
