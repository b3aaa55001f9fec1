#include "lib/relay/target_core.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace antiphon::relay::detail {

namespace {

// One request in so many is timed: to read the clock twice takes a tenth of the time of a small message.
constexpr std::uint64_t timed_every = 16;

std::size_t size_of(std::span<const slice> params) noexcept {
  std::size_t size = 0;
  for (const slice& part : params) size += part.size();
  return size;
}

}  // namespace

std::string json_string(std::string_view text) {
  try {
    return progress_token(text).json();
  } catch (const boost::system::system_error&) {
    return R"("not UTF-8")";
  }
}

target_core::target_core(std::string name, target_options options)
    : name_(std::move(name)), name_json_(json_string(name_)), options_(std::move(options)), queue_(options_) {
  options_.max_in_flight = std::max<std::size_t>(options_.max_in_flight, 1);
}

// ---------------------------------------------------------------- up and down

void target_core::starting() noexcept {
  if (state_ == target_state::down) state_ = target_state::starting;
}

void target_core::attach(std::shared_ptr<core::connection> through) {
  if (through_ != nullptr) detach("another connection took its place", true);
  through_ = std::move(through);
  known_ = nullptr;
  state_ = through_ != nullptr ? target_state::up : target_state::down;
  held_ = false;
  ++stats_.starts;
  pump();
}

void target_core::detach(std::string reason, bool restarting) noexcept {
  reason_ = std::move(reason);
  state_ = restarting ? target_state::starting : target_state::down;
  held_ = false;
  const auto gone = std::move(through_);
  through_ = nullptr;
  waits_for_room_ = false;
  while (!sent_.empty()) {
    passage& one = sent_.front();
    gone->forget(one.forwarded, !one.told);
    core::record* const call = one.call;
    left(one);
    lose(one);
    if (call != nullptr) fail_down(*call, reason_);
    passages_.give_back(one);
  }
  if (will_come()) return;
  while (!queue_.empty()) {
    passage& one = queue_.front();
    core::record* const call = one.call;
    const bool notification = call == nullptr && one.tap == nullptr;
    queue_.take(one);
    lose(one);
    if (call != nullptr) {
      fail_down(*call, reason_);
    } else if (notification) {
      ++stats_.notifications_dropped;
    }
    passages_.give_back(one);
  }
}

asio::awaitable<bool> target_core::drain(std::shared_ptr<target_core> self, std::chrono::milliseconds limit) {
  if (!self->reachable()) co_return true;
  self->held_ = true;
  asio::steady_timer timer(self->through_->executor(), limit);
  self->waiting_.push_back(&timer);
  struct entry {
    target_core& home;
    asio::steady_timer& timer;
    ~entry() { std::erase(home.waiting_, &timer); }
  };
  const entry guard{*self, timer};
  while (self->in_flight_ > 0 && timer.expiry() > std::chrono::steady_clock::now()) {
    auto waiting = timer.async_wait(asio::as_tuple(asio::deferred));
    co_await std::move(waiting);
  }
  co_return self->in_flight_ == 0;
}

void target_core::resume() {
  held_ = false;
  pump();
}

target_stats target_core::stats() const {
  target_stats now = stats_;
  now.in_flight = in_flight_;
  now.queued = queue_.size();
  now.queued_bytes = queue_.bytes();
  now.queued_peak = queue_.peak();
  return now;
}

std::string_view target_core::why_down() const noexcept {
  if (through_ != nullptr) return "its connection has ended";
  return state_ == target_state::starting ? std::string_view("it is starting") : reason_;
}

// ---------------------------------------------------------------- messages to it

bool target_core::same_executor(const core::connection& from) noexcept {
  if (&from == known_ || through_ == nullptr) return true;
  if (from.executor() != through_->executor()) return false;
  known_ = &from;
  return true;
}

