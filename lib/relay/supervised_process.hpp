#pragma once

#include <antiphon/endpoint.hpp>
#include <antiphon/relay/supervisor.hpp>

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>

namespace antiphon::relay {

/// One process of a supervisor: does what its policy says, and tells it what happens.
class supervisor::process : public std::enable_shared_from_this<supervisor::process> {
 public:
  process(const asio::any_io_executor& executor, event_hook on_event, target& to, command what,
          process_options options);
  ~process();

  void begin();
  /// What it is from the next `begin` on.
  void become(command what, process_options options);
  /// Completes when it has been reaped. `again`: then it is started again, and messages for the target wait.
  asio::awaitable<void> end(std::chrono::milliseconds drain, bool again);
  /// Nothing of the target's is touched from here on.
  void abandon() noexcept;

  process_stats stats() const;

 private:
  using clock = restart_policy::clock;

  void step();
  void wait_until_due();
  void launch();
  void check();
  void end_the_hung();
  void connection_ended(std::uint64_t start, const std::exception_ptr& failure, const ended& how);
  void process_ended(std::uint64_t start, exit_status how);
  void end_the_speechless();
  void finish();
  void after(std::chrono::milliseconds time, void (process::*next)());
  void settle(restart_policy::outcome what, std::string how);
  bool restarts_after_failure() const noexcept { return options_.restart.when != restart::never; }
  void say(std::string_view what) const;

  asio::any_io_executor executor_;
  event_hook on_event_;
  target* target_;
  command command_;
  process_options options_;
  std::optional<std::pair<command, process_options>> next_;
  restart_policy policy_;
  asio::steady_timer due_;
  asio::steady_timer moment_;  // for what comes shortly after its end, or that of its connection
  asio::steady_timer gone_;    // cancelled when it has been reaped

  // Of the process that is there.
  std::optional<child_process> child_;
  std::shared_ptr<endpoint> endpoint_;
  std::optional<exit_status> exit_;
  std::string connection_end_;  // why its connection ended, where that was a failure
  bool connected_ = false;
  bool again_ = false;  // it is being ended to be started again
  clock::time_point started_at_{};

  process_stats counts_;
};

}  // namespace antiphon::relay
