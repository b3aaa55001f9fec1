// What middleware and statistics are told. Nothing here is called where there are none.

#include "lib/connection.hpp"

namespace antiphon::detail {

namespace {

/// A message_event that can be made.
class shown_message final : public message_event {
 public:
  /// One that came in.
  shown_message(std::string_view text, const message_view& message, std::string_view method,
                bool in_batch) noexcept {
    show(text, message, in_batch);
    method_ = method;
  }
  /// One of ours.
  shown_message(std::string_view text, bool in_batch) {
    const message_view message = message_view::parse(text);
    show(text, message, in_batch);
    direction_ = message_direction::outgoing;
    method_ = message.method_text();
    if (message.method_has_escapes()) method_ = unescaped_ = message.method();
  }
  /// An answer, which is the open frame of `frame` but for what stands `before` it.
  shown_message(const output_chain& frame, std::size_t before, message_kind kind, std::string_view id,
                std::string_view method) noexcept {
    direction_ = message_direction::outgoing;
    kind_ = kind;
    in_batch_ = before > 0;
    id_ = id;
    method_ = method;
    size_ = frame.frame_size() - before;
    frame_ = &frame;
    before_ = before;
  }

 private:
  void show(std::string_view text, const message_view& message, bool in_batch) noexcept {
    kind_ = message.kind();
    in_batch_ = in_batch;
    id_ = message.id_text();
    size_ = text.size();
    text_ = text;
  }

