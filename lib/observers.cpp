#include "lib/observers.hpp"

#include <new>
#include <string>
#include <utility>

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

handler_event event_of(const record& call) noexcept {
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

/// What is being thrown, as the peer is told of it.
rpc_error as_refusal() {
  try {
    throw;
  } catch (const rpc_error& e) {
    return e;
  } catch (...) {
    return rpc_error(rpc_errc::internal_error, "internal error");
  }
}

}  // namespace

void observers::install(const endpoint_options& options, router& routes) {
  routes_ = &routes;
  middleware_ = options.middleware;
  for (auto& inner : routes.take_middleware()) middleware_.push_back(std::move(inner));
  std::erase(middleware_, nullptr);
  for (auto& one : middleware_) {
    if (auto own = one->for_connection()) one = std::move(own);
    hooks_ |= one->hooks();
  }
  if (options.method_statistics)
    figures_ = std::make_unique<method_recorder>(options.method_statistics, routes);
  watch_ = figures_ || want(of_handlers);
}

std::optional<std::vector<method_figures>> observers::figures() const {
  if (!figures_) return std::nullopt;
  return figures_->snapshot();
}

// ---------------------------------------------------------------- messages

std::optional<rpc_error> observers::received(std::string_view text, const message_view& message,
                                             std::string_view method, bool in_batch) {
  const bool refusable =
      message.kind() == message_kind::request || message.kind() == message_kind::notification;
  const shown_message event(text, message, method, in_batch);
  for (const auto& one : middleware_) {
    try {
      one->received(event);
    } catch (...) {
      // The others don't see what is refused.
      if (refusable) return as_refusal();
    }
  }
  return std::nullopt;
}

void observers::received_invalid(std::string_view text) {
  const shown_message event(text, message_view(), {}, false);
  for (const auto& one : middleware_) {
    try {
      one->received(event);
    } catch (...) {  // it is refused anyway
    }
  }
}

void observers::answered(const output_chain& frame, std::size_t before, message_kind kind,
                         std::string_view id, std::string_view method) noexcept {
  tell_sent(shown_message(frame, before, kind, id, method));
}

void observers::sent(const output_chain& frame) noexcept try {
  std::string joined;
  frame_messages messages(frame.frame_text(joined));
  while (const auto text = messages.next()) tell_sent(shown_message(*text, messages.is_batch()));
} catch (const std::bad_alloc&) {  // then it goes unseen
}

void observers::tell_sent(const message_event& event) noexcept {
  for (auto one = middleware_.rbegin(); one != middleware_.rend(); ++one) {
    try {
      (*one)->sent(event);
    } catch (...) {  // there is nothing to refuse
    }
  }
}

// ---------------------------------------------------------------- handlers

void observers::turned_away(std::string_view method) noexcept {
  if (!figures_) return;
  const router::entry* known = routes_->find(method);
  if (known == nullptr) return;
  method_counts& counts = *(known->request ? known->request : known->notification)->counts;
  method_counts::add(counts.received);
  method_counts::add(counts.ended[static_cast<std::size_t>(handler_outcome::rejected)]);
}

std::optional<rpc_error> observers::handler_starts(record& call) {
  call.started_at = clock::now();
  if (want(of_handlers)) {
    handler_event event = event_of(call);
    for (std::size_t told = 0; told < middleware_.size(); ++told) {
      try {
        middleware_[told]->handler_starts(event);
      } catch (...) {
        event.ended = clock::now();
        event.outcome = call.outcome = handler_outcome::rejected;
        tell_handler_ended(event, told);
        return as_refusal();
      }
    }
  }
  call.begun = true;
  return std::nullopt;
}

void observers::handler_ended(record& call) noexcept {
  call.begun = false;
  const auto now = clock::now();
  if (call.timed)
    figures_->ran(*call.route->counts, call.started_at - call.received_at, now - call.started_at);
  if (want(middleware::on_handler_ended)) {
    handler_event event = event_of(call);
    event.ended = now;
    tell_handler_ended(event, middleware_.size());
  }
}

/// The first so many of them.
void observers::tell_handler_ended(const handler_event& event, std::size_t how_many) noexcept {
  while (how_many > 0) {
    try {
      middleware_[--how_many]->handler_ended(event);
    } catch (...) {
    }
  }
}

std::exception_ptr observers::translated(const record& call, std::exception_ptr what) noexcept {
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

void observers::abandoned(const record& call) noexcept {
  constexpr auto counted_as = static_cast<std::size_t>(handler_outcome::cancelled);
  if (figures_) method_counts::add(call.route->counts->ended[counted_as]);
  if (!call.begun || !want(middleware::on_handler_ended)) return;
  handler_event event = event_of(call);
  event.ended = clock::now();
  event.outcome = handler_outcome::abandoned;
  tell_handler_ended(event, middleware_.size());
}

}  // namespace antiphon::detail
