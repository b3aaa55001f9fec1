#include "lib/connection.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>

#include <algorithm>
#include <new>

namespace antiphon::detail {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds after_cancel{500};
constexpr milliseconds flush_time{1'000};
constexpr milliseconds linger_time{1'000};
// After which memory is asked for again.
constexpr milliseconds retry_time{100};

}  // namespace

connection::connection(transport_ptr over, router routes, std::shared_ptr<const endpoint_options> options)
    : executor_(over->get_executor()),
      transport_(std::move(over)),
      routes_(std::move(routes)),
      shared_options_(std::move(options)),
      options_(*shared_options_),
      decoder_(options_.framing(options_.limits), options_.limits, *transport_, options_.check),
      outbox_(*transport_),
      out_(outbox_.chain()),
      processor_(options_),
      change_timer_(std::in_place, executor_),
      silence_(options_),
      write_waiters_(outbox_, options_.max_outgoing_bytes) {
  if (options_.stall_after.count() > 0) stalls_ = std::make_unique<stall_watch>(options_.stall_after);
  if (!options_.statistics_method.empty()) route_statistics();
  observers_.install(options_, routes_);
}

connection::~connection() {
  if (!observers_.watch()) return;
  for (const auto& call : records_) {
    if (call->state != processor::state::idle) observers_.abandoned(*call);
  }
}

// When it is read, past whatever waits.
void connection::route_statistics() {
  routes_.on_request(
      options_.statistics_method, [this] { return statistics_report{stats(), observers_.figures()}; }, {},
      route_options(order::immediate));
}

connection::clock::time_point connection::from_now(milliseconds time) { return after(clock::now(), time); }

void connection::start(std::function<asio::awaitable<void>()> body) {
  if (phase_ != phase::created) return;
  auto self = shared_from_this();
  try {
    // The closure that made the coroutine must outlive it, so it stays with the completion handler.
    std::shared_ptr<std::function<asio::awaitable<void>()>> kept;
    if (body) kept = std::make_shared<std::function<asio::awaitable<void>()>>(std::move(body));
    // Held by all the coroutines: a peer handle may outlive the io_context, and must not keep what belongs to
    // it.
    std::shared_ptr<connection> alive(this, [self](connection* owned) noexcept { owned->release_io(); });
    // Held by whatever waits for the end: see await_end.
    std::shared_ptr<connection> owner(this, [alive](connection* owned) noexcept {
      if (owned->phase_ != phase::finished && !owned->starting_) owned->abandon_waiters();
    });
    phase_ = phase::open;
    starting_ = true;
    // Before anything else runs, since nothing could end without it: there may be no memory for it.
    await_end(std::move(owner), clock::time_point::max());
    asio::dispatch(executor_, [this, alive = std::move(alive)]() mutable { open(std::move(alive)); });
    starting_ = false;
    if (kept) run_body(std::move(kept));
  } catch (...) {  // no memory even to begin
    starting_ = false;
    phase_ = phase::finished;
    lost_ = true;
    ended_.reason = end_reason::connection_lost;
    ended_.error = make_error_code(boost::system::errc::not_enough_memory);
    release_io();
    fail_pending(ended_.error);
    release_written(ended_.error);
    if (turn_by_hand_) turn();
    throw;
  }
}

void connection::run_body(std::shared_ptr<std::function<asio::awaitable<void>()>> body) noexcept {
  body_running_ = true;
  on_end ended([self = shared_from_this(), body](const std::exception_ptr& failure, bool destroyed) noexcept {
    self->body_running_ = false;
    if (destroyed) return self->out_of_memory();
    self->body_failure_ = failure;
    self->changed();
    self->close(self->options_.close_timeout);
  });
  asio::awaitable<void> running;
  try {
    running = (*body)();
  } catch (...) {
    return ended(std::current_exception());
  }
  try {
    asio::co_spawn(executor_, std::move(running),
                   asio::bind_cancellation_slot(body_cancel_.slot(), std::move(ended)));
  } catch (...) {  // no memory, of which it is told
  }
}

void connection::tell_end(waiter<ended> who) noexcept {
  waiting_for_end_.push_back(std::move(who));
  if (phase_ != phase::finished) return;
  resume_due_ = true;
  turn_later();
  if (turn_by_hand_) turn();
}

void connection::rethrow_body_failure() {
  if (body_failure_ == nullptr) return;
  try {
    std::rethrow_exception(body_failure_);
  } catch (const boost::system::system_error& e) {
    if (!body_cancelled_ || e.code() != asio::error::operation_aborted) throw;
  }
}

void connection::close(milliseconds drain) {
  end(end_reason::closed_here, {}, drain);
  if (options_.at_close == at_close::refuse_queued) refuse_queued();
}

void connection::end(end_reason reason, error_code error, milliseconds drain) noexcept {
  if (phase_ >= phase::closing) return changed();  // it may be waited for less now
  const auto until = from_now(drain);
  if (phase_ == phase::draining) {
    drain_until_ = std::min(drain_until_, until);
    changed();
    return;
  }
  ended_.reason = reason;
  ended_.error = error;
  drain_until_ = until;
  if (phase_ == phase::open) {
    phase_ = phase::draining;
    changed();
  } else {
    // It never ran, but it may have been called on.
    phase_ = phase::finished;
    if (transport_) transport_->close();
    fail_pending(why_closed());
    release_written(why_closed());
    release_io();
    if (turn_by_hand_) turn();
  }
}

// What is told to others here must need no memory.
void connection::out_of_memory() noexcept {
  lost_ = true;
  end(end_reason::connection_lost, make_error_code(boost::system::errc::not_enough_memory), milliseconds(0));
}

void connection::lost(error_code error) noexcept {
  lost_ = true;
  end(end_reason::connection_lost, error, milliseconds(0));
  release_written(error);
  fail_pending(make_error_code(errc::connection_lost));
}

void connection::abandon() noexcept {
  if (phase_ == phase::finished) return;  // the io_context may be gone
  end(end_reason::closed_here, {}, milliseconds(0));
  lost_ = true;
  if (transport_) transport_->close();
  fail_pending(why_closed());
  release_written(why_closed());
}

void connection::open(std::shared_ptr<connection> alive) {
  alive_ = alive;
  if (silence_.limits()) {
    const auto now = clock::now();
    silence_.moved(now);
    look_for_silence(now);
  }
  if (phase_ != phase::open || next_look() != clock::time_point::max()) changed();
  start_reader(std::move(alive));
}

// Who waits for a reason to end belongs to the io_context: a handler of the timer, so that it takes little
// memory meanwhile, and then the coroutine that ends. An io_context that goes away destroys it, and with it
// the coroutines that wait in the connection, which would else keep each other.
void connection::await_end(std::shared_ptr<connection> owner, clock::time_point look_at) {
  change_timer_->expires_at(waking_at(look_at));
  auto look = [this, owner = std::move(owner)](error_code) mutable { on_change(std::move(owner)); };
  change_timer_->async_wait(asio::bind_allocator(change_memory_.allocator(), std::move(look)));
}

void connection::on_change(std::shared_ptr<connection> owner) {
  if (turn_by_hand_) turn();
  if (phase_ == phase::finished) return;  // it couldn't start
  if (phase_ == phase::open) look_after();
  if (phase_ == phase::open) {
    await_end(std::move(owner), next_look());
  } else {
    try {
      asio::co_spawn(executor_, end_in_order(owner), [](const std::exception_ptr& escaped) {
        if (escaped) std::rethrow_exception(escaped);
      });
    } catch (...) {  // no memory
      await_end(std::move(owner), from_now(retry_time));
    }
  }
  rethrow_escaped();
}

connection::clock::time_point connection::waking_at(clock::time_point until) const noexcept {
  return turn_by_hand_ ? clock::now() : until;
}

asio::awaitable<void> connection::end_in_order(std::shared_ptr<connection> /*owner*/) {
  try {
    co_await drain();
    co_await flush_out();
    co_await linger();
  } catch (const std::bad_alloc&) {  // then at once
  }
  phase_ = phase::closing;
  transport_->close();
  const error_code why = why_closed();
  fail_pending(why);
  release_written(why);
  cancel_running();
  release_runners();
  release_transits();
  bool body_told = cancel_body();
  writer_gate_.open();
  if (paused_) reader_gate_.open();
  while (reading_ || writing_ || watching_ || body_running_) {
    auto change = next_change(body_told ? clock::time_point::max() : from_now(retry_time));
    co_await std::move(change);
    if (!body_told) body_told = cancel_body();
  }

  phase_ = phase::finished;
  if (seldom_) seldom_->deadline_timer.cancel();
  resume_due_ = true;
  turn_later();
  if (turn_by_hand_) turn();
  rethrow_escaped();
}

// False when there was no memory to tell it.
bool connection::cancel_body() noexcept {
  if (!body_running_) return true;
  body_cancelled_ = true;
  try {
    body_cancel_.emit(asio::cancellation_type::all);
    return true;
  } catch (...) {
    return false;
  }
}

asio::awaitable<void> connection::drain() {
  // No answer will come any more, except where we are the ones who close.
  if (ended_.reason != end_reason::closed_here) fail_pending(why_closed());
  while (!lost_ && handles() && drain_until_ > clock::now()) {
    auto change = next_change(drain_until_);
    co_await std::move(change);
  }
  if (!handles()) co_return;
  cancel_running();
  const auto until = from_now(after_cancel);
  while (!lost_ && handles() && until > clock::now()) {
    auto change = next_change(until);
    co_await std::move(change);
  }
}

asio::awaitable<void> connection::flush_out() {
  const auto least = from_now(flush_time);
  flush();
  while (!lost_ && backlog() > 0) {
    // Whoever sent everything in one go may take his time to read it, unless `close` shortens that.
    const bool patient = ended_.reason == end_reason::end_of_input;
    const auto until = patient ? std::max(least, drain_until_) : least;
    if (until <= clock::now()) break;
    auto change = next_change(until);
    co_await std::move(change);
  }
}

// Closing a socket with unread input makes the kernel throw away what the peer hasn't taken yet. So the peer
// is told that we are done, and what it still sends is read away until it closes too, for a while.
asio::awaitable<void> connection::linger() {
  if (lost_ || backlog() > 0 || ended_.reason == end_reason::end_of_input) co_return;
  if (!transport_->shutdown_send()) co_return;
  discarding_ = true;
  if (paused_) reader_gate_.open();
  const auto until = from_now(linger_time);
  while (!lost_ && reading_ && until > clock::now()) {
    auto change = next_change(until);
    co_await std::move(change);
  }
}

void connection::changed() noexcept {
  if (change_timer_) change_timer_->cancel();
}

void connection::abandon_waiters() noexcept {
  phase_ = phase::finished;
  pending_.remove_all();
  write_waiters_.abandon();
  waiting_for_end_.clear();
  reader_gate_.abandon();
  writer_gate_.abandon();
  for (const auto& call : records_) call->runner.clear();
  release_transits();
  if (transport_) transport_->close();
}

void connection::release_io() noexcept {
  alive_.reset();  // what it points to holds us until then
  transport_.reset();
  change_timer_.reset();
  seldom_.reset();
}

endpoint_stats connection::stats() const {
  endpoint_stats now = stats_;
  now.in_flight = processor_.in_flight();
  now.in_flight_peak = processor_.in_flight_peak();
  now.queued = processor_.queued();
  now.queued_peak = processor_.queued_peak();
  now.queued_bytes = processor_.queued_bytes();
  now.pending_calls = pending_.size();
  now.outgoing_bytes = backlog();
  return now;
}

}  // namespace antiphon::detail