void target_core::pass_request(core::record& call, std::string_view method, std::span<const slice> params,
                               answer_tap* tap) noexcept {
  core::connection& from = *call.connection_;
  const auto lost = [tap] {
    if (tap != nullptr) tap->lost();
  };
  if (!reachable() && !will_come()) {
    lost();
    return fail_down(call, why_down());
  }
  if (!same_executor(from)) {
    lost();
    return from.fail_forwarded(call, static_cast<int>(rpc_errc::internal_error),
                               "the relay's connections run on different executors", {});
  }
  const bool now = queue_.empty() && may_send(true);
  if (!now && queue_.full() && options_.overload == overload::reject) {
    lost();
    return overloaded(call);
  }
  passage* one = nullptr;
  try {
    one = &passages_.take();
    one->call = &call;
    one->tap = tap;
    if (now) {
      send(*one, method, params);
      from.leave_to(call, *one);
    } else {
      enqueue(&from, *one, method, params);
      from.leave_to(call, *one);
      pump();
    }
  } catch (...) {
    if (one != nullptr) {
      if (one->forwarded != 0) {
        through_->forget(one->forwarded, true);
        left(*one);
      } else if (one->is_linked()) {
        queue_.take(*one);
      } else {
        one->let_go();
      }
    }
    lost();
    out_of_memory(call);
    if (one != nullptr) passages_.give_back(*one);
  }
}

void target_core::pass_notification(core::connection& from, std::string_view method,
                                    std::span<const slice> params) noexcept {
  if (!same_executor(from)) {
    ++stats_.notifications_dropped;
    return;
  }
  notify(&from, method, params);
}

void target_core::tell(std::string_view method, std::string_view params) noexcept {
  const slice text(params);
  notify(nullptr, method, {&text, 1});
}

void target_core::notify(core::connection* from, std::string_view method,
                         std::span<const slice> params) noexcept {
  const bool lost = !reachable() && !will_come();
  const bool now = queue_.empty() && may_send(false);
  const bool may_be_dropped = from != nullptr && options_.overload == overload::reject;
  if (lost || (!now && queue_.full() && may_be_dropped)) {
    ++stats_.notifications_dropped;
    return;
  }
  passage* one = nullptr;
  try {
    if (now) {
      through_->forward_notification({method, params});
      ++stats_.notifications;
      stats_.bytes_sent += size_of(params);
      return;
    }
    one = &passages_.take();
    enqueue(from, *one, method, params);
    pump();
  } catch (...) {
    if (one != nullptr) {
      one->let_go();
      passages_.give_back(*one);
    }
    ++stats_.notifications_dropped;
  }
}

void target_core::send(passage& one, std::string_view method, std::span<const slice> params) {
  if (stats_.requests % timed_every == 0 && one.arrived == decltype(one.arrived)())
    one.arrived = std::chrono::steady_clock::now();
  one.forwarded = through_->forward_request({method, params}, one);
  sent_.push_back(one);
  ++in_flight_;
  stats_.in_flight_peak = std::max(stats_.in_flight_peak, in_flight_);
  ++stats_.requests;
  stats_.bytes_sent += size_of(params);
}

void target_core::enqueue(core::connection* from, passage& one, std::string_view method,
                          std::span<const slice> params) {
  one.keep(method, params);
  if (from != nullptr && queue_.full()) one.hold(*from);  // and it is a target that lets others wait
  one.arrived = std::chrono::steady_clock::now();
  queue_.push(one);
}

// What may leave the queue leaves it.
void target_core::pump() noexcept {
  while (!queue_.empty()) {
    passage& one = queue_.front();
    const bool request = one.call != nullptr || one.tap != nullptr;
    if (!may_send(request)) break;
    queue_.take(one);
    try {
      if (request) {
        send(one, one.as, one.params);
        one.params.clear();
      } else {
        through_->forward_notification({one.as, one.params});
        ++stats_.notifications;
        stats_.bytes_sent += size_of(one.params);
        passages_.give_back(one);
      }
    } catch (...) {  // no memory
      core::record* const call = one.call;
      if (!request) ++stats_.notifications_dropped;
      lose(one);
      if (call != nullptr) out_of_memory(*call);
      passages_.give_back(one);
    }
  }
  if (queue_.empty() || waits_for_room_ || !reachable() || held_ || through_->has_room()) return;
  waits_for_room_ = true;
  try {
    through_->when_there_is_room([weak = weak_from_this(), over = through_.get()] {
      const auto self = weak.lock();
      if (!self || self->through_.get() != over) return;
      self->waits_for_room_ = false;
      self->pump();
    });
  } catch (...) {  // no memory: the next answer looks again
    waits_for_room_ = false;
  }
}

