// Our own calls: requests, notifications, batches, and the peer's answers to them.

#include "lib/connection.hpp"

#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <type_traits>

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
    case end_reason::limit_exceeded: return ended_.error;
  }
  return make_error_code(errc::closed);
}

connection::clock::time_point connection::deadline_of(call_options options) const {
  const auto timeout = options.timeout.count() > 0 ? options.timeout : options_.call_timeout;
  const auto now = clock::now();
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(clock::time_point::max() - now);
  return timeout.count() > 0 && timeout < most ? now + timeout : clock::time_point::max();
}

asio::awaitable<reply> connection::request(draft message, call_options options, lender from) {
  const auto deadline = deadline_of(options);
  if (backlog() > options_.max_outgoing_bytes) {
    auto room = wait_for_room(deadline);
    const error_code error = co_await std::move(room);
    if (error) co_return failed(error);
  }
  if (!can_send() || ended_answers()) co_return failed(why_closed());
  pending_calls::entry& call = pending_.add();
  const std::uint64_t id = call.id;
  call.sent = true;
  try {
    out_.begin_frame(*out_framing_);
    out_.append(head);
    out_.append(R"("id":)");
    encode(out_, id);
    out_.append(',');
    std::move(message).append_to(out_);
    out_.append('}');
    out_.end_frame(*out_framing_);
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
  // A cancellation may come before the waiting has begun.
  struct unawaited {
    connection& home;
    std::uint64_t id;
    ~unawaited() { home.drop_unawaited(id); }
  };
  const unawaited guard{*this, id};
  auto answer = await_reply(id, from);
  co_return co_await std::move(answer);
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
  if (record* lending = lending_record(from)) {
    call->from = from;
    call->lent = true;
    // The handler may await several at once: it has its permit back with the last of them.
    if (++lending->awaiting == 1 && processor_.lend(*lending)) turn_later();
  }
  auto suspend = [this, id](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([this, id](asio::cancellation_type) { give_up(id, errc::cancelled); });
    }
    pending_.find(id)->waiter.put(std::move(handler));
  };
  reply answer =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(reply)>(suspend, asio::use_awaitable);
  co_return answer;
}

asio::awaitable<void> connection::notify(draft message) {
  if (backlog() > options_.max_outgoing_bytes) {
    auto room = wait_for_room(clock::time_point::max());
    const error_code error = co_await std::move(room);
    if (error) throw boost::system::system_error(error);
  }
  if (!can_send()) throw boost::system::system_error(why_closed());
  try {
    out_.begin_frame(*out_framing_);
    out_.append(head);
    std::move(message).append_to(out_);
    out_.append('}');
    out_.end_frame(*out_framing_);
  } catch (...) {
    out_.drop_frame();
    throw;
  }
  ++stats_.notifications_sent;
  turn_later();
  auto written = wait_written(written_position_ + backlog(), clock::time_point::max());
  const error_code error = co_await std::move(written);
  if (error) throw boost::system::system_error(error);
}

std::uint64_t connection::add_batch_call(draft message, output_chain& members, bool first) {
  pending_calls::entry& call = pending_.add();
  members.append(first ? '[' : ',');
  members.append(head);
  members.append(R"("id":)");
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
  std::vector<slice> parts;
  members.take(parts);
  out_.begin_frame(*out_framing_);
  for (const slice& part : parts) out_.append(part);
  out_.end_frame(*out_framing_);
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
    at->who.put(std::move(handler));
  };
  const write_outcome outcome =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(write_outcome)>(suspend,
                                                                                        asio::use_awaitable);
  co_return outcome.error;
}

