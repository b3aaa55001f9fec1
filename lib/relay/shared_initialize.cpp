#include "lib/relay/shared_initialize.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace antiphon::relay::detail {

/// A request that waits for the answer to another one.
class shared_initialize::waiting_request final : public core::transit {
 public:
  waiting_request(client who, core::record& call) noexcept : who_(who), call_(&call) {}
  void answered(bool, const slice&) noexcept override {}
  void failed(error_code) noexcept override {}
  void cancelled() noexcept override {}
  void caller_gone() noexcept override { call_ = nullptr; }

  /// 0: it has left.
  client who() const noexcept { return who_; }
  void left() noexcept { who_ = 0; }
  /// Null: the caller is gone.
  core::record* call() const noexcept { return call_; }

 private:
  client who_;
  core::record* call_;
};

shared_initialize::shared_initialize() noexcept : answer_tap(true) {}
shared_initialize::~shared_initialize() = default;

void shared_initialize::ask(client who, core::record& call, target_core& server) {
  core::connection& from = *call.connection_;
  if (done_for(who) || asks(who))
    return from.fail_forwarded(call, static_cast<int>(rpc_errc::invalid_request), "initialized already", {});
  if (answer_) {
    done(who);
    return from.answer_forwarded(call, false, answer_->bytes());
  }
  if (asking_) {
    waiting_.push_back(std::make_unique<waiting_request>(who, call));
    return from.leave_to(call, *waiting_.back());
  }
  asking_ = true;
  asks_first_ = who;
  server.pass_request(call, "initialize", {&call.params_, 1}, this);
}

bool shared_initialize::asks(client who) const noexcept {
  return (asking_ && asks_first_ == who) ||
         std::ranges::any_of(waiting_, [who](const auto& one) { return one->who() == who; });
}

void shared_initialize::done(client who) noexcept {
  try {
    if (who != 0) done_.insert(who);
  } catch (const std::bad_alloc&) {  // it will be told that it isn't initialized
  }
}

void shared_initialize::answered(bool is_error, const slice& value) noexcept {
  asking_ = false;
  if (!is_error) {
    try {
      answer_ = raw_json(value).keep();
    } catch (const std::bad_alloc&) {  // who asks next asks anew
    }
    done(asks_first_);
  }
  for (const auto& one : std::exchange(waiting_, {})) {
    core::record* const call = one->call();
    if (call == nullptr) continue;
    if (!is_error) done(one->who());
    call->connection_->answer_forwarded(*call, is_error, value);
  }
}

void shared_initialize::lost() noexcept {
  asking_ = false;
  for (const auto& one : std::exchange(waiting_, {})) {
    if (core::record* const call = one->call())
      call->connection_->fail_forwarded(*call, static_cast<int>(relay_errc::target_down),
                                        "the server is down", {});
  }
}

void shared_initialize::leave(client who) noexcept {
  done_.erase(who);
  if (asks_first_ == who) asks_first_ = 0;
  for (const auto& one : waiting_) {
    if (one->who() == who) one->left();
  }
}

void shared_initialize::reset() noexcept {
  done_.clear();
  answer_.reset();
}

}  // namespace antiphon::relay::detail
