// Time limits of our calls, also as the peer's progress moves them, and of the peer's handlers, by one timer;
// and the report of handlers that don't get on.

#include "lib/connection.hpp"
#include "lib/params_member.hpp"

#include <antiphon/stall_report.hpp>
#include <antiphon/streaming/encode.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/bind_allocator.hpp>

#include <algorithm>

namespace antiphon {

std::string progress_token::quoted(std::string_view text) {
  output_chain out(*shared_buffer_pool(), 512);
  encode(out, text);
  std::vector<slice> parts;
  out.take(parts);
  std::string json;
  for (const slice& part : parts) json += part.bytes();
  return json;
}

}  // namespace antiphon

namespace antiphon::detail {

// ---------------------------------------------------------------- the timer

// What has ended or is answered needs no limit any more; what isn't has the one that it was given.
auto connection::unanswered() noexcept {
  return [this](lender who) {
    const record* call = lending_record(who);
    return call != nullptr && !call->answered ? clock::time_point::min() : clock::time_point::max();
  };
}

seldom_needed& connection::seldom() {
  if (!seldom_) seldom_ = std::make_unique<seldom_needed>(executor_);
  return *seldom_;
}

void connection::wake_at(clock::time_point when) {
  seldom_needed& mine = seldom();
  if (mine.armed && mine.deadline_timer.expiry() <= when) return;
  // Where one waits already there may be no memory for another: then that one looks again.
  const bool waits = std::exchange(mine.armed, false);
  mine.deadline_timer.expires_at(when);
  auto look = [weak = weak_from_this(), held = mine.memory](error_code error) {
    auto self = weak.lock();
    if (self && self->seldom_ && (!error || !self->seldom_->armed)) self->on_deadline();
  };
  try {
    mine.deadline_timer.async_wait(asio::bind_allocator(mine.memory->allocator(), std::move(look)));
    mine.armed = true;
  } catch (const std::bad_alloc&) {
    if (!waits) throw;
  }
}

void connection::on_deadline() {
  // The time was up before the connection had ended, and this was only waiting for its turn.
  if (!seldom_) return;
  seldom_->armed = false;
  const auto now = clock::now();
  while (pending_calls::entry* call = pending_.expired(now)) give_up(call->id, errc::timed_out);
  if (const auto next = pending_.next_deadline()) wake_at(*next);
  // A handler may do anything when it is cancelled.
  while (seldom_) {
    const auto* next = seldom_->handler_limits.first(unanswered());
    if (next == nullptr) return;
    if (next->when > now) return wake_at(next->when);
    record* call = lending_record(next->key);
    seldom_->handler_limits.pop();
    time_out(*call);
  }
}

// ---------------------------------------------------------------- calls

connection::call_limits connection::limits_of(const call_options& options) const {
  const auto timeout = options.timeout.count() > 0 ? options.timeout : options_.call_timeout;
  call_limits limits;
  if (timeout.count() <= 0 && options.total_timeout.count() <= 0) return limits;
  const auto now = clock::now();
  if (options.total_timeout.count() > 0) limits.last = after(now, options.total_timeout);
  limits.first = timeout.count() > 0 ? std::min(after(now, timeout), limits.last) : limits.last;
  return limits;
}

void connection::watch_progress(std::uint64_t id, const call_options& options, call_limits limits) {
  const auto timeout = options.timeout.count() > 0 ? options.timeout : options_.call_timeout;
  if (timeout.count() <= 0) return;
  seldom().progress.add(options.progress_token, id, timeout, limits.last, pending_);
}

void connection::on_progress(const message_view& message) {
  const std::string_view token = params_member(message.params_text(), options_.progress->token);
  if (is_id_text(token)) seldom_->progress.seen(token, clock::now(), pending_);
}

// ---------------------------------------------------------------- handlers

void connection::limit(record& call) {
  const auto when = from_now(call.route->time_limit());
  if (when == clock::time_point::max()) return;
  seldom().handler_limits.add(when, {&call, call.generation_}, unanswered());
  wake_at(when);
}

// The handler keeps its permit until it ends, but its answer is given.
void connection::time_out(record& call) noexcept {
  if (call.request) {
    ++stats_.requests_timed_out;
    call.outcome = handler_outcome::failed;
    try {
      if (can_send())
        answer_without_record(call.id_, static_cast<int>(rpc_errc::timed_out), "timed out", std::nullopt,
                              call.batch, call.method_);
    } catch (...) {  // no memory, as in answer_error
      drop_reply(call.batch);
      lost(make_error_code(boost::system::errc::not_enough_memory));
    }
    answered(call);
    turn_later();
  }
  call.cancelled_ = true;
  emit_cancel(call);
}

// ---------------------------------------------------------------- stalls

auto connection::about_handler() noexcept {
  return [this](lender who) -> std::optional<stalled_handler> {
    const record* call = lending_record(who);
    if (call == nullptr) return std::nullopt;
    stalled_handler handler;
    handler.method = call->method_;
    handler.id = call->id_;
    handler.calls = call->awaiting;
    return handler;
  };
}

void connection::watch_for_stall(record& call) {
  if (stalls_->started({&call, call.generation_}, clock::now(), about_handler())) changed();
}

void connection::awaits_peer(lender who) {
  if (stalls_->awaits(who, clock::now())) changed();
}

void connection::look_for_stalls(clock::time_point now) {
  try {
    std::optional<stall_report> report = stalls_->look(now, about_handler());
    if (!report || !options_.on_stall) return;
    report->queued = processor_.queued();
    options_.on_stall(*report);
  } catch (...) {  // it is told, nothing more; or there is no memory to tell it
  }
}

}  // namespace antiphon::detail
