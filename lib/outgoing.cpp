// Our own calls: requests, notifications, batches, and the peer's answers to them.

#include "lib/connection.hpp"
#include "lib/errand.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <charconv>

namespace antiphon::detail {

namespace {

constexpr std::string_view head = R"({"jsonrpc":"2.0",)";

reply failed(error_code why) { return {raw_json(), call_failure{why, why.message(), std::nullopt}}; }

/// A response's id as one of ours: a plain positive integer. 0 when it can't be.
std::uint64_t own_id(std::string_view text) noexcept {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() && text[0] != '0' ? id : 0;
}

}  // namespace

error_code connection::why_closed() const noexcept {
  switch (ended_.reason) {
    case end_reason::end_of_input: return make_error_code(errc::end_of_input);
    case end_reason::closed_here: return make_error_code(errc::closed);
    case end_reason::connection_lost: return make_error_code(errc::connection_lost);
    case end_reason::protocol_error:
    case end_reason::limit_exceeded:
    case end_reason::timed_out: return ended_.error;
  }
  return make_error_code(errc::closed);
}

connection::clock::time_point connection::deadline_of(call_options options) const {
  const auto timeout = options.timeout.count() > 0 ? options.timeout : options_.call_timeout;
  return timeout.count() > 0 ? from_now(timeout) : clock::time_point::max();
}

std::uint64_t connection::send_request(draft message, clock::time_point deadline) {
  pending_calls::entry& call = pending_.add();
  call.sent = true;
  try {
    out_.begin_frame(decoder_.rules());
    out_.append(head, R"("id":)");
    encode(out_, call.id);
    out_.append(',');
    std::move(message).append_to(out_);
    out_.append('}');
    if (hooks_ & middleware::on_sent) show_sent();
    out_.end_frame(decoder_.rules());
  } catch (...) {
    out_.drop_frame();
    pending_.remove(call);
    throw;
  }
  ++stats_.requests_sent;
  if (deadline != clock::time_point::max()) {
    pending_.set_deadline(call, deadline);
    arm_call_timer();
  }
  turn_later();
  return call.id;
}

auto connection::answer_to(std::uint64_t id, lender from) {
  return suspended<reply>([this, id, from](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([this, id](asio::cancellation_type) { give_up(id, errc::cancelled); });
    }
    pending_calls::entry& call = *pending_.find(id);
    if (record* lending = lending_record(from)) {
      call.from = from;
      call.lent = true;
      // The handler may await several at once: it has its permit back with the last of them.
      if (++lending->awaiting == 1 && processor_.lend(*lending)) turn_later();
    }
    call.waiter = waiter<reply>(std::move(handler));
  });
}

asio::awaitable<reply> connection::request(std::shared_ptr<connection> through, draft message,
                                           call_options options, lender from) {
  if (through == nullptr) throw boost::system::system_error(errc::closed);
  connection& home = *through;
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  if (here != home.executor_) {
    auto asking = request(std::move(through), std::move(message), options, from);
    auto answer = run_on(home.executor_, std::move(asking));
    co_return co_await std::move(answer);
  }
  const auto deadline = home.deadline_of(options);
  if (home.backlog() > home.options_.max_outgoing_bytes) {
    auto room = home.wait_for_room(deadline);
    const error_code error = co_await std::move(room);
    if (error) co_return failed(error);
  }
  if (!home.can_send() || home.ended_answers()) co_return failed(home.why_closed());
  // A cancellation may come before the waiting has begun.
  struct unawaited {
    connection& home;
    std::uint64_t id;
    ~unawaited() { home.drop_unawaited(id); }
  };
  const unawaited guard{home, home.send_request(std::move(message), deadline)};
  auto waiting = home.answer_to(guard.id, from);
  reply answer = co_await std::move(waiting);
  co_return answer;
}

void connection::drop_unawaited(std::uint64_t id) noexcept {
  pending_calls::entry* call = pending_.find(id);
  if (call == nullptr || call->waiter) return;
  if (can_send()) write_cancel(id);
  pending_.remove(*call);
}

asio::awaitable<reply> connection::await_reply(std::uint64_t id, lender from) {
  pending_calls::entry* call = pending_.find(id);
  if (call == nullptr) co_return failed(why_closed());
  if (call->early) {
    reply answer = std::move(*call->early);
    pending_.remove(*call);
    co_return answer;
  }
  auto waiting = answer_to(id, from);
  reply answer = co_await std::move(waiting);
  co_return answer;
}

