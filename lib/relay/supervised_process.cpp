#include "lib/relay/supervised_process.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <utility>

namespace antiphon::relay {
namespace {

using std::chrono::milliseconds;

// A process that it has left behind may hold its output open for ever.
constexpr milliseconds time_for_last_words{200};
// Who dies closes its output first, and the kernel tells a little later how it died.
constexpr milliseconds time_to_be_gone{20};

std::string what_of(const std::exception& e, std::string_view before) {
  return std::string(before) + e.what();
}

/// Why a connection that has ended speaks against the process; empty when it doesn't by itself.
std::string fault_of(const std::exception_ptr& failure, const ended& how) {
  if (failure) return "its connection failed";
  switch (how.reason) {
    case end_reason::end_of_input: return how.error ? "it ended its output inside a message" : "";
    case end_reason::closed_here: return "";
    case end_reason::protocol_error: return "it broke the protocol: " + how.error.message();
    case end_reason::limit_exceeded: return "it broke a limit: " + how.error.message();
    case end_reason::timed_out: return "its connection timed out: " + how.error.message();
    case end_reason::connection_lost: return "";
  }
  return "";
}

}  // namespace

supervisor::process::process(const asio::any_io_executor& executor, event_hook on_event, target& to,
                             command what, process_options options)
    : executor_(executor),
      on_event_(std::move(on_event)),
      target_(&to),
      command_(std::move(what)),
      options_(std::move(options)),
      policy_(options_.restart, options_.health),
      due_(executor),
      moment_(executor),
      gone_(executor, clock::time_point::max()) {
  counts_.name = to.name();
}

supervisor::process::~process() { abandon(); }

void supervisor::process::abandon() noexcept {
  if (target_ == nullptr) return;
  target* const to = std::exchange(target_, nullptr);
  due_.cancel();
  moment_.cancel();
  gone_.cancel();
  if (endpoint_) endpoint_->close(milliseconds(0));
  endpoint_.reset();
  child_.reset();  // climbs the ladder in the background
  if (to->state() != target_state::down) to->detach("not supervised");
}

void supervisor::process::become(command what, process_options options) {
  next_.emplace(std::move(what), std::move(options));
}

void supervisor::process::begin() {
  if (next_) {
    counts_.restarts += policy_.restarts();
    command_ = std::move(next_->first);
    options_ = std::move(next_->second);
    next_.reset();
    policy_ = restart_policy(options_.restart, options_.health);
  }
  policy_.begin(clock::now());
  target_->starting();
  step();
}

void supervisor::process::step() {
  for (;;) {
    if (target_ == nullptr) return;
    switch (policy_.next(clock::now())) {
      case restart_policy::action::nothing: return wait_until_due();
      case restart_policy::action::start:
        launch();
        return wait_until_due();  // also where it is due at once: others have their turn in between
      case restart_policy::action::check: check(); break;
      case restart_policy::action::end: end_the_hung(); break;
    }
  }
}

void supervisor::process::wait_until_due() {
  if (target_ == nullptr) return;
  const auto due = policy_.due();
  if (!due) {
    due_.cancel();
    return;
  }
  due_.expires_at(*due);
  due_.async_wait([weak = weak_from_this()](const error_code& ec) {
    const auto self = weak.lock();
    if (!ec && self) self->step();
  });
}

void supervisor::process::launch() {
  const std::uint64_t start = ++counts_.starts;
  exit_.reset();
  connection_end_.clear();
  try {
    command what = command_;
    what.on_exit([weak = weak_from_this(), start](exit_status how) {
      if (const auto self = weak.lock()) self->process_ended(start, how);
    });
    child_.emplace(executor_, std::move(what));
    auto options = options_.endpoint ? options_.endpoint : std::make_shared<const endpoint_options>();
    endpoint_ = std::make_shared<endpoint>(
        child_->take_stdio(), options_.routes ? options_.routes() : router(), std::move(options));
    connected_ = true;
    asio::co_spawn(
        executor_, endpoint_->run(),
        [weak = weak_from_this(), start, served = endpoint_](const std::exception_ptr& failure, ended how) {
          if (const auto self = weak.lock()) self->connection_ended(start, failure, how);
        });
  } catch (const std::exception& e) {
    ++counts_.failed_starts;
    connected_ = false;
    endpoint_.reset();
    child_.reset();
    return settle(restart_policy::outcome::failure, what_of(e, "could not be started: "));
  }
  started_at_ = clock::now();
  policy_.started(started_at_);
  say("started, pid " + std::to_string(child_->pid()));
  target_->attach(*endpoint_);
}

void supervisor::process::check() {
  ++counts_.checks;
  const auto ask = [](std::weak_ptr<process> weak, antiphon::peer whom, std::string method,
                      std::uint64_t start) -> asio::awaitable<void> {
    const auto asked_at = clock::now();
    auto asking = whom.try_call<raw_json>(method);
    const auto answer = co_await std::move(asking);
    const auto self = weak.lock();
    if (!self || self->counts_.starts != start) co_return;
    if (answer.has_error() && !answer.error().from_peer()) co_return;
    const auto now = clock::now();
    ++self->counts_.checks_answered;
    self->counts_.last_check = now - asked_at;
    self->policy_.answered(now);
    self->step();
  };
  asio::co_spawn(executor_, ask(weak_from_this(), *endpoint_, options_.health_method, counts_.starts),
                 asio::detached);
}

void supervisor::process::end_the_hung() {
  ++counts_.hung;
  say("doesn't answer the health check");
  target_->detach("it didn't answer the health check", restarts_after_failure());
  if (child_ && !exit_) static_cast<void>(child_->terminate());
}

void supervisor::process::connection_ended(std::uint64_t start, const std::exception_ptr& failure,
                                           const ended& how) {
  if (target_ == nullptr || start != counts_.starts || !child_) return;
  connected_ = false;
  connection_end_ = fault_of(failure, how);
  if (exit_) return finish();
  // What comes from here on waits for the next start, where there will be one.
  if (policy_.current() == restart_policy::state::running && restarts_after_failure())
    target_->detach("its connection has ended", true);
  after(time_to_be_gone, &process::end_the_speechless);
}

/// It runs, and can't be talked to any more.
void supervisor::process::end_the_speechless() {
  if (policy_.current() == restart_policy::state::running) {
    if (connection_end_.empty()) connection_end_ = "it closed its output or its input";
    target_->detach(connection_end_, restarts_after_failure());
  }
  static_cast<void>(child_->stop());
}

/// Once, unless the process has ended for good before.
void supervisor::process::after(milliseconds time, void (process::*next)()) {
  moment_.expires_after(time);
  moment_.async_wait([weak = weak_from_this(), start = counts_.starts, next](const error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self || self->target_ == nullptr || self->counts_.starts != start || !self->child_) return;
    (*self.*next)();
  });
}