void connection::give_up_writing(std::uint64_t waiter, errc why) noexcept {
  const auto found = std::find_if(write_waiters_.begin(), write_waiters_.end(),
                                  [waiter](const write_waiter& one) { return one.id == waiter; });
  if (found == write_waiters_.end()) return;
  auto who = found->who.take();
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
  std::string_view key;
  std::int64_t code = 0;
  std::string text;
  bool has_code = false;
  if (!in.enter_object()) return failure;
  std::optional<raw_json> data;
  while (in.next_member(key)) {
    std::string_view value;
    if (key == "code") {
      if (!in.read_int64(code)) return failure;
      has_code = std::in_range<int>(code);
    } else if (key == "message") {
      if (!in.read_string(value)) return failure;
      text = value;
    } else if (key == "data") {
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
  auto who = call.waiter.take();
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
  out_.begin_frame(*out_framing_);
  out_.append(head);
  out_.append(R"("method":)");
  encode(out_, options_.cancel_method);
  out_.append(R"(,"params":{"id":)");
  encode(out_, id);
  out_.append("}}");
  out_.end_frame(*out_framing_);
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

// ---------------------------------------------------------------- what peer handles call

namespace {

template <class T>
struct outcome {
  std::exception_ptr failure;
  std::optional<T> value;
};
template <>
struct outcome<void> {
  std::exception_ptr failure;
};

/// What a caller on another executor has done for him. The signal is used on the connection's executor only.
template <class T>
struct errand {
  asio::cancellation_signal stop;
  waiter_slot<outcome<T>> caller;
};

template <class T>
asio::awaitable<void> run_errand(std::shared_ptr<connection> /*home*/, std::shared_ptr<errand<T>> what,
                                 asio::awaitable<T> operation) {
  outcome<T> how;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(operation);
    } else {
      how.value = co_await std::move(operation);
    }
  } catch (...) {
    how.failure = std::current_exception();
  }
  resume_later(what->caller.take(), std::move(how));
}

/// Runs `operation` on the connection's executor; the caller stays on his own, also when he is cancelled.
///
/// In place of `co_spawn` with his handler: Asio 1.81 hands the cancellation over through a plain pointer,
/// which may be gone by then.
template <class T>
asio::awaitable<T> on_its_executor(std::shared_ptr<connection> home, asio::awaitable<T> operation) {
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  const asio::any_io_executor there = home->executor();
  if (here == there) co_return co_await std::move(operation);
  auto suspend = [&](auto handler) {
    auto what = std::make_shared<errand<T>>();
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr(what), there](asio::cancellation_type type) {
        asio::post(there, [weak, type] {
          if (const auto running = weak.lock()) running->stop.emit(type);
        });
      });
    }
    what->caller.put(std::move(handler));
    // The signal outlives the coroutine that it belongs to.
    auto ended = [what, there](std::exception_ptr) { asio::post(there, [what] {}); };
    asio::co_spawn(there, run_errand(home, what, std::move(operation)),
                   asio::bind_cancellation_slot(what->stop.slot(), std::move(ended)));
  };
  outcome<T> how = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(outcome<T>)>(
      suspend, asio::use_awaitable);
  if (how.failure) std::rethrow_exception(how.failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*how.value);
}

}  // namespace

asio::awaitable<reply> request(std::shared_ptr<connection> through, draft message, call_options options,
                               lender from) {
  if (through == nullptr) throw boost::system::system_error(errc::closed);
  auto asking = through->request(std::move(message), options, from);
  auto answer = on_its_executor(through, std::move(asking));
  co_return co_await std::move(answer);
}

asio::awaitable<void> notify(std::shared_ptr<connection> through, draft message) {
  if (through == nullptr) throw boost::system::system_error(errc::closed);
  auto sending = through->notify(std::move(message));
  auto sent = on_its_executor(through, std::move(sending));
  co_await std::move(sent);
}

asio::awaitable<reply> await_ticket(ticket claim, lender from) {
  auto answer = claim.through()->await_reply(claim.id(), from);
  co_return co_await std::move(answer);
}

ticket::~ticket() {
  if (connection_) connection_->forget(id_);
}

output_chain draft::empty() { return output_chain(*shared_buffer_pool(), 512); }

void draft::method(std::string_view name) {
  text_.append(R"("method":)");
  encode(text_, name);
}

void draft::append_to(output_chain& out) && {
  std::vector<slice> parts;
  text_.take(parts);
  for (const slice& part : parts) out.append(part);
}

bool check_whole_params(json_kind kind) {
  if (kind == json_kind::null) return false;
  if (kind == json_kind::array || kind == json_kind::object) return true;
  throw boost::system::system_error(errc::not_encodable, "params must be an array or an object");
}

}  // namespace antiphon::detail

namespace antiphon {

batch::batch(std::shared_ptr<detail::connection> through, detail::lender from)
    : connection_(std::move(through)), from_(from), members_(*shared_buffer_pool(), 4 * 1024) {
  if (connection_ == nullptr) throw boost::system::system_error(errc::closed);
}

batch::~batch() {
  for (const std::uint64_t id : calls_) connection_->give_up(id, errc::cancelled);
}

detail::ticket batch::add_call(detail::draft message) {
  const std::uint64_t id = connection_->add_batch_call(std::move(message), members_, size_ == 0);
  ++size_;
  calls_.push_back(id);
  return detail::ticket(connection_, id);
}

void batch::add_notification(detail::draft message) {
  members_.append(size_++ == 0 ? '[' : ',');
  members_.append(R"({"jsonrpc":"2.0",)");
  std::move(message).append_to(members_);
  members_.append('}');
}

asio::awaitable<void> batch::send() {
  if (size_ == 0) co_return;
  auto calls = std::exchange(calls_, {});
  const std::size_t size = std::exchange(size_, 0);
  auto sent = connection_->send_batch(std::move(members_), std::move(calls), size);
  members_ = output_chain(*shared_buffer_pool(), 4 * 1024);
  co_await std::move(sent);
}

void peer::close(std::chrono::milliseconds drain) const {
  if (connection_ == nullptr) return;
  asio::dispatch(connection_->executor(), [c = connection_, drain] { c->close(drain); });
}

void peer::close() const {
  if (connection_ != nullptr) close(connection_->options().close_timeout);
}

endpoint_stats peer::stats() const {
  return connection_ == nullptr ? endpoint_stats() : connection_->stats();
}

asio::any_io_executor peer::get_executor() const {
  return connection_ == nullptr ? asio::any_io_executor() : connection_->executor();
}

}  // namespace antiphon
