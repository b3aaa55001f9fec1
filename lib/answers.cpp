// Answers to the peer, alone and in batches, and what routes call to give them.

#include "lib/errand.hpp"
#include "lib/sending.hpp"

#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace antiphon::detail {

namespace {

constexpr std::string_view internal_error = "internal error";

// Whether this is how an operation ends that was cancelled.
bool is_cancellation(const std::exception_ptr& why) noexcept {
  try {
    std::rethrow_exception(why);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted || e.code() == errc::cancelled;
  } catch (...) {
    return false;
  }
}

void write_error(output_chain& out, std::string_view id, int code, std::string_view message,
                 const std::optional<raw_json>& data) {
  out.append(reply_head, id.empty() ? std::string_view("null") : id, R"(,"error":{"code":)");
  encode(out, code);
  out.append(R"(,"message":)");
  try {
    encode(out, message);
  } catch (const boost::system::system_error&) {
    out.append(R"("the error's text is not UTF-8")");
  }
  if (data) {
    out.append(R"(,"data":)");
    encode(out, *data);
  }
  out.append("}}");
}

}  // namespace

output_chain& connection::open_reply(const std::shared_ptr<batch_reply>& batch) {
  if (!batch) {
    out_.begin_frame(decoder_.rules());
    return out_;
  }
  batch->members.begin_frame(bare_);
  batch->members.append(batch->answered == 0 ? '[' : ',');
  return batch->members;
}

// Returns where an answer that isn't a batch's stands.
outbox::place connection::close_reply(const std::shared_ptr<batch_reply>& batch, bool unbounded) {
  if (batch) {
    const std::size_t size = batch->members.frame_size();
    batch->members.end_frame(bare_);
    batched_bytes_ -= batch->held();
    ++batch->answered;
    batch->bytes += size;
    if (unbounded) batch->unbounded += size;
    batched_bytes_ += batch->held();
    return {};
  }
  out_.end_frame(decoder_.rules());
  const outbox::place where = outbox_.file_answer(unbounded ? out_.last_frame_size() : 0);
  stats_.outgoing_bytes_peak = std::max(stats_.outgoing_bytes_peak, backlog());
  return where;
}

// Before its frame is closed.
void connection::show_answer(const std::shared_ptr<batch_reply>& batch, message_kind kind,
                             std::string_view id, std::string_view method) noexcept {
  if (!observers_.want(middleware::on_sent)) return;
  // A member's comma, or the batch's bracket, is none of the message.
  observers_.answered(batch ? batch->members : out_, batch ? 1 : 0, kind, id.empty() ? "null" : id, method);
}

void connection::drop_reply(const std::shared_ptr<batch_reply>& batch) noexcept {
  (batch ? batch->members : out_).drop_frame();
}

// The reader doesn't stop for them: what would complete them may be unread. So their further members are
// turned away, and with that they are complete. One batch's answer may be as large as a message.
bool connection::batches_owe_too_much(const batch_reply& batch) const noexcept {
  return batch.bytes > options_.limits.message_bytes ||
         batched_bytes_ - batch.held() > options_.max_outgoing_bytes;
}

void connection::batch_member_done(const std::shared_ptr<batch_reply>& batch) noexcept {
  if (--batch->open > 0) return;
  batched_bytes_ -= batch->held();
  if (batch->answered == 0 || !can_send()) return;
  try {
    batch->members.append(']');
    out_.begin_frame(decoder_.rules());
    out_.append(std::move(batch->members));
    out_.end_frame(decoder_.rules());
  } catch (...) {  // no memory, as in answer_error
    out_.drop_frame();
    return lost(make_error_code(boost::system::errc::not_enough_memory));
  }
  outbox_.file_answer(batch->unbounded);
  turn_later();
}

void connection::answer_without_record(std::string_view id, int code, std::string_view message,
                                       const std::optional<raw_json>& data,
                                       const std::shared_ptr<batch_reply>& batch, std::string_view method) {
  ++stats_.errors_sent;
  write_error(open_reply(batch), id, code, message, data);
  show_answer(batch, message_kind::error_response, id, method);
  close_reply(batch, true);
}

output_chain* connection::begin_result(record& call) {
  if (call.notification_ || call.answered || !can_send()) return nullptr;
  output_chain& out = open_reply(call.batch);
  out.append(reply_head, call.id_, R"(,"result":)");
  return &out;
}

void connection::drop_result(record& call) noexcept { drop_reply(call.batch); }

outbox::place connection::close_result(record& call) {
  output_chain& out = call.batch ? call.batch->members : out_;
  out.append('}');
  show_answer(call.batch, message_kind::response, call.id_, call.method_);
  const outbox::place where = close_reply(call.batch, unbounded(call));
  // What is in a batch leaves with the last of it.
  if (!call.batch) observers_.encoded(call, where);
  ++stats_.results_sent;
  return where;
}

void connection::end_result(record& call) {
  close_result(call);
  finished(call);
}

asio::awaitable<void> connection::answer_early(std::shared_ptr<connection> through, lender to,
                                               output_chain result) {
  connection& home = *through;
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  if (here != home.executor_) {
    auto answering = answer_early(std::move(through), to, std::move(result));
    auto answered = run_on(home.executor_, std::move(answering));
    co_await std::move(answered);
    co_return;
  }
  record* call = home.lending_record(to);
  if (call == nullptr || call->notification_ || call->answered) co_return;
  output_chain* out = home.begin_result(*call);
  if (out == nullptr) throw boost::system::system_error(home.why_closed());
  outbox::place where;
  try {
    out->append(std::move(result));
    where = home.close_result(*call);
  } catch (...) {
    home.drop_result(*call);
    throw;
  }
  const bool in_batch = call->batch != nullptr;
  home.answered(*call);
  home.turn_later();
  if (in_batch) co_return;
  auto written = home.wait_written(where);
  const error_code error = co_await std::move(written);
  if (error) throw boost::system::system_error(error);
}

// Its answer has been given, or will never be. The handler may go on.
void connection::answered(record& call) noexcept {
  if (call.answered) return;
  call.answered = true;
  in_flight_.remove(call);
  if (call.batch && call.request) batch_member_done(call.batch);
}

void connection::finished(record& call) noexcept {
  if (observers_.watch()) observers_.dealt_with(call);
  answered(call);
  if (call.state == processor::state::queued) {
    processor_.drop(call);
  } else if (call.state != processor::state::idle) {
    processor_.finish(call);
  }
  turn_later();
  if (!call.coroutine) release(call);
}

void connection::answer_error(record& call, int code, std::string_view message,
                              const std::optional<raw_json>& data) noexcept {
  if (call.outcome == handler_outcome::answered && !call.answered) call.outcome = handler_outcome::failed;
  if (call.notification_) {
    ++stats_.notifications_failed;
  } else if (!call.answered && can_send()) {
    try {
      write_error(open_reply(call.batch), call.id_, code, message, data);
      show_answer(call.batch, message_kind::error_response, call.id_, call.method_);
      close_reply(call.batch, unbounded(call));
      ++stats_.errors_sent;
    } catch (...) {
      // Out of memory even for an error: better no connection than one that owes an answer for ever.
      drop_reply(call.batch);
      lost(make_error_code(boost::system::errc::not_enough_memory));
    }
  }
  finished(call);
}

void connection::fail(record& call, std::exception_ptr why) noexcept {
  if (call.cancelled_ && is_cancellation(why)) {
    if (!call.answered) call.outcome = handler_outcome::cancelled;
    answer_error(call, static_cast<int>(rpc_errc::request_cancelled), "cancelled", std::nullopt);
    return;
  }
  if (observers_.want(middleware::on_handler_threw)) why = observers_.translated(call, std::move(why));
  try {
    std::rethrow_exception(why);
  } catch (const rpc_error& e) {
    answer_error(call, e.value(), e.message(), e.data());
  } catch (const std::exception& e) {
    call.outcome = handler_outcome::threw;
    // What went wrong inside is nothing for the peer, unless it is trusted.
    answer_error(call, static_cast<int>(rpc_errc::internal_error),
                 options_.tell_exceptions ? std::string_view(e.what()) : internal_error, std::nullopt);
  } catch (...) {
    call.outcome = handler_outcome::threw;
    answer_error(call, static_cast<int>(rpc_errc::internal_error), internal_error, std::nullopt);
  }
}

// ---------------------------------------------------------------- what routes call

namespace {

record& as_record(inbound_call& call) { return static_cast<record&>(call); }
connection& of(inbound_call& call) { return *as_record(call).connection_; }

}  // namespace

void inbound_call::fail(std::exception_ptr why) noexcept { of(*this).fail(as_record(*this), std::move(why)); }

void inbound_call::fail_params(const decode_error& why) {
  of(*this).answer_error(as_record(*this), static_cast<int>(rpc_errc::invalid_params),
                         "invalid params: " + why.describe(), std::nullopt);
}

void inbound_call::run(asio::awaitable<void> handler) { of(*this).run(as_record(*this), std::move(handler)); }
void inbound_call::keep_message() { of(*this).keep(as_record(*this)); }
output_chain* inbound_call::begin_result() { return of(*this).begin_result(as_record(*this)); }
void inbound_call::drop_result() noexcept { of(*this).drop_result(as_record(*this)); }
void inbound_call::end_result() { of(*this).end_result(as_record(*this)); }
void inbound_call::finished() noexcept { of(*this).finished(as_record(*this)); }

bool params_reader::none_expected() {
  if (missing_) return true;
  if (in_.at_value('{')) return in_.skip_value() && in_.at_end();
  bool more = false;
  if (!in_.enter_array(more)) return false;
  if (more) return in_.fail(errc::wrong_length, "expected no parameters");
  return in_.at_end();
}

}  // namespace antiphon::detail

namespace antiphon {

peer call_context::peer() const noexcept {
  auto* self = static_cast<detail::inbound_call*>(const_cast<call_context*>(this));
  return antiphon::peer(connection_->shared_from_this(), {self, generation_});
}

void call_context::release_order() {
  auto& call = static_cast<detail::record&>(*this);
  auto through = connection_->shared_from_this();
  asio::dispatch(connection_->executor(), [through, &call, generation = generation_] {
    if (call.generation_ == generation) through->release_order(call);
  });
}

output_chain call_context::empty_text() { return output_chain(*shared_buffer_pool(), 512); }

asio::awaitable<void> call_context::send_answer(output_chain result) {
  auto* self = static_cast<detail::inbound_call*>(this);
  return detail::connection::answer_early(connection_->shared_from_this(), {self, generation_},
                                          std::move(result));
}

}  // namespace antiphon
