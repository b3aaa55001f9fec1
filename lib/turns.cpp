#include "lib/connection.hpp"

#include <boost/asio/post.hpp>

#include <exception>
#include <utility>

namespace antiphon::detail {

// The reader does at the end of its own turn what a posted turn does for others.
void connection::end_of_turn() {
  in_reader_ = true;
  run_queue();
  in_reader_ = false;
  flush();
  if (resume_due_ || escaped_) turn_later();
  if (phase_ != phase::open) changed();
}

// What handlers and callers leave behind outside of the reader's own turn is gathered: one write for all of
// it. What can't be posted for want of memory is done by who waits for changes, which takes none.
void connection::turn_later() noexcept {
  if (in_reader_ || std::exchange(turn_due_, true)) return;
  try {
    asio::post(executor_, [self = shared_from_this()] {
      self->turn();
      self->rethrow_escaped();
    });
  } catch (...) {
    turn_by_hand_ = true;
    changed();
  }
}

void connection::run_queue() {
  while (processor::item* next = processor_.next(requests_open())) begin(static_cast<record&>(*next));
}

void connection::turn() noexcept {
  turn_due_ = turn_by_hand_ = false;
  if (orphans_) fail_orphans();
  if (resume_due_) resume_due();
  if (phase_ == phase::finished) return;
  run_queue();
  flush();
  if (paused_ && !must_pause()) reader_gate_.open();
  if (phase_ != phase::open) changed();
}

// All whose time has come, in no handler of their own: so it takes no memory.
void connection::resume_due() noexcept {
  resume_due_ = false;
  while (pending_calls::entry* call = pending_.first_ended()) {
    const error_code why = call->ended();
    auto who = std::move(call->waiter);
    pending_.remove(*call);
    resume(std::move(who), failed(why));
  }
  resume_written();
  if (phase_ != phase::finished) return;
  while (!waiting_for_end_.empty()) {
    auto who = std::move(waiting_for_end_.back());
    waiting_for_end_.pop_back();
    // Whoever runs an endpoint may do so on another executor. Better from here than never.
    if (!try_resume_later(who, ended_)) resume(std::move(who), ended_);
  }
}

// What comes out of who goes on is none of ours: it leaves by io_context::run as from a handler of its own.
void connection::rethrow_escaped() {
  if (escaped_) std::rethrow_exception(std::exchange(escaped_, nullptr));
}

}  // namespace antiphon::detail
