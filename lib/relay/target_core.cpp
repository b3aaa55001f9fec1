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

std::shared_ptr<core::connection> connection_of(const antiphon::peer& handle) {
  struct access : antiphon::peer {
    static const std::shared_ptr<core::connection>& of(const antiphon::peer& p) {
      return p.*(&access::connection_);
    }
  };
  return access::of(handle);
}

std::string quoted(std::string_view text) {
  try {
    return progress_token(text).json();
  } catch (const boost::system::system_error&) {
    return R"("not UTF-8")";
  }
}

target_core::target_core(std::string name, target_options options)
    : name_(std::move(name)), name_json_(quoted(name_)), options_(std::move(options)) {
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
  while (!sent_.empty()) {
    passage& one = sent_.front();
    gone->forget(one.forwarded, !one.told);
    core::record* const call = one.call;
    left(one);
    lose(one);
    if (call != nullptr) fail_down(*call, reason_);
    release(one);
  }
  if (will_come()) return;
  while (!queue_.empty()) {
    passage& one = queue_.front();
    core::record* const call = one.call;
    const bool notification = call == nullptr && one.tap == nullptr;
    unqueue(one);
    lose(one);
    if (call != nullptr) {
      fail_down(*call, reason_);
    } else if (notification) {
      ++stats_.notifications_dropped;
    }
    release(one);
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
  now.queued_bytes = queued_bytes_;
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
  if (!now && full() && options_.overload == overload::reject) {
    lost();
    return overloaded(call);
  }
  passage* one = nullptr;
  try {
    one = &take_passage();
    one->call = &call;
    one->tap = tap;
    if (now) {
      send(*one, method, params);
      from.leave_to(call, *one);
    } else {
      enqueue(from, *one, method, params);
      from.leave_to(call, *one);
      pump();
    }
  } catch (...) {
    if (one != nullptr) {
      if (one->forwarded != 0) {
        through_->forget(one->forwarded, true);
        left(*one);
      } else if (one->is_linked()) {
        unqueue(*one);
      }
      release(*one);
    }
    lost();
    out_of_memory(call);
  }
}

void target_core::pass_notification(core::connection& from, std::string_view method,
                                    std::span<const slice> params) noexcept {
  const bool lost = (!reachable() && !will_come()) || !same_executor(from);
  const bool now = queue_.empty() && may_send(false);
  if (lost || (!now && full() && options_.overload == overload::reject)) {
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
    one = &take_passage();
    enqueue(from, *one, method, params);
    pump();
  } catch (...) {
    if (one != nullptr) {
      if (one->is_linked()) unqueue(*one);
      release(*one);
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

void target_core::enqueue(core::connection& from, passage& one, std::string_view method,
                          std::span<const slice> params) {
  one.as.assign(method);
  one.bytes = sizeof(passage) + method.size();
  for (const slice& part : params) {
    if (part.empty()) continue;
    one.params.push_back(raw_json(part).keep().bytes());
    one.bytes += one.params.back().pinned_bytes();
  }
  if (full()) {  // and it is one that waits
    one.held = from.shared_from_this();
    from.hold_reading();
  }
  one.arrived = std::chrono::steady_clock::now();
  queue_.push_back(one);
  queued_bytes_ += one.bytes;
  stats_.queued_peak = std::max(stats_.queued_peak, queue_.size());
}

void target_core::unqueue(passage& one) noexcept {
  queue_.erase(queue_.iterator_to(one));
  queued_bytes_ -= one.bytes;
  if (one.held) one.held->release_reading();
  one.held = nullptr;
}

// What may leave the queue leaves it.
void target_core::pump() noexcept {
  while (!queue_.empty()) {
    passage& one = queue_.front();
    const bool request = one.call != nullptr || one.tap != nullptr;
    if (!may_send(request)) break;
    unqueue(one);
    try {
      if (request) {
        send(one, one.as, one.params);
        one.params.clear();
      } else {
        through_->forward_notification({one.as, one.params});
        ++stats_.notifications;
        stats_.bytes_sent += size_of(one.params);
        release(one);
      }
    } catch (...) {  // no memory
      core::record* const call = one.call;
      if (!request) ++stats_.notifications_dropped;
      lose(one);
      release(one);
      if (call != nullptr) out_of_memory(*call);
    }
  }
  if (queue_.empty() || waits_for_room_ || !reachable() || held_ || through_->has_room()) return;
  try {
    through_->when_there_is_room([weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->waits_for_room_ = false;
        self->pump();
      }
    });
    waits_for_room_ = true;
  } catch (...) {  // no memory: the next answer looks again
  }
}

// ---------------------------------------------------------------- what becomes of a request

void passage::answered(bool is_error, const slice& value) noexcept { home.answered(*this, is_error, value); }
void passage::failed(error_code why) noexcept { home.failed(*this, why); }
void passage::cancelled() noexcept { home.cancelled(*this); }
void passage::caller_gone() noexcept { home.caller_gone(*this); }

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
  release(one);
  if (!queue_.empty()) pump();
}

void target_core::failed(passage& one, error_code why) noexcept {
  core::record* const call = one.call;
  left(one);
  lose(one);
  if (call != nullptr) fail_down(*call, why ? why.message() : std::string("it did not answer"));
  release(one);
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
  unqueue(one);
  lose(one);
  call->connection_->fail_forwarded(*call, static_cast<int>(rpc_errc::request_cancelled), "cancelled", {});
  release(one);
}

void target_core::caller_gone(passage& one) noexcept {
  ++stats_.abandoned;
  one.call = nullptr;
  if (one.tap != nullptr && one.tap->keeps_request) return;
  lose(one);
  if (one.forwarded == 0) {
    unqueue(one);
    release(one);
    return;
  }
  through_->forget(one.forwarded, !one.told);
  left(one);
  release(one);
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
        fmt::format(R"({{"target":{},"reason":{}}})", name_json_, quoted(reason)));
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

// ---------------------------------------------------------------- passages

passage& target_core::take_passage() {
  if (free_.empty()) {
    free_.reserve(passages_.size() + 1);
    passages_.push_back(std::make_unique<passage>(*this));
    free_.push_back(passages_.back().get());
  }
  passage& one = *free_.back();
  free_.pop_back();
  return one;
}

void target_core::release(passage& one) noexcept {
  one.call = nullptr;
  one.forwarded = 0;
  one.told = false;
  one.tap = nullptr;
  one.arrived = {};
  one.params.clear();
  one.bytes = 0;
  free_.push_back(&one);
}

}  // namespace antiphon::relay::detail

namespace antiphon::relay {

target::target(std::string name, target_options options)
    : core_(std::make_shared<detail::target_core>(std::move(name), std::move(options))) {}
target::~target() { core_->detach("it was removed", false); }

const std::string& target::name() const noexcept { return core_->name(); }
const target_options& target::options() const noexcept { return core_->options(); }
target_state target::state() const noexcept { return core_->state(); }
void target::starting() { core_->starting(); }
void target::attach(antiphon::peer through) { core_->attach(detail::connection_of(through)); }
void target::detach(std::string reason, bool restarting) { core_->detach(std::move(reason), restarting); }
antiphon::peer target::peer() const { return antiphon::peer(core_->through()); }
asio::awaitable<bool> target::drain(std::chrono::milliseconds limit) { return core_->drain(core_, limit); }
void target::resume() { core_->resume(); }
target_stats target::stats() const { return core_->stats(); }

}  // namespace antiphon::relay
