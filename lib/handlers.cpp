// Handlers that are coroutines: what runs them, and how they are cancelled, as what waits to be handled is.

#include "lib/connection.hpp"
#include "lib/params_member.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <new>
#include <utility>

namespace antiphon::detail {

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
  if (record* call = in_flight_.find(id)) cancel(*call);
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
