// Writing: the one writer, and who waits for it.

#include "lib/connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

namespace antiphon::detail {

void connection::flush() {
  if (outbox_.writing() || outbox_.pending() == 0) return;
  if (writing_) {
    writer_gate_.open();
  } else if (phase_ < phase::closing) {
    start_writer();
  }
}

void connection::start_writer() {
  auto self = alive_.lock();
  if (!self) return;
  writing_ = true;
  try {
    asio::co_spawn(executor_, write_loop(std::move(self)), asio::detached);
  } catch (...) {  // no memory
    writing_ = false;
    throw;
  }
}

asio::awaitable<void> connection::write_loop(std::shared_ptr<connection> self) {
  while (phase_ < phase::closing && !lost_) {
    if (outbox_.pending() == 0) {
      if (writer_gate_.pass()) continue;
      auto waiting = writer_gate_.wait();
      co_await std::move(waiting);
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
    if (figures_) figures_->written(outbox_);
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

void connection::release_written(error_code error) {
  for (const line which : {line::first_lane, line::second_lane, line::room}) {
    auto& waiting = write_waiters_[static_cast<std::size_t>(which)];
    while (!waiting.empty() && (error || waiting.front().position <= written(which))) {
      auto who = std::move(waiting.front().who);
      waiting.pop_front();
      resume_later(std::move(who), write_outcome{error});
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
  auto suspend = [this, which, id, position](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected())
      slot.assign(
          [this, which, id](asio::cancellation_type) { give_up_writing(which, id, errc::cancelled); });
    // By position; nearly always at the end.
    auto& waiting = write_waiters_[static_cast<std::size_t>(which)];
    auto at = waiting.end();
    while (at != waiting.begin() && std::prev(at)->position > position) --at;
    at = waiting.emplace(at);
    at->id = id;
    at->position = position;
    at->who = waiter<write_outcome>(std::move(handler));
  };
  auto waiting = suspended<write_outcome>(suspend);
  const write_outcome outcome = co_await std::move(waiting);
  co_return outcome.error;
}

void connection::give_up_writing(line which, std::uint64_t waiter, errc why) noexcept {
  auto& waiting = write_waiters_[static_cast<std::size_t>(which)];
  const auto found = std::find_if(waiting.begin(), waiting.end(),
                                  [waiter](const write_waiter& one) { return one.id == waiter; });
  if (found == waiting.end()) return;
  auto who = std::move(found->who);
  waiting.erase(found);
  resume_later(std::move(who), write_outcome{make_error_code(why)});
}

}  // namespace antiphon::detail