  std::string unescaped_;
};

}  // namespace

void connection::install_observers() {
  middleware_ = options_.middleware;
  for (auto& inner : routes_.take_middleware()) middleware_.push_back(std::move(inner));
  std::erase(middleware_, nullptr);
  for (auto& one : middleware_) {
    if (auto own = one->for_connection()) one = std::move(own);
    hooks_ |= one->hooks();
  }
  if (!options_.statistics_method.empty()) {
    // When it is read, past whatever waits.
    routes_.on_request(
        options_.statistics_method,
        [this] {
          statistics_report report{stats(), std::nullopt};
          if (figures_) report.methods = figures_->snapshot();
          return report;
        },
        {}, route_options(order::immediate));
  }
  if (options_.method_statistics)
    figures_ = std::make_unique<method_recorder>(options_.method_statistics, routes_);
  watched_ = figures_ || (hooks_ & of_handlers) != 0;
}

// ---------------------------------------------------------------- messages

/// Shows what has come in. False: it was refused, and that is all.
bool connection::let_in(std::string_view text, const message_view& message,
                        const std::shared_ptr<batch_reply>& batch) {
  const bool is_request = message.kind() == message_kind::request;
  const bool is_notification = message.kind() == message_kind::notification;
  const auto method = is_request || is_notification ? method_of(message) : std::string_view();
  const shown_message event(text, message, method, batch != nullptr);
  std::optional<rpc_error> refusal;
  for (const auto& one : middleware_) {
    try {
      one->received(event);
      continue;
    } catch (const rpc_error& e) {
      refusal = e;
    } catch (...) {
      refusal.emplace(rpc_errc::internal_error, "internal error");
    }
    if (is_request || is_notification) break;  // the others don't see what is refused
    refusal.reset();
  }
  if (!refusal) return true;
  turned_away(method);
  if (is_request) {
    ++stats_.requests_received;
    answer_without_record(message.id_text(), refusal->value(), refusal->message(), refusal->data(), batch);
  } else {
    ++stats_.notifications_received;
    ++stats_.notifications_failed;
  }
  return false;
}

/// Text that holds no message.
void connection::show_invalid(std::string_view text) {
  const shown_message event(text, message_view(), {}, false);
  for (const auto& one : middleware_) {
    try {
      one->received(event);
    } catch (...) {  // it is refused anyway
    }
  }
}

/// Shows an answer before its frame is closed.
void connection::show_answer(const std::shared_ptr<batch_reply>& batch, message_kind kind,
                             std::string_view id, std::string_view method) noexcept {
  // A member's comma, or the batch's bracket, is none of the message.
  const shown_message event(batch ? batch->members : out_, batch ? 1 : 0, kind, id.empty() ? "null" : id,
                            method);
  for (auto one = middleware_.rbegin(); one != middleware_.rend(); ++one) {
    try {
      (*one)->sent(event);
    } catch (...) {  // there is nothing to refuse
    }
  }
}

/// Shows what is ours in the open frame, one message or a batch.
void connection::show_sent() noexcept try {
  std::string joined;
  frame_messages messages(out_.frame_text(joined));
  while (const auto text = messages.next()) {
    const shown_message event(*text, messages.is_batch());
    for (auto one = middleware_.rbegin(); one != middleware_.rend(); ++one) {
      try {
        (*one)->sent(event);
      } catch (...) {
      }
    }
  }
} catch (const std::bad_alloc&) {  // then it goes unseen
}

// ---------------------------------------------------------------- handlers

/// One that doesn't get as far as that.
void connection::turned_away(std::string_view method) noexcept {
  if (!figures_) return;
  const router::entry* known = routes_.find(method);
  if (known == nullptr) return;
  method_counts& counts = *(known->request ? known->request : known->notification)->counts;
  method_counts::add(counts.received);
  method_counts::add(counts.ended[static_cast<std::size_t>(handler_outcome::rejected)]);
}

handler_event connection::event_of(const record& call) const noexcept {
  handler_event event;
  event.kind = call.notification_ ? message_kind::notification : message_kind::request;
  event.in_batch = call.batch != nullptr;
  event.id = call.id_;
  event.method = call.method_;
  event.params = call.params_.bytes();
  event.received = call.received_at;
  event.started = call.started_at;
  event.outcome = call.outcome;
  return event;
}

/// False: it has been refused.
bool connection::handler_may_start(record& call) noexcept {
  call.started_at = clock::now();
  std::optional<rpc_error> refusal;
  if (hooks_ & of_handlers) {
    handler_event event = event_of(call);
    std::size_t told = 0;
    try {
      for (; told < middleware_.size(); ++told) middleware_[told]->handler_starts(event);
    } catch (const rpc_error& e) {
      refusal = e;
    } catch (...) {
      refusal.emplace(rpc_errc::internal_error, "internal error");
    }
    if (refusal) {
      event.ended = clock::now();
      event.outcome = handler_outcome::rejected;
      tell_handler_ended(event, told);
    }
  }
  if (!refusal) {
    call.begun = true;
    return true;
  }
  call.outcome = handler_outcome::rejected;
  answer_error(call, refusal->value(), refusal->message(), refusal->data());
  return false;
}

void connection::handler_ended(record& call) noexcept {
  call.begun = false;
  const auto now = clock::now();
  if (call.timed)
    figures_->ran(*call.route->counts, call.started_at - call.received_at, now - call.started_at);
  if (hooks_ & middleware::on_handler_ended) {
    handler_event event = event_of(call);
    event.ended = now;
    tell_handler_ended(event, middleware_.size());
  }
}

/// The first so many of them.
void connection::tell_handler_ended(const handler_event& event, std::size_t how_many) noexcept {
  while (how_many > 0) {
    try {
      middleware_[--how_many]->handler_ended(event);
    } catch (...) {
    }
  }
}

std::exception_ptr connection::translated(record& call, std::exception_ptr what) noexcept {
  const handler_event event = event_of(call);
  for (auto one = middleware_.rbegin(); one != middleware_.rend(); ++one) {
    try {
      if (auto other = (*one)->handler_threw(event, what)) what = std::move(other);
    } catch (...) {
      what = std::current_exception();
    }
  }
  return what;
}

/// The connection is destroyed.
void connection::tell_abandoned() noexcept {
  for (const auto& call : records_) {
    if (call->state == processor::state::idle) continue;
    constexpr auto counted_as = static_cast<std::size_t>(handler_outcome::cancelled);
    if (figures_) method_counts::add(call->route->counts->ended[counted_as]);
    if (!call->begun || !(hooks_ & middleware::on_handler_ended)) continue;
    handler_event event = event_of(*call);
    event.ended = clock::now();
    event.outcome = handler_outcome::abandoned;
    tell_handler_ended(event, middleware_.size());
  }
}

}  // namespace antiphon::detail
