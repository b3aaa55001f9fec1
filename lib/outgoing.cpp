// Our own calls: requests, notifications, batches, and the peer's answers to them.

#include "lib/connection.hpp"
#include "lib/errand.hpp"
#include "lib/sending.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <charconv>

namespace antiphon::detail {

namespace {

/// A response's id as one of ours: a plain positive integer. 0 when it can't be.
std::uint64_t own_id(std::string_view text) noexcept {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() && text[0] != '0' ? id : 0;
}

}  // namespace

reply connection::failed(error_code why) noexcept {
  reply answer;
  answer.failure.emplace();
  answer.failure->code = why;
  try {
    answer.failure->message = why.message();
  } catch (const std::bad_alloc&) {  // the code says it too
  }
  return answer;
}

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

std::uint64_t connection::send_request(draft message, clock::time_point deadline) {
  return send_call([&](pending_calls::entry& call) {
           // Before it is sent, since there may be no memory for it.
           if (deadline != clock::time_point::max()) {
             pending_.set_deadline(call, deadline);
             wake_at(deadline);
           }
           std::move(message).append_to(out_);
         })
      .id;
}

auto connection::answer_to(std::uint64_t id, lender from) {
  return suspended<reply>([this, id, from](auto handler) {
    const bool cancellable =
        on_cancellation(handler, [this, id](asio::cancellation_type) { give_up(id, errc::cancelled); });
    pending_calls::entry& call = *pending_.find(id);
    if (record* lending = lending_record(from)) {
      call.from = from;
      call.lent = true;
      // The handler may await several at once: it has its permit back with the last of them.
      if (++lending->awaiting == 1) {
        if (stalls_) awaits_peer(from);
        if (processor_.lend(*lending)) turn_later();
      }
    }
    call.waiter = waiter<reply>(std::move(handler));
    if (!cancellable) {
      give_up(id, make_error_code(boost::system::errc::not_enough_memory));
    } else if (!can_send() || ended_answers()) {
      give_up(id, why_closed());
    }
  });
}

asio::awaitable<reply> connection::request(std::shared_ptr<connection> through, draft message,
                                           call_options options, lender from) {
  if (through == nullptr) throw boost::system::system_error(errc::closed);
  connection& home = *through;
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  if (here != home.executor_) {
    auto asking = request(std::move(through), std::move(message), std::move(options), from);
    auto answer = run_on(home.executor_, std::move(asking));
    co_return co_await std::move(answer);
  }
  const auto limits = home.limits_of(options);
  if (!home.has_room()) {
    auto room = home.wait_for_room(limits.first);
    const error_code error = co_await std::move(room);
    if (error) co_return failed(error);
  }
  if (!home.can_send() || home.ended_answers()) co_return failed(home.why_closed());
  // A cancellation may come before the waiting has begun.
  struct unawaited {
    connection& home;
    std::uint64_t id;
    ~unawaited() { home.forget(id, true); }
  };
  const unawaited guard{home, home.send_request(std::move(message), limits.first)};
  if (!options.progress_token.empty()) home.watch_progress(guard.id, options, limits);
  auto waiting = home.answer_to(guard.id, from);
  reply answer = co_await std::move(waiting);
  co_return answer;
}

asio::awaitable<reply> connection::await_reply(std::uint64_t id, lender from) {
  pending_calls::entry* call = pending_.find(id);
  if (call == nullptr) co_return failed(why_closed());
  if (call->answered()) {
    reply answer = std::move(**call->early);
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
  if (!home.has_room()) {
    auto room = home.wait_for_room(clock::time_point::max());
    const error_code error = co_await std::move(room);
    if (error) throw boost::system::system_error(error);
  }
  if (!home.can_send()) throw boost::system::system_error(home.why_closed());
  home.send_notification(std::move(message));
  auto written = home.wait_written(home.outbox_.last());
  const error_code error = co_await std::move(written);
  if (error) throw boost::system::system_error(error);
}

void connection::send_notification(draft message) {
  send_frame([&] {
    out_.append(message_head);
    std::move(message).append_to(out_);
    out_.append('}');
  });
  ++stats_.notifications_sent;
}

std::uint64_t connection::add_batch_call(draft message, output_chain& members, bool first) {
  pending_calls::entry& call = pending_.add();
  try {
    call.early = std::make_unique<std::optional<reply>>();
    members.append(first ? "[" : ",", message_head, R"("id":)");
    encode(members, call.id);
    members.append(',');
    std::move(message).append_to(members);
    members.append('}');
  } catch (...) {
    pending_.remove(call);
    throw;
  }
  return call.id;
}

asio::awaitable<void> connection::send_batch(output_chain members, std::span<const std::uint64_t> calls,
                                             std::size_t size) {
  const auto deadline = limits_of({}).first;
  error_code error;
  if (!has_room()) {
    auto room = wait_for_room(deadline);
    error = co_await std::move(room);
  }
  if (!error && (!can_send() || (!calls.empty() && ended_answers()))) error = why_closed();
  if (error) {
    for (const std::uint64_t id : calls) {
      if (auto* call = pending_.find(id)) end_call(*call, error);
    }
    throw boost::system::system_error(error);
  }
  if (deadline != clock::time_point::max()) {
    for (const std::uint64_t id : calls) {
      auto* call = pending_.find(id);
      if (call != nullptr && !call->ended()) pending_.set_deadline(*call, deadline);
    }
    wake_at(deadline);
  }
  members.append(']');
  send_frame([&] { out_.append(std::move(members)); });
  for (const std::uint64_t id : calls) {
    if (auto* call = pending_.find(id)) call->sent = !call->ended();
  }
  stats_.requests_sent += calls.size();
  stats_.notifications_sent += size - calls.size();
  auto written = wait_written(outbox_.last());
  error = co_await std::move(written);
  if (error) throw boost::system::system_error(error);
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
  if (call->through != nullptr) {
    transit& who = *call->through;
    const std::string_view value = is_error ? message.error_text() : message.result_text();
    const slice held = pins(value) ? decoder_.pin(value) : slice(value);
    pending_.remove(*call);
    return who.answered(is_error, held);
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
  answer_call(*call, std::move(answer));
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

void connection::answer_call(pending_calls::entry& call, reply answer) noexcept {
  if (call.lent) return_permit(call);
  if (!call.waiter) {
    // Part of a batch that nobody has awaited yet.
    *call.early = std::move(answer);
    pending_.clear_deadline(call);
    return;
  }
  auto who = std::move(call.waiter);
  pending_.remove(call);
  resume(std::move(who), std::move(answer));
}

// Whoever waits is told later: the caller may be in the middle of something.
void connection::end_call(pending_calls::entry& call, error_code why) noexcept {
  if (call.ended() || call.answered()) return;
  if (call.through != nullptr) {
    transit& who = *call.through;
    pending_.remove(call);
    return who.failed(why);
  }
  if (call.lent) return_permit(call);
  call.sent = false;
  if (!call.waiter) {
    // A batch's call that nobody has awaited yet; another one is about to wait, see answer_to.
    if (call.early) *call.early = failed(why);
    pending_.clear_deadline(call);
    return;
  }
  pending_.end(call, why);
  resume_due_ = true;
  turn_later();
}

void connection::return_permit(pending_calls::entry& call) noexcept {
  call.lent = false;
  if (record* lending = lending_record(call.from); lending != nullptr && --lending->awaiting == 0) {
    if (stalls_) stalls_->goes_on(call.from);
    processor_.reclaim(*lending);
  }
}

record* connection::lending_record(lender from) noexcept {
  auto* call = static_cast<record*>(from.call);
  return call != nullptr && call->generation_ == from.generation ? call : nullptr;
}

void connection::give_up(std::uint64_t id, error_code why) noexcept {
  pending_calls::entry* call = pending_.find(id);
  if (call == nullptr || call->ended()) return;
  if (call->sent && !call->answered() && can_send()) write_cancel(id);
  end_call(*call, why);
}

void connection::forget(std::uint64_t id, bool tell) noexcept {
  pending_calls::entry* call = pending_.find(id);
  if (call == nullptr || call->waiter) return;
  if (tell && can_send()) write_cancel(id);
  pending_.remove(*call);
}

void connection::write_cancel(std::uint64_t id) noexcept try {
  if (options_.cancel_method.empty()) return;
  send_frame([&] {
    out_.append(message_head, R"("method":)");
    encode(out_, options_.cancel_method);
    out_.append(R"(,"params":{"id":)");
    encode(out_, id);
    out_.append("}}");
  });
  ++stats_.notifications_sent;
} catch (...) {  // no memory to tell the peer; its answer will be dropped
}

void connection::fail_pending(error_code why) noexcept {
  std::size_t at = 0;
  while (pending_calls::entry* call = pending_.next(at)) end_call(*call, why);
}

}  // namespace antiphon::detail