// ---------------------------------------------------------------- what becomes of a request

void target_core::answered(passage& one, bool is_error, const slice& value) noexcept {
  ++(is_error ? stats_.errors : stats_.results);
  stats_.bytes_received += value.size();
  if (one.arrived != decltype(one.arrived)()) {
    const auto took = std::chrono::steady_clock::now() - one.arrived;
    try {
      stats_.latency.record(static_cast<std::uint64_t>(std::chrono::nanoseconds(took).count()));
    } catch (const std::bad_alloc&) {  // one sample less
    }
  }
  core::record* const call = one.call;
  left(one);
  if (answer_tap* const tap = std::exchange(one.tap, nullptr)) tap->answered(is_error, value);
  // What the record says of itself stands in the passage.
  if (call != nullptr) call->connection_->answer_forwarded(*call, is_error, value);
  passages_.give_back(one);
  if (!queue_.empty()) pump();
}

void target_core::failed(passage& one, error_code why) noexcept {
  core::record* const call = one.call;
  left(one);
  lose(one);
  char text[200];  // a std::string would ask for memory
  if (call != nullptr) fail_down(*call, why ? why.message(text, sizeof(text)) : "it did not answer");
  passages_.give_back(one);
}

void target_core::cancelled(passage& one) noexcept {
  core::record* const call = one.call;
  if (one.tap != nullptr && one.tap->keeps_request) return;
  if (one.forwarded != 0) {
    if (!std::exchange(one.told, true)) {
      ++stats_.cancelled;
      through_->cancel_forwarded(one.forwarded);
    }
    return;
  }
  // The target has never heard of it.
  queue_.take(one);
  lose(one);
  call->connection_->fail_forwarded(*call, static_cast<int>(rpc_errc::request_cancelled), "cancelled", {});
  passages_.give_back(one);
}

void target_core::caller_gone(passage& one) noexcept {
  ++stats_.abandoned;
  one.call = nullptr;
  if (one.tap != nullptr && one.tap->keeps_request) return;
  lose(one);
  if (one.forwarded == 0) {
    queue_.take(one);
    passages_.give_back(one);
    return;
  }
  through_->forget(one.forwarded, !one.told);
  left(one);
  passages_.give_back(one);
  if (!queue_.empty()) pump();
}

// It isn't in flight any more.
void target_core::left(passage& one) noexcept {
  sent_.erase(sent_.iterator_to(one));
  one.forwarded = 0;
  if (--in_flight_ > 0) return;
  for (asio::steady_timer* timer : waiting_) timer->cancel();
}

// ---------------------------------------------------------------- answers of our own

void target_core::fail_down(core::record& call, std::string_view reason) noexcept {
  ++stats_.failed_down;
  try {
    call.connection_->fail_forwarded(
        call, static_cast<int>(relay_errc::target_down),
        fmt::format("target {} is down: {}", name_json_, reason),
        fmt::format(R"({{"target":{},"reason":{}}})", name_json_, json_string(reason)));
  } catch (...) {
    call.connection_->fail_forwarded(call, static_cast<int>(relay_errc::target_down), "target down", {});
  }
}

void target_core::overloaded(core::record& call) noexcept {
  ++stats_.rejected;
  const auto code = static_cast<int>(rpc_errc::overloaded);
  try {
    call.connection_->fail_forwarded(
        call, code, fmt::format("target {} overloaded", name_json_),
        fmt::format(R"({{"target":{},"limit":{},"in_flight":{},"queued":{}}})", name_json_,
                    options_.max_in_flight, in_flight_, queue_.size()));
  } catch (...) {
    call.connection_->fail_forwarded(call, code, "target overloaded", {});
  }
}

void target_core::out_of_memory(core::record& call) noexcept {
  call.connection_->fail_forwarded(call, static_cast<int>(rpc_errc::internal_error), "internal error", {});
}

}  // namespace antiphon::relay::detail
