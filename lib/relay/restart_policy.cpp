#include <antiphon/relay/restart_policy.hpp>

#include <algorithm>
#include <utility>

namespace antiphon::relay {

using std::chrono::milliseconds;

void restart_policy::begin(time_point now) {
  if (state_ != state::idle && state_ != state::ended && state_ != state::given_up) return;
  state_ = state::waiting;
  due_ = now;
  first_start_ = true;
  delay_ = milliseconds(0);
  recent_.clear();
  reason_.clear();
}

void restart_policy::started(time_point now) {
  if (state_ != state::starting) return;
  state_ = state::running;
  started_at_ = now;
  checking_ = false;
  due_.reset();
  if (health_.interval > milliseconds(0)) due_ = now + health_.interval;
}

void restart_policy::answered(time_point now) {
  if (state_ != state::running || !checking_) return;
  checking_ = false;
  due_ = now + health_.interval;
}

void restart_policy::ended(time_point now, outcome what, std::string how) {
  const state before = std::exchange(state_, state::idle);
  due_.reset();
  checking_ = false;
  reason_ = std::move(how);
  if (before == state::idle || before == state::stopping) return;
  if (before == state::hung) {
    what = outcome::failure;
    reason_ = "it didn't answer the health check (" + reason_ + ")";
  }
  const bool ran = before == state::running || before == state::hung;
  if (ran && now - started_at_ >= options_.well_after) delay_ = milliseconds(0);
  const bool again =
      options_.when == restart::always || (options_.when == restart::on_failure && what == outcome::failure);
  if (again) {
    wait_or_give_up(now);
  } else {
    state_ = state::ended;
  }
}

void restart_policy::wait_or_give_up(time_point now) {
  while (!recent_.empty() && now - recent_.front() >= options_.window) recent_.pop_front();
  if (recent_.size() >= options_.max_restarts) {
    state_ = state::given_up;
    reason_ = "given up after " + std::to_string(recent_.size()) + " restarts in " +
              std::to_string(options_.window.count()) + " ms; the last end: " + reason_;
    return;
  }
  state_ = state::waiting;
  first_start_ = false;
  due_ = now + next_delay();
}

milliseconds restart_policy::next_delay() noexcept {
  if (delay_ == milliseconds(0)) {
    delay_ = options_.first_delay;
  } else {
    const double longer = static_cast<double>(delay_.count()) * std::max(options_.factor, 1.0);
    const double most = static_cast<double>(options_.max_delay.count());
    delay_ = longer < most ? milliseconds(static_cast<milliseconds::rep>(longer)) : options_.max_delay;
  }
  delay_ = std::min(delay_, options_.max_delay);
  return delay_;
}

void restart_policy::stop() noexcept {
  due_.reset();
  checking_ = false;
  const bool there = state_ == state::starting || alive();
  state_ = there ? state::stopping : state::idle;
}

restart_policy::action restart_policy::next(time_point now) {
  if (!due_ || now < *due_) return action::nothing;
  due_.reset();
  if (state_ == state::waiting) {
    state_ = state::starting;
    if (!first_start_) {
      recent_.push_back(now);
      ++restarts_;
    }
    return action::start;
  }
  if (state_ != state::running) return action::nothing;
  if (std::exchange(checking_, true)) {
    state_ = state::hung;
    return action::end;
  }
  due_ = now + health_.timeout;
  return action::check;
}

}  // namespace antiphon::relay
