// The peer's messages: each is told apart, and started, queued or refused.

#include "lib/connection.hpp"

#include <fmt/format.h>

namespace antiphon::detail {

namespace {

constexpr std::string_view too_much_in_batches = "too much is owed to batches that are not complete";

}  // namespace

void connection::on_frame(std::string_view frame, const error_code& malformed) {
  if (malformed) {
    ++stats_.malformed_received;
    if (observers_.want(middleware::on_received)) observers_.received_invalid(frame);
    answer_without_record({}, static_cast<int>(rpc_errc::parse_error), malformed.message(), std::nullopt,
                          nullptr);
    return;
  }
  frame_messages members(frame);
  if (!members.is_batch()) {
    on_message(frame, nullptr);
    return;
  }
  ++stats_.batches_received;
  const std::size_t size = members.count(options_.limits.batch_members + 1);
  if (size == 0 || size > options_.limits.batch_members) {
    ++stats_.malformed_received;
    if (observers_.want(middleware::on_received)) observers_.received_invalid(frame);
    const std::string_view why = size == 0 ? "an empty batch" : "too many members in a batch";
    answer_without_record({}, static_cast<int>(rpc_errc::invalid_request), why, std::nullopt, nullptr);
    return;
  }
  batch_.emplace(batch_walk{members, std::make_shared<batch_reply>(*transport_)});
}

void connection::next_batch_member() {
  const auto text = batch_->members.next();
  const auto reply = batch_->reply;
  if (text) {
    on_message(*text, reply);
    return;
  }
  batch_.reset();
  batch_member_done(reply);
}

void connection::on_message(std::string_view text, const std::shared_ptr<batch_reply>& batch) {
  const message_view message = message_view::parse(text, options_.limits);
  if (observers_.want(middleware::on_received) && !let_in(text, message, batch)) return;
  switch (message.kind()) {
    case message_kind::request: return on_request(text, message, batch);
    case message_kind::notification: return on_notification(text, message);
    case message_kind::response: return on_response(message, false);
    case message_kind::error_response: return on_response(message, true);
    case message_kind::invalid: return on_invalid(message, batch);
  }
}

// Shows the message. False: it was refused, and that is all.
bool connection::let_in(std::string_view text, const message_view& message,
                        const std::shared_ptr<batch_reply>& batch) {
  const bool is_request = message.kind() == message_kind::request;
  const bool is_notification = message.kind() == message_kind::notification;
  const auto method = is_request || is_notification ? method_of(message) : std::string_view();
  const auto refusal = observers_.received(text, message, method, batch != nullptr);
  if (!refusal) return true;
  observers_.turned_away(method);
  if (is_request) {
    ++stats_.requests_received;
    answer_without_record(message.id_text(), refusal->value(), refusal->message(), refusal->data(), batch);
  } else {
    ++stats_.notifications_received;
    ++stats_.notifications_failed;
  }
  return false;
}

void connection::on_invalid(const message_view& message, const std::shared_ptr<batch_reply>& batch) {
  ++stats_.malformed_received;
  if (!message.wants_answer()) return;
  answer_without_record(message.id_text(), static_cast<int>(rpc_errc::invalid_request), message.problem(),
                        std::nullopt, batch);
}

std::string_view connection::method_of(const message_view& message) {
  if (!message.method_has_escapes()) return message.method_text();
  method_scratch_ = message.method();
  return method_scratch_;
}

void connection::on_request(std::string_view text, const message_view& message,
                            const std::shared_ptr<batch_reply>& batch) {
  ++stats_.requests_received;
  const auto refuse = [&](rpc_errc code, std::string_view why) {
    answer_without_record(message.id_text(), static_cast<int>(code), why, std::nullopt, batch);
  };
  const std::string_view method = method_of(message);
  if (in_flight_.find(message.id_text()) != nullptr) {
    observers_.turned_away(method);
    return refuse(rpc_errc::invalid_request, "a request with this id is in flight");
  }
  if (phase_ != phase::open) {
    observers_.turned_away(method);
    return refuse(rpc_errc::overloaded, "shutting down");
  }
  if (batch && batches_owe_too_much(*batch)) {
    ++stats_.requests_rejected;
    observers_.turned_away(method);
    return refuse(rpc_errc::overloaded, too_much_in_batches);
  }
  const router::entry* found = routes_.find(method);
  bool any = false;
  if (found == nullptr || !found->request) {
    found = routes_.any();
    if (found == nullptr || !found->request) return refuse(rpc_errc::method_not_found, "method not found");
    any = true;
  }

  record& call = take_record(text, message);
  call.method_ = found->name;
  if (any) name_method(call, method, message.method_has_escapes());
  call.route = found->request.get();
  call.request = true;
  call.notification_ = false;
  if (batch) {
    call.batch = batch;
    ++batch->open;
  }
  if (observers_.watch()) observers_.arrived(call);
  if (call.route->supersede_key() != nullptr) {
    try {
      supersede(call);
    } catch (...) {
      return fail(call, std::current_exception());
    }
  }
  admit(call);
}

void connection::on_notification(std::string_view text, const message_view& message) {
  ++stats_.notifications_received;
  const std::string_view method = method_of(message);
  if (method == options_.cancel_method) return on_cancel(message);
  if (seldom_ && method == options_.progress->method) on_progress(message);
  if (phase_ != phase::open) return observers_.turned_away(method);
  const router::entry* found = routes_.find(method);
  bool any = false;
  if (found == nullptr || !found->notification) {
    found = routes_.any();
    if (found == nullptr || !found->notification) {
      ++stats_.notifications_unknown;
      return;
    }
    any = true;
  }
  record& call = take_record(text, message);
  call.method_ = found->name;
  if (any) name_method(call, method, message.method_has_escapes());
  call.route = found->notification.get();
  call.request = false;
  call.notification_ = true;
  if (observers_.watch()) observers_.arrived(call);
  admit(call);
}

// Starts it, lets it wait, or turns it away.
void connection::admit(record& call) {
  call.ordered = call.route->order() == order::ordered;
  call.immediate = call.route->order() == order::immediate;
  if (processor_.starts_now(call, requests_open())) {
    processor_.start(call);
    begin(call);
    return;
  }
  const bool reject =
      options_.overload == overload::reject ? processor_.overloaded() : processor_.requests_exhausted();
  if (call.request && reject) {
    ++stats_.requests_rejected;
    call.outcome = handler_outcome::rejected;
    std::string data = fmt::format(R"({{"limit":{},"in_flight":{},"queued":{}}})", processor_.limit(),
                                   processor_.in_flight(), processor_.queued_requests());
    answer_error(call, static_cast<int>(rpc_errc::overloaded), "server overloaded", raw_json(data));
    return;
  }
  keep(call);
  processor_.enqueue(call);
}

void connection::begin(record& call) noexcept {
  try {
    if (call.batch && batches_owe_too_much(*call.batch)) {
      ++stats_.requests_rejected;
      call.outcome = handler_outcome::rejected;
      answer_error(call, static_cast<int>(rpc_errc::overloaded), too_much_in_batches, std::nullopt);
      return;
    }
    if (call.observed) {
      const auto refusal = observers_.handler_starts(call);
      if (refusal) return answer_error(call, refusal->value(), refusal->message(), refusal->data());
    }
    call.route->start(call);
  } catch (...) {
    fail(call, std::current_exception());
  }
}

}  // namespace antiphon::detail
