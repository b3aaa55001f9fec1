// Writing: the one writer, and who waits for it.

#include "lib/connection.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

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
    if (limits_silence_) moved_at_ = clock::now();
    ++stats_.writes;
    release_written({});
    if (paused_ || processor_.queued() > 0 || phase_ != phase::open) turn_later();
    if (paused_ && input_ended_) limit_pause();
  }
  self->writing_ = false;
  self->changed();
}

std::uint64_t connection::written(line which) const noexcept {
  return which == line::room ? outbox_.total_written() : outbox_.written_of(which == line::second_lane);
}

// That of several who wait for room none goes on for whom the others leave none keeps it to work in
// proportion.
bool connection::first_goes_on(line which) const noexcept {
  const auto& waiting = write_waiters_[static_cast<std::size_t>(which)];
  if (waiting.empty()) return false;
  if (write_failure_) return true;
  return waiting.front().position <= written(which) && (which != line::room || has_room());
}

void connection::release_written(error_code error) noexcept {
  if (error && !write_failure_) write_failure_ = error;
  if (!write_failure_ && !first_goes_on(line::first_lane) && !first_goes_on(line::second_lane) &&
      !first_goes_on(line::room))
    return;
  resume_due_ = true;
  turn_later();
}

void connection::resume_written() noexcept {
  for (const line which : {line::first_lane, line::second_lane, line::room}) {
    auto& waiting = write_waiters_[static_cast<std::size_t>(which)];
    const auto go_on = [&](write_waiter& one) {
      error_code error = one.given_up ? one.given_up : write_failure_;
      if (one.position <= written(which)) error = {};  // before either
      if (one.given_up) --writes_given_up_;
      one.unlink();
      resume(std::move(one.who), write_outcome{error});
    };
    // Whoever goes on may wait again, so each is looked for anew.
    while (first_goes_on(which)) go_on(waiting.front());
    while (writes_given_up_ > 0) {
      const auto found = std::ranges::find_if(waiting, [](const auto& one) { return one.given_up.failed(); });
      if (found == waiting.end()) break;
      go_on(*found);
    }
  }
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
  if (position <= written(which)) co_return error_code();
  const std::uint64_t id = ++write_waiters_so_far_;
  std::optional<asio::steady_timer> timer;
  if (until != clock::time_point::max()) {
    timer.emplace(executor_, until);
    timer->async_wait([weak = weak_from_this(), which, id](error_code error) {
      auto self = weak.lock();
      if (self && !error) self->give_up_writing(which, id, errc::timed_out);
    });
  }
  write_waiter self;
  self.id = id;
  self.position = position;
  auto suspend = [this, which, id, &self](auto handler) {
    const bool cancellable = on_cancellation(
        handler, [this, which, id](asio::cancellation_type) { give_up_writing(which, id, errc::cancelled); });
    // By position; nearly always at the end.
    auto& waiting = write_waiters_[static_cast<std::size_t>(which)];
    auto at = waiting.end();
    while (at != waiting.begin() && std::prev(at)->position > self.position) --at;
    self.who = waiter<write_outcome>(std::move(handler));
    waiting.insert(at, self);
    if (!cancellable) give_up_writing(which, id, make_error_code(boost::system::errc::not_enough_memory));
  };
  auto waiting = suspended<write_outcome>(suspend);
  const write_outcome outcome = co_await std::move(waiting);
  co_return outcome.error;
}

void connection::give_up_writing(line which, std::uint64_t waiter, error_code why) noexcept {
  auto& waiting = write_waiters_[static_cast<std::size_t>(which)];
  const auto found = std::ranges::find(waiting, waiter, &write_waiter::id);
  if (found == waiting.end() || found->given_up) return;
  found->given_up = why;
  ++writes_given_up_;
  resume_due_ = true;
  turn_later();
}

}  // namespace antiphon::detail
