// The peer's messages: dispatch and cancellation.

#include "lib/connection.hpp"
#include "lib/params_member.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <cstring>

namespace antiphon::detail {

namespace {

// What is kept of a message pins the block that it lies in, or is copied out where it is less than this, than
// this part of the block (which a message by itself makes five times as large at most), or than half of what
// has come into the block: so a block is pinned, and its size counted, for hardly more than one message.
constexpr std::size_t copy_below = 4 * 1024;
constexpr std::size_t least_part_pinned = 5;

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
  if (!in_flight_.empty() && in_flight_.contains(message.id_text())) {
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

record& connection::take_record(std::string_view text, const message_view& message) {
  if (free_records_.empty()) {
    free_records_.reserve(records_.size() + 1);
    records_.push_back(std::make_unique<record>());
    free_records_.push_back(records_.back().get());
  }
  record& call = *free_records_.back();
  free_records_.pop_back();
  call.connection_ = this;
  call.text = text;
  call.id_ = message.id_text();
  const std::string_view params = message.params_text();
  call.params_ = pins(params) ? decoder_.pin(params) : slice(params);
  return call;
}

// For a handler of any method. A name with escapes isn't to be found in the message: so that is copied at
// once, with the name behind it.
void connection::name_method(record& call, std::string_view method, bool escaped) {
  call.method_ = method;
  if (!escaped) return;
  buffer copy = buffer::allocate(call.text.size() + method.size());
  std::memcpy(copy.data(), call.text.data(), call.text.size());
  std::memcpy(copy.data() + call.text.size(), method.data(), method.size());
  copy.commit(call.text.size() + method.size());
  const auto there = [&](std::string_view part) {
    return part.empty() ? part
                        : std::string_view(copy.data() + (part.data() - call.text.data()), part.size());
  };
  call.method_ = copy.bytes().substr(call.text.size());
  call.id_ = there(call.id_);
  call.pinned = copy.share(copy.bytes());
  call.params_ = call.pinned.part(there(call.params_.bytes()));
  call.text = copy.bytes().substr(0, call.text.size());
}

void connection::release(record& call) noexcept {
  ++call.generation_;
  call.params_ = {};
  if (call.batch) call.batch.reset();
  call.pinned = slice();
  call.kept = call.registered = call.coroutine = call.orphan = call.answered = call.cancelled_ = false;
  call.bytes = 0;
  call.awaiting = 0;
  free_records_.push_back(&call);
}

// Whether a part of the message that was just read is worth the block that it lies in.
bool connection::pins(std::string_view part) const noexcept {
  return part.size() >= copy_below && part.size() * least_part_pinned >= decoder_.block_size() &&
         part.size() * 2 > decoder_.block_used();
}

// In memory that may be held on to: a large part pins the block that it lies in, a small one is copied out,
// so that what is held is never much more than what is kept.
slice connection::kept(std::string_view part) {
  if (pins(part)) return decoder_.pin(part);
  buffer copy = buffer::allocate(part.size());
  if (!part.empty()) std::memcpy(copy.data(), part.data(), part.size());
  copy.commit(part.size());
  return copy.share(copy.bytes());
}

void connection::keep(record& call) {
  if (!call.kept && call.pinned.pinned()) {  // see name_method
    call.kept = true;
    processor_.hold(call, call.pinned.pinned_bytes() + sizeof(record));
  } else if (!call.kept) {
    call.pinned = kept(call.text);
    call.kept = true;
    const auto there = [&call](std::string_view part) {
      return std::string_view(call.pinned.data() + (part.data() - call.text.data()), part.size());
    };
    if (!call.id_.empty()) call.id_ = there(call.id_);
    const std::less<const char*> before;
    if (!before(call.method_.data(), call.text.data()) &&
        before(call.method_.data(), call.text.data() + call.text.size()))
      call.method_ = there(call.method_);  // of a handler of any method
    if (!call.params_.empty()) call.params_ = call.pinned.part(there(call.params_.bytes()));
    processor_.hold(call, call.pinned.pinned_bytes() + sizeof(record));
  }
  if (call.request && !call.registered && call.id_ != "null") {
    in_flight_.insert(&call);
    call.registered = true;
  }
}

void connection::run(record& call, asio::awaitable<void> handler) {
  if (call.route->time_limit().count() > 0) limit(call);
  if (stalls_) watch_for_stall(call);
  call.coroutine = true;
  call.handler = std::move(handler);
  if (call.runner) return call.runner();
  on_end ended([self = shared_from_this(), &call](const std::exception_ptr&, bool destroyed) noexcept {
    if (destroyed) self->runner_destroyed(call);
  });
  asio::co_spawn(executor_, run_handlers(call, shared_from_this()),
                 asio::bind_cancellation_slot(call.cancel_.slot(), std::move(ended)));
}

// With the handler that it ran: Asio had no memory for what that awaits.
void connection::runner_destroyed(record& call) noexcept {
  // An assignment in its place would leak it.
  const asio::awaitable<void> never_begun = std::move(call.handler);
  if (!call.coroutine || phase_ == phase::finished) return;
  call.coroutine = false;
  if (call.state == processor::state::idle) return release(call);
  call.orphan = orphans_ = true;
  // Not from here: the io_context may be about to go.
  if (!std::exchange(turn_due_, true)) turn_by_hand_ = true;
  changed();
}

void connection::fail_orphans() noexcept {
  orphans_ = false;
  for (const auto& call : records_) {
    if (call->orphan) fail(*call, std::make_exception_ptr(std::bad_alloc()));
  }
}

// Runs the handlers of all messages that a record is of, one after the other: to spawn a coroutine for each
// takes longer than all else about it.
asio::awaitable<void> connection::run_handlers(record& call, std::shared_ptr<connection> self) {
  for (;;) {
    asio::awaitable<void> handler = std::move(call.handler);
    co_await std::move(handler);
    // What it was told, and what it made of that, isn't meant for the next one.
    co_await asio::this_coro::reset_cancellation_state();
    co_await asio::this_coro::throw_if_cancelled(true);
    self->release(call);
    self->turn_later();
    if (self->phase_ >= phase::closing) co_return;
    auto next = suspended<>([&call](auto resumed) { call.runner = waiter<>(std::move(resumed)); });
    co_await std::move(next);
    if (!call.handler.valid()) co_return;
  }
}

// They end by themselves, since Asio needs memory to destroy them.
void connection::release_runners() noexcept {
  for (const auto& call : records_) {
    if (call->runner) resume(std::move(call->runner));
  }
}

void connection::release_order(record& call) {
  processor_.release_order(call);
  turn_later();
}

// ---------------------------------------------------------------- cancellation

void connection::on_cancel(const message_view& message) {
  const std::string_view id = params_member(message.params_text(), "id");
  if (in_flight_.empty() || !is_id_text(id)) return;
  const auto found = in_flight_.find(id);
  if (found != in_flight_.end()) cancel(**found);
}

void connection::cancel(record& call) noexcept {
  if (call.cancelled_) return;
  call.cancelled_ = true;
  ++stats_.requests_cancelled;
  if (call.state == processor::state::queued) {
    call.outcome = handler_outcome::cancelled;
    answer_error(call, static_cast<int>(rpc_errc::request_cancelled), "cancelled", std::nullopt);
  } else if (call.transit != nullptr) {
    call.transit->cancelled();
  } else {
    emit_cancel(call);
  }
}

void connection::emit_cancel(record& call) noexcept {
  try {
    call.cancel_.emit(asio::cancellation_type::all);
  } catch (...) {  // no memory to tell another executor, or what else a handler does then
  }
}

void connection::cancel_running() noexcept {
  while (processor::item* waiting = processor_.any_queued()) {
    auto& call = static_cast<record&>(*waiting);
    call.outcome = handler_outcome::cancelled;
    answer_error(call, static_cast<int>(rpc_errc::request_cancelled), "shutting down", std::nullopt);
  }
  for (const auto& call : records_) {
    if (call->state == processor::state::idle) continue;
    if (call->transit != nullptr) {
      if (call->cancelled_.exchange(true)) continue;
      call->transit->cancelled();
    } else if (call->coroutine) {
      call->cancelled_ = true;
      emit_cancel(*call);
    }
  }
}

void connection::refuse_queued() noexcept {
  while (processor::item* waiting = processor_.queued_request()) {
    auto& call = static_cast<record&>(*waiting);
    call.outcome = handler_outcome::rejected;
    answer_error(call, static_cast<int>(rpc_errc::overloaded), "shutting down", std::nullopt);
  }
}

// Of requests with an equal key only the newest is of use.
void connection::supersede(record& call) {
  const std::optional<std::string> key = (*call.route->supersede_key())(call.params());
  if (!key) return;
  const auto in_flight = [this](lender who) { return lending_record(who) != nullptr; };
  record* older =
      lending_record(seldom().newest.take_over(*call.route, *key, {&call, call.generation_}, in_flight));
  if (older != nullptr && !older->answered) cancel(*older);
}

}  // namespace antiphon::detail