asio::awaitable<void> connection::notify(std::shared_ptr<connection> through, draft message) {
  if (through == nullptr) throw boost::system::system_error(errc::closed);
  connection& home = *through;
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  if (here != home.executor_) {
    auto sending = notify(std::move(through), std::move(message));
    auto sent = run_on(home.executor_, std::move(sending));
    co_await std::move(sent);
    co_return;
  }
  if (home.backlog() > home.options_.max_outgoing_bytes) {
    auto room = home.wait_for_room(clock::time_point::max());
    const error_code error = co_await std::move(room);
    if (error) throw boost::system::system_error(error);
  }
  if (!home.can_send()) throw boost::system::system_error(home.why_closed());
  home.send_notification(std::move(message));
  auto written = home.wait_written(home.written_position_ + home.backlog(), clock::time_point::max());
  const error_code error = co_await std::move(written);
  if (error) throw boost::system::system_error(error);
}

void connection::send_notification(draft message) {
  try {
    out_.begin_frame(decoder_.rules());
    out_.append(head);
    std::move(message).append_to(out_);
    out_.append('}');
    if (hooks_ & middleware::on_sent) show_sent();
    out_.end_frame(decoder_.rules());
  } catch (...) {
    out_.drop_frame();
    throw;
  }
  ++stats_.notifications_sent;
  turn_later();
}

std::uint64_t connection::add_batch_call(draft message, output_chain& members, bool first) {
  pending_calls::entry& call = pending_.add();
  members.append(first ? "[" : ",", head, R"("id":)");
  encode(members, call.id);
  members.append(',');
  std::move(message).append_to(members);
  members.append('}');
  return call.id;
}

asio::awaitable<void> connection::send_batch(output_chain members, std::vector<std::uint64_t> calls,
                                             std::size_t size) {
  const auto deadline = deadline_of({});
  error_code error;
  if (backlog() > options_.max_outgoing_bytes) {
    auto room = wait_for_room(deadline);
    error = co_await std::move(room);
  }
  if (!error && (!can_send() || ended_answers())) error = why_closed();
  if (error) {
    for (const std::uint64_t id : calls) {
      if (auto* call = pending_.find(id)) complete(*call, failed(error), true);
    }
    throw boost::system::system_error(error);
  }
  members.append(']');
  out_.begin_frame(decoder_.rules());
  out_.append(std::move(members));
  if (hooks_ & middleware::on_sent) show_sent();
  out_.end_frame(decoder_.rules());
  for (const std::uint64_t id : calls) {
    auto* call = pending_.find(id);
    if (call == nullptr) continue;
    call->sent = true;
    if (deadline != clock::time_point::max()) pending_.set_deadline(*call, deadline);
  }
  arm_call_timer();
  stats_.requests_sent += calls.size();
  stats_.notifications_sent += size - calls.size();
  turn_later();
  auto written = wait_written(written_position_ + backlog(), clock::time_point::max());
  error = co_await std::move(written);
  if (error) throw boost::system::system_error(error);
}

asio::awaitable<error_code> connection::wait_for_room(clock::time_point until) {
  while (backlog() > options_.max_outgoing_bytes && can_send()) {
    auto written = wait_written(written_position_ + backlog() - options_.max_outgoing_bytes, until);
    const error_code error = co_await std::move(written);
    if (error) co_return error;
  }
  co_return error_code();
}

asio::awaitable<error_code> connection::wait_written(std::uint64_t position, clock::time_point until) {
  if (lost_) co_return why_closed();
  if (position <= written_position_) co_return error_code();
  const std::uint64_t id = ++write_waiters_so_far_;
  std::optional<asio::steady_timer> timer;
  if (until != clock::time_point::max()) {
    timer.emplace(executor_, until);
    timer->async_wait([weak = weak_from_this(), id](error_code error) {
      auto self = weak.lock();
      if (self && !error) self->give_up_writing(id, errc::timed_out);
    });
  }
  auto suspend = [this, id, position](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected())
      slot.assign([this, id](asio::cancellation_type) { give_up_writing(id, errc::cancelled); });
    // By position; nearly always at the end.
    auto at = write_waiters_.end();
    while (at != write_waiters_.begin() && std::prev(at)->position > position) --at;
    at = write_waiters_.emplace(at);
    at->id = id;
    at->position = position;
    at->who = waiter<write_outcome>(std::move(handler));
  };
  auto waiting = suspended<write_outcome>(suspend);
  const write_outcome outcome = co_await std::move(waiting);
  co_return outcome.error;
}

void connection::give_up_writing(std::uint64_t waiter, errc why) noexcept {
  const auto found = std::find_if(write_waiters_.begin(), write_waiters_.end(),
                                  [waiter](const write_waiter& one) { return one.id == waiter; });
  if (found == write_waiters_.end()) return;
  auto who = std::move(found->who);
  write_waiters_.erase(found);
  resume_later(std::move(who), write_outcome{make_error_code(why)});
}

// ---------------------------------------------------------------- answers

