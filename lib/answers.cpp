// Answers to the peer, alone and in batches, and what routes call to give them.

#include "lib/connection.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace antiphon::detail {

namespace {

constexpr std::string_view reply_head = R"({"jsonrpc":"2.0","id":)";
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

void connection::close_reply(const std::shared_ptr<batch_reply>& batch) {
  if (batch) {
    const std::size_t size = batch->members.frame_size();
    batch->members.end_frame(bare_);
    ++batch->answered;
    batch->bytes += size;
    batched_bytes_ += size;
  } else {
    out_.end_frame(decoder_.rules());
    stats_.outgoing_bytes_peak = std::max(stats_.outgoing_bytes_peak, backlog());
  }
}

void connection::drop_reply(const std::shared_ptr<batch_reply>& batch) noexcept {
  (batch ? batch->members : out_).drop_frame();
}

// The reader doesn't stop for them: what would complete them may be unread. So their further members are
// turned away, and with that they are complete. One batch's answer may be as large as a message.
bool connection::batches_owe_too_much(const batch_reply& batch) const noexcept {
  return batch.bytes > options_.limits.message_bytes ||
         batched_bytes_ - batch.bytes > options_.max_outgoing_bytes;
}

void connection::batch_member_done(const std::shared_ptr<batch_reply>& batch) {
  if (--batch->open > 0) return;
  batched_bytes_ -= batch->bytes;
  if (batch->answered == 0 || !can_send()) return;
  batch->members.append(']');
  out_.begin_frame(decoder_.rules());
  out_.append(std::move(batch->members));
  out_.end_frame(decoder_.rules());
  turn_later();
}

void connection::answer_without_record(std::string_view id, int code, std::string_view message,
                                       const std::optional<raw_json>& data,
                                       const std::shared_ptr<batch_reply>& batch) {
  ++stats_.errors_sent;
  write_error(open_reply(batch), id, code, message, data);
  if (hooks_ & middleware::on_sent) show_answer(batch, message_kind::error_response, id, {});
  close_reply(batch);
}

output_chain* connection::begin_result(record& call) {
  if (call.notification_ || call.answered || lost_ || !can_send()) return nullptr;
  output_chain& out = open_reply(call.batch);
  out.append(reply_head, call.id_, R"(,"result":)");
  return &out;
}

void connection::drop_result(record& call) noexcept { drop_reply(call.batch); }

void connection::end_result(record& call) {
  output_chain& out = call.batch ? call.batch->members : out_;
  out.append('}');
  if (hooks_ & middleware::on_sent) show_answer(call.batch, message_kind::response, call.id_, call.method_);
  close_reply(call.batch);
  // What is in a batch leaves with the last of it.
  if (call.timed && !call.batch) figures_->encoded(*call.route->counts, written_position_ + backlog());
  ++stats_.results_sent;
  finished(call);
}

void connection::finished(record& call) noexcept {
  if (call.answered) return;
  call.answered = true;
  if (watched_) dealt_with(call);
  if (call.registered) in_flight_.erase(&call);
  call.registered = false;
  if (call.state == processor::state::queued) {
    processor_.drop(call);
  } else if (call.state != processor::state::idle) {
    processor_.finish(call);
  }
  if (call.batch && call.request) batch_member_done(call.batch);
  turn_later();
  if (!call.coroutine) release(call);
}

void connection::answer_error(record& call, int code, std::string_view message,
                              const std::optional<raw_json>& data) noexcept {
  if (call.outcome == handler_outcome::answered) call.outcome = handler_outcome::failed;
  if (call.notification_) {
    ++stats_.notifications_failed;
  } else if (!call.answered && !lost_ && can_send()) {
    try {
      write_error(open_reply(call.batch), call.id_, code, message, data);
      if (hooks_ & middleware::on_sent)
        show_answer(call.batch, message_kind::error_response, call.id_, call.method_);
      close_reply(call.batch);
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
    call.outcome = handler_outcome::cancelled;
    answer_error(call, static_cast<int>(rpc_errc::request_cancelled), "cancelled", std::nullopt);
    return;
  }
  if (hooks_ & middleware::on_handler_threw) why = translated(call, std::move(why));
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
  return antiphon::peer(connection_->shared_from_this(), {notification_ ? nullptr : self, generation_});
}

void call_context::release_order() {
  auto& call = static_cast<detail::record&>(*this);
  connection_->release_order(call);
}

}  // namespace antiphon