void supervisor::process::process_ended(std::uint64_t start, exit_status how) {
  if (target_ == nullptr || start != counts_.starts || !child_) return;
  exit_ = how;
  if (!connected_) return finish();
  after(time_for_last_words, &process::finish);
}

void supervisor::process::finish() {
  moment_.cancel();
  const exit_status how = *exit_;
  counts_.last_exit = how;
  endpoint_->close(milliseconds(0));
  endpoint_.reset();
  child_.reset();
  const bool well = how.success() && connection_end_.empty();
  std::string words = describe(how);
  if (!connection_end_.empty()) words = connection_end_ + " (" + words + ")";
  settle(well ? restart_policy::outcome::success : restart_policy::outcome::failure, std::move(words));
}

/// There is no process any more.
void supervisor::process::settle(restart_policy::outcome what, std::string how) {
  const auto now = clock::now();
  policy_.ended(now, what, std::move(how));
  const bool waiting = policy_.current() == restart_policy::state::waiting;
  std::string news = policy_.reason();
  if (waiting) {
    const auto left = std::chrono::duration_cast<milliseconds>(*policy_.restart_at() - now);
    news += "; starts again in " + std::to_string(left.count()) + " ms";
  }
  say(news);
  target_->detach(policy_.reason(), waiting || again_);
  if (target_ != nullptr && options_.on_end) options_.on_end(policy_.reason());
  gone_.cancel();
  if (target_ == nullptr) return;  // a caller's error may have led to the end of all this
  if (std::exchange(again_, false)) return begin();
  wait_until_due();
}

asio::awaitable<void> supervisor::process::end(std::chrono::milliseconds drain, bool again) {
  const auto self = shared_from_this();  // whoever cancels the waiting may drop it
  if (policy_.current() == restart_policy::state::running && drain > milliseconds(0)) {
    try {
      auto draining = target_->drain(drain);
      static_cast<void>(co_await std::move(draining));
    } catch (const boost::system::system_error&) {  // the wait is cancelled, which ends the drain only
    }
  }
  if (target_ == nullptr) co_return;
  again_ = again;
  policy_.stop();
  due_.cancel();
  // While it ends, its connection takes nothing more: what comes waits, or is told so.
  target_->detach(again ? "it is being started anew" : "stopped", again);
  if (target_ == nullptr) co_return;
  if (!child_) {
    again_ = false;
    if (again) begin();
    co_return;
  }
  const std::uint64_t start = counts_.starts;
  if (!exit_) static_cast<void>(child_->stop());
  while (child_ && counts_.starts == start && target_ != nullptr) {
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
    error_code ignored;
    co_await gone_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

process_stats supervisor::process::stats() const {
  const auto now = clock::now();
  process_stats made = counts_;
  made.state = policy_.current();
  made.restarts += policy_.restarts();
  made.last_end = policy_.reason();
  if (child_ && !exit_) {
    made.pid = child_->pid();
    made.up = std::chrono::duration_cast<milliseconds>(now - started_at_);
  }
  if (const auto at = policy_.restart_at())
    made.restart_in = std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(*at - now));
  return made;
}

void supervisor::process::say(std::string_view what) const {
  if (on_event_) on_event_(counts_.name, what);
}

}  // namespace antiphon::relay