void connection::on_response(const message_view& message, bool is_error) {
  ++stats_.responses_received;
  const std::uint64_t id = own_id(message.id_text());
  pending_calls::entry* call = pending_.find(id);
  if (call == nullptr || !call->sent) {
    ++(pending_.issued(id) ? stats_.responses_late : stats_.responses_unknown);
    return;
  }
  reply answer;
  try {
    if (is_error) {
      answer.failure = error_of(message);
    } else {
      answer.result = raw_json(kept(message.result_text()));
    }
  } catch (const std::exception&) {
    answer = failed(make_error_code(boost::system::errc::not_enough_memory));
  }
  complete(*call, std::move(answer), false);
}

call_failure connection::error_of(const message_view& message) const {
  call_failure failure{make_error_code(errc::invalid_response), "the peer's error is malformed",
                       std::nullopt};
  json_cursor in(message.error_text());
  string_token name;
  std::int64_t code = 0;
  std::string text;
  bool has_code = false;
  bool more = false;
  if (!in.enter_object(more)) return failure;
  std::optional<raw_json> data;
  for (; more; more = in.next_member()) {
    if (!in.read_name(name)) return failure;
    if (name.is("code")) {
      if (!in.read_int64(code)) return failure;
      has_code = std::in_range<int>(code);
    } else if (name.is("message")) {
      if (!in.read_string(text)) return failure;
    } else if (name.is("data")) {
      std::string_view value;
      if (!in.read_raw(value)) return failure;
      data = raw_json(value).keep();
    } else if (!in.skip_value()) {
      return failure;
    }
  }
  if (!has_code) return failure;
  failure.code = error_code(static_cast<int>(code), rpc_category());
  failure.message = std::move(text);
  failure.data = std::move(data);
  return failure;
}

void connection::complete(pending_calls::entry& call, reply answer, bool later) {
  if (call.lent) return_permit(call);
  if (!call.waiter) {
    // Part of a batch that nobody has awaited yet.
    call.early = std::move(answer);
    pending_.clear_deadline(call);
    return;
  }
  auto who = std::move(call.waiter);
  pending_.remove(call);
  if (later) {
    resume_later(std::move(who), std::move(answer));
  } else {
    resume(std::move(who), std::move(answer));
  }
}

void connection::return_permit(pending_calls::entry& call) noexcept {
  call.lent = false;
  if (record* lending = lending_record(call.from); lending != nullptr && --lending->awaiting == 0)
    processor_.reclaim(*lending);
}

record* connection::lending_record(lender from) noexcept {
  auto* call = static_cast<record*>(from.call);
  return call != nullptr && call->generation_ == from.generation ? call : nullptr;
}

void connection::give_up(std::uint64_t id, errc why) noexcept {
  pending_calls::entry* call = pending_.find(id);
  if (call == nullptr) return;
  if (call->sent && !call->early && can_send() && !lost_) write_cancel(id);
  complete(*call, failed(make_error_code(why)), true);
}

void connection::forget(std::uint64_t id) noexcept {
  if (pending_calls::entry* call = pending_.find(id); call != nullptr && !call->waiter)
    pending_.remove(*call);
}

void connection::write_cancel(std::uint64_t id) noexcept try {
  if (options_.cancel_method.empty()) return;
  out_.begin_frame(decoder_.rules());
  out_.append(head, R"("method":)");
  encode(out_, options_.cancel_method);
  out_.append(R"(,"params":{"id":)");
  encode(out_, id);
  out_.append("}}");
  if (hooks_ & middleware::on_sent) show_sent();
  out_.end_frame(decoder_.rules());
  ++stats_.notifications_sent;
  turn_later();
} catch (...) {  // no memory to tell the peer; its answer will be dropped
  out_.drop_frame();
}

void connection::fail_pending(error_code why) noexcept {
  // The table may change under a caller that is resumed, so all of them are resumed later.
  std::vector<std::uint64_t> ids = pending_.ids();
  for (const std::uint64_t id : ids) {
    pending_calls::entry* call = pending_.find(id);
    if (call != nullptr && !call->early) complete(*call, failed(why), true);
  }
}

// ---------------------------------------------------------------- timeouts

void connection::arm_call_timer() {
  const auto next = pending_.next_deadline();
  if (!next || (call_timer_armed_ && call_timer_->expiry() <= *next)) return;
  if (!call_timer_) call_timer_ = std::make_unique<asio::steady_timer>(executor_);
  call_timer_armed_ = true;
  call_timer_->expires_at(*next);
  call_timer_->async_wait([weak = weak_from_this()](error_code error) {
    auto self = weak.lock();
    if (!self || error) return;
    self->on_call_timer();
  });
}

void connection::on_call_timer() {
  call_timer_armed_ = false;
  while (pending_calls::entry* call = pending_.expired(clock::now())) give_up(call->id, errc::timed_out);
  arm_call_timer();
}

}  // namespace antiphon::detail
