#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace antiphon::relay {

/// When a process that has ended is started again.
enum class restart {
  never,
  on_failure,  ///< unless it exited with 0
  always,
};

/// How a process is kept running.
struct restart_options {
  // Provided by hand: g++ 12 destroys aggregate temporaries twice when they stand beside a co_await.
  restart_options() noexcept {}

  restart when = restart::on_failure;
  /// How long to wait before the first start after an end; each one that follows waits `factor` times as
  /// long, up to `max_delay`.
  std::chrono::milliseconds first_delay{100};
  double factor = 2;
  std::chrono::milliseconds max_delay{10'000};
  /// A process that has run for so long is well: the wait after its end is `first_delay` again.
  std::chrono::milliseconds well_after{10'000};
  /// More starts after an end than these within `window`, and it is given up. 0: it isn't started again.
  std::size_t max_restarts = 10;
  std::chrono::milliseconds window{60'000};
};

/// How it is found out whether a process that runs does anything.
struct health_options {
  health_options() noexcept {}

  /// How long after its start, and after each answer, it is asked. Zero: never.
  std::chrono::milliseconds interval{0};
  /// How long it may take to answer. Then it counts as hung and is ended, which is a failure.
  std::chrono::milliseconds timeout{5'000};
};

/// What keeps one process running, as a state machine: it is told what happens and when, and says what is to
/// be done. It does nothing by itself and reads no clock, so that a supervisor can be tested with made-up
/// times.
///
/// Not thread-safe. Times never go back.
class restart_policy {
 public:
  using clock = std::chrono::steady_clock;
  using time_point = clock::time_point;

  enum class state : std::uint8_t {
    idle,      ///< nobody has asked for it yet, or `stop` has ended it
    waiting,   ///< it will be started when `due` has come
    starting,  ///< `start` has been given out; what became of it isn't known yet
    running,
    hung,      ///< it doesn't answer; `end` has been given out
    stopping,  ///< as asked; it isn't started again
    ended,     ///< by itself, and need not run again
    given_up,  ///< it has ended too often; `reason` says how
  };
  enum class action : std::uint8_t { nothing, start, check, end };
  enum class outcome : std::uint8_t { success, failure };

  explicit restart_policy(restart_options options = restart_options(),
                          health_options health = health_options()) noexcept
      : options_(options), health_(health) {}

  /// It is wanted: the next action is to start it. Also after `given_up`, with nothing held against it.
  void begin(time_point now);
  /// The action `start` succeeded.
  void started(time_point now);
  /// The action `check` was answered, be it by an error.
  void answered(time_point now);
  /// It has ended, or could not be started. `how` says so in a few words: "exit code 1".
  void ended(time_point now, outcome what, std::string how);
  /// It isn't wanted any more. Where it runs, it is up to the caller to end it, and to tell by `ended`.
  void stop() noexcept;

  /// What is to be done now. Each action is given out once.
  action next(time_point now);
  /// When to ask for the next action; none where only what happens can bring one.
  std::optional<time_point> due() const noexcept { return due_; }

  state current() const noexcept { return state_; }
  /// Whether a process is there, as far as is known.
  bool alive() const noexcept {
    return state_ == state::running || state_ == state::hung || state_ == state::stopping;
  }
  /// How it ended last, and with `given_up` why it isn't started again; for callers. Empty before that.
  const std::string& reason() const noexcept { return reason_; }
  /// Starts that followed an end.
  std::uint64_t restarts() const noexcept { return restarts_; }
  /// When it will be started, where it waits for that.
  std::optional<time_point> restart_at() const noexcept {
    return state_ == state::waiting ? due_ : std::nullopt;
  }

 private:
  void wait_or_give_up(time_point now);
  std::chrono::milliseconds next_delay() noexcept;

  restart_options options_;
  health_options health_;
  state state_ = state::idle;
  bool checking_ = false;    // `check` has been given out, and not answered
  bool first_start_ = true;  // what is due is no start after an end
  std::optional<time_point> due_;
  time_point started_at_{};
  std::chrono::milliseconds delay_{0};  // the last one; zero: none yet
  std::deque<time_point> recent_;       // starts after an end, within the window
  std::uint64_t restarts_ = 0;
  std::string reason_;
};

}  // namespace antiphon::relay
