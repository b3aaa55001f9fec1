// Writing: the one writer, and who waits for it.

#include "lib/connection.hpp"

#include <boost/asio/co_spawn.hpp>

namespace antiphon::detail {

void connection::flush() noexcept {
  if (outbox_.writing() || outbox_.pending() == 0) return;
  if (writing_) {
    writer_gate_.open();
  } else if (phase_ < phase::closing && !lost_) {
    start_writer();
  }
}

void connection::start_writer() noexcept {
  auto self = alive_.lock();
  if (!self) return;
  writing_ = true;
  on_end ended([self](const std::exception_ptr&, bool destroyed) noexcept {
    if (destroyed) self->writer_destroyed();
  });
  try {
    asio::co_spawn(executor_, write_loop(std::move(self)), std::move(ended));
  } catch (...) {  // no memory, of which it is told
  }
}

void connection::writer_destroyed() noexcept {
  if (!writing_) return;  // it was done
  writing_ = false;
  parts_.clear();
  part_views_.clear();
  outbox_.end_write(false);
  out_of_memory();
}

asio::awaitable<void> connection::write_loop(std::shared_ptr<connection> self) {
  while (phase_ < phase::closing && !lost_) {
    if (outbox_.pending() == 0) {
      if (writer_gate_.pass()) continue;
      auto waiting = writer_gate_.wait();
      co_await std::move(waiting);
      if (std::exchange(writer_rests_, false)) break;
      continue;
    }
    error_code failed;
    try {
      outbox_.take(parts_);
      for (const slice& part : parts_) part_views_.push_back(part.bytes());
      co_await transport_->send(part_views_);
    } catch (const boost::system::system_error& e) {
      failed = e.code();
    } catch (const std::exception&) {
      failed = make_error_code(boost::system::errc::not_enough_memory);
    }
    parts_.clear();
    part_views_.clear();
    const std::size_t size = outbox_.end_write(!failed);
    if (failed) {
      // An end in which answers are lost isn't one in order.
      if (phase_ == phase::draining && ended_.reason == end_reason::end_of_input) {
        ended_.reason = end_reason::connection_lost;
        ended_.error = failed;
      }
      if (phase_ < phase::closing) lost(failed);
      break;
    }
    observers_.written(outbox_);
    stats_.bytes_sent += size;
    if (silence_.limits()) silence_.moved(clock::now());
    ++stats_.writes;
    release_written({});
    if (paused_ || processor_.queued() > 0 || phase_ != phase::open) turn_later();
    if (paused_ && input_ended_) limit_pause();
  }
  self->writing_ = false;
  self->changed();
}

void connection::release_written(error_code error) noexcept {
  if (error) write_waiters_.fail(error);
  if (!write_waiters_.may_go_on()) return;
  resume_due_ = true;
  turn_later();
}

void connection::resume_written() noexcept {
  write_waiters_.release(
      [this](auto who, write_waiters::outcome outcome) { resume(std::move(who), outcome); });
}

asio::awaitable<error_code> connection::wait_for_room(clock::time_point until) {
  while (!has_room() && can_send()) {
    const std::size_t too_much = backlog() - options_.max_outgoing_bytes;
    auto written = wait_in(line::room, outbox_.total_written() + too_much, until);
    const error_code error = co_await std::move(written);
    if (error) co_return error;
  }
  co_return error_code();
}

asio::awaitable<error_code> connection::wait_written(outbox::place what) {
  return wait_in(what.second ? line::second_lane : line::first_lane, what.end, clock::time_point::max());
}

asio::awaitable<error_code> connection::wait_in(line which, std::uint64_t position, clock::time_point until) {
  if (lost_) co_return why_closed();
  if (write_waiters_.written(which, position)) co_return error_code();
  const std::uint64_t id = write_waiters_.next_id();
  std::optional<asio::steady_timer> timer;
  if (until != clock::time_point::max()) {
    timer.emplace(executor_, until);
    timer->async_wait([weak = weak_from_this(), which, id](error_code error) {
      auto self = weak.lock();
      if (self && !error) self->give_up_writing(which, id, errc::timed_out);
    });
  }
  write_waiters::place self;
  self.id = id;
  self.position = position;
  auto suspend = [this, which, id, &self](auto handler) {
    const bool cancellable = on_cancellation(
        handler, [this, which, id](asio::cancellation_type) { give_up_writing(which, id, errc::cancelled); });
    self.who = waiter<write_waiters::outcome>(std::move(handler));
    write_waiters_.join(which, self);
    if (!cancellable) give_up_writing(which, id, make_error_code(boost::system::errc::not_enough_memory));
  };
  auto waiting = suspended<write_waiters::outcome>(suspend);
  const write_waiters::outcome outcome = co_await std::move(waiting);
  co_return outcome.error;
}

void connection::give_up_writing(line which, std::uint64_t waiter, error_code why) noexcept {
  if (!write_waiters_.give_up(which, waiter, why)) return;
  resume_due_ = true;
  turn_later();
}

}  // namespace antiphon::detail
