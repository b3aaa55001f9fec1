// Reading: what has arrived is handed out, a pause while there is no room, and what is noticed meanwhile.

#include "lib/connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <limits>

namespace antiphon::detail {

namespace {

using std::chrono::milliseconds;

// How long a peer that broke the stream has to take what we owe it.
constexpr milliseconds refusal_drain{1'000};
// A connection on which nothing has moved for so long, and at most twice that, holds no more memory than it
// must.
constexpr milliseconds rest_after{1'000};
// Answers to what one read brought leave when there are so many bytes of them, then when there are twice as
// many, and so on: the peer takes the first while we work on the others, and there are few writes all the
// same.
constexpr std::size_t first_flush = 4 * 1024;

// What may be between two peers, in the kernel or in a pipe.
constexpr std::size_t under_way = 64 * 1024;

constexpr std::size_t saturated(std::size_t a, std::size_t b) noexcept {
  return a > std::numeric_limits<std::size_t>::max() - b ? std::numeric_limits<std::size_t>::max() : a + b;
}

struct memory_wait {
  memory_wait(buffer_source& source, memory_waiter& who) : from(source), waiter(who) {
    from.wait_for_memory(waiter);
  }
  memory_wait(const memory_wait&) = delete;
  memory_wait& operator=(const memory_wait&) = delete;
  ~memory_wait() { from.stop_waiting(waiter); }
  buffer_source& from;
  memory_waiter& waiter;
};

}  // namespace

void connection::start_reader(std::shared_ptr<connection> self) {
  reading_ = true;
  on_end ended([self = std::move(self)](const std::exception_ptr& failure, bool destroyed) noexcept {
    self->reader_ended(failure, destroyed);
  });
  try {
    asio::co_spawn(executor_, read_messages(), std::move(ended));
  } catch (...) {  // no memory, of which it is told
  }
}

void connection::reader_ended(const std::exception_ptr& failure, bool destroyed) noexcept {
  in_reader_ = false;
  reading_ = false;
  if (destroyed) return out_of_memory();
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const boost::system::system_error& e) {
    if (phase_ < phase::closing && !discarding_) lost(e.code());
  } catch (...) {
    out_of_memory();
  }
  if (resume_due_ || escaped_) turn_later();
  changed();
}

// While the reader doesn't read, somebody must see the peer go.
void connection::watch() noexcept {
  if (std::exchange(watching_, true)) return;
  on_end ended([self = shared_from_this()](const std::exception_ptr&, bool) noexcept {
    self->watching_ = false;
    self->changed();
  });
  try {
    asio::co_spawn(executor_, watch_loop(), std::move(ended));
  } catch (...) {  // no memory: then it is noticed later
  }
}

asio::awaitable<void> connection::watch_loop() {
  try {
    hang_up seen = hang_up::unknown;
    if (!input_ended_) {
      auto ending = transport_->wait_hang_up(false);
      seen = co_await std::move(ending);
      if (seen == hang_up::input_ended) {
        input_ended_ = true;
        limit_pause();
      }
    }
    if (input_ended_) {
      auto breaking = transport_->wait_hang_up(true);
      seen = co_await std::move(breaking);
    }
    broken_ = seen == hang_up::broken;
    if (broken_ && read_to_end_) shorten_drain();
    limit_pause();
  } catch (const std::exception&) {  // out of descriptors or memory: then it is noticed later
  }
}

// What can still be read is read first. Then handlers may finish what they do, though nobody gets the
// answers.
void connection::shorten_drain() noexcept {
  end(end_reason::connection_lost, asio::error::broken_pipe, options_.close_timeout);
}

// A pause behind which there is nobody any more may last so long; anew whenever something moves.
void connection::limit_pause() {
  stuck_until_ = clock::time_point::max();
  if (paused_ && broken_) {
    stuck_until_ = from_now(options_.close_timeout);
  } else if (paused_ && input_ended_) {
    stuck_until_ = from_now(options_.drain_timeout);
  }
  changed();
}

void connection::begin_pause() {
  paused_ = true;
  watch();
  limit_pause();
}

void connection::end_pause() noexcept {
  paused_ = false;
  stuck_until_ = clock::time_point::max();
}

bool connection::room_waiter::memory_returned() noexcept try {
  asio::post(home.executor_, [weak = home.weak_from_this()] {
    if (auto self = weak.lock()) self->reader_gate_.open();
  });
  return true;
} catch (...) {  // no memory: at the next opportunity
  return false;
}

asio::awaitable<void> connection::read_messages() {
  for (;;) {
    // What has arrived.
    const frame_decoder::result* found = nullptr;
    std::size_t flush_at = first_flush;
    bool more = !discarding_;
    while (more) {
      in_reader_ = true;
      if (batch_) {
        next_batch_member();
      } else {
        found = &decoder_.next();
        if (found->status == frame_decoder::status::frame) {
          silence_.has_message();
          on_frame(found->frame, found->error);
        }
      }
      in_reader_ = false;
      more = batch_ || found->status == frame_decoder::status::frame;
      if (outbox_.pending() >= flush_at) {
        flush();
        flush_at *= 2;
      }
      if (phase_ >= phase::closing) co_return;
      while (more && !discarding_ && must_pause()) {
        end_of_turn();
        if (!must_pause()) break;
        begin_pause();
        if (!reader_gate_.pass()) {
          auto waiting = reader_gate_.wait();
          co_await std::move(waiting);
        }
        end_pause();
        if (phase_ >= phase::closing) co_return;
      }
      if (discarding_) more = false;
    }
    end_of_turn();
    if (!discarding_ && found->status == frame_decoder::status::failed) refuse_stream(found->error);

    // What comes next.
    std::size_t count = 0;
    if (discarding_) {
      buffer away = transport_->acquire(16 * 1024);
      if (!away) away = buffer::allocate(16 * 1024);
      count = co_await transport_->receive_into(away);
      if (count == 0) co_return;
      continue;
    }
    buffer* into = &decoder_.prepare();
    if (into->space().empty()) {
      // Asked first, and looked at again, so that nothing that comes back meanwhile is missed.
      const memory_wait asked(*transport_, room_);
      into = &decoder_.prepare();
      if (into->space().empty()) {
        begin_pause();
        if (!reader_gate_.pass()) {
          auto waiting = reader_gate_.wait();
          co_await std::move(waiting);
        }
        end_pause();
        if (phase_ >= phase::closing) co_return;
        continue;
      }
    }
    if (silence_.limits() && !silence_.partial() && decoder_.buffered() > 0)
      silence_.waits_for_rest(clock::now());
    count = co_await transport_->receive_into(*into);
    // What came at the last moment can't be answered any more, so it counts for nothing.
    if (phase_ >= phase::closing) co_return;
    stats_.bytes_received += count;
    if (look_for_rest_at_ == clock::time_point::max()) plan_rest();
    if (silence_.limits()) silence_.moved(clock::now());
    if (count > 0) continue;

    const frame_decoder::result& last = decoder_.finish();
    if (last.status == frame_decoder::status::frame) {
      on_frame(last.frame, last.error);
      while (batch_) next_batch_member();
    }
    error_code cut;
    if (last.status == frame_decoder::status::failed) cut = last.error;
    flush();
    input_ended_ = read_to_end_ = true;
    end(end_reason::end_of_input, cut, options_.drain_timeout);
    if (broken_) shorten_drain();
    if (!processor_.idle() || backlog() > 0) watch();
    co_return;
  }
}

// No request is started while more than max_outgoing_bytes of answers are owed, but errors may still be
// given. A peer that owes us answers may itself have stopped reading because of those, so then it is only
// bounded what reading on makes us say without a permit. See docs/decisions/0034.
bool connection::owes_too_much(bool expecting) const noexcept {
  const std::size_t most = options_.max_outgoing_bytes;
  if (!expecting) return outbox_.answers() > saturated(most, most / 2);
  return outbox_.unbounded_answers() / 4 > saturated(most, under_way);
}

bool connection::must_pause() const noexcept {
  // What we ask and tell counts for nothing here: who sends it waits. Or two that send each other more than
  // that would both stop, each until the other one reads.
  const bool expecting = expects_answers();
  if (owes_too_much(expecting)) return true;
  if (reading_held_ > 0) {
    // The answer that what is held waits for may be behind it.
    return !expecting || reading_held_ > options_.max_queued;
  }
  // Turning requests away takes no room for them, so nothing needs to stop for those.
  const bool full =
      options_.overload == overload::reject ? processor_.full_of_notifications() : processor_.full();
  if (!full) return false;
  // The answer that a handler waits for may be behind what there is no room for.
  if (expecting) return processor_.exhausted();
  return true;
}

// The frame boundary is lost: one error, and nothing that follows is looked at.
void connection::refuse_stream(error_code error) {
  discarding_ = true;
  ++stats_.malformed_received;
  const bool limit = error == errc::message_too_large || error == errc::header_too_large;
  const auto code = static_cast<int>(limit ? rpc_errc::invalid_request : rpc_errc::parse_error);
  answer_without_record({}, code, error.message(), std::nullopt, nullptr);
  flush();
  end(limit ? end_reason::limit_exceeded : end_reason::protocol_error, error,
      std::min(refusal_drain, options_.drain_timeout));
}

// ---------------------------------------------------------------- what time brings

// Whatever is due while the connection is open. It may end it.
void connection::look_after() {
  const auto now = clock::now();
  if (stuck_until_ <= now) {
    const bool gone = broken_;
    end(gone ? end_reason::connection_lost : end_reason::end_of_input,
        gone ? make_error_code(asio::error::broken_pipe) : error_code(), milliseconds(0));
    return;
  }
  if (silence_.look_at() <= now) look_for_silence(now);
  if (look_for_rest_at_ <= now) look_for_rest(now);
  if (stalls_ && stalls_->look_at() <= now) look_for_stalls(now);
}

void connection::look_for_silence(clock::time_point now) {
  const bool busy = backlog() == 0 && (!processor_.idle() || pending_.size() > 0);
  const std::optional<errc> why = silence_.look(now, busy);
  if (!why) return;
  discarding_ = true;
  const error_code error = make_error_code(*why);
  if (*why == errc::message_timed_out) {
    try {
      answer_without_record({}, static_cast<int>(rpc_errc::invalid_request), error.message(), std::nullopt,
                            nullptr);
      flush();
    } catch (const std::exception&) {  // no memory to tell it
      drop_reply(nullptr);
    }
  }
  end(end_reason::timed_out, error, options_.close_timeout);
}

void connection::plan_rest() noexcept {
  look_for_rest_at_ = from_now(rest_after);
  bytes_before_rest_ = stats_.bytes_received + stats_.bytes_sent;
  changed();
}

// A connection at rest gives up what is made anew when it is needed.
void connection::look_for_rest(clock::time_point now) noexcept {
  const std::uint64_t bytes = stats_.bytes_received + stats_.bytes_sent;
  if (std::exchange(bytes_before_rest_, bytes) != bytes) {
    look_for_rest_at_ = after(now, rest_after);
    return;
  }
  look_for_rest_at_ = clock::time_point::max();
  decoder_.trim();
  if (backlog() > 0) return;
  outbox_.trim();
  if (!writing_) return;
  writer_rests_ = true;
  writer_gate_.open();
}

}  // namespace antiphon::detail
