#pragma once

#include <antiphon/endpoint_options.hpp>
#include <antiphon/relay/restart_policy.hpp>
#include <antiphon/relay/target.hpp>
#include <antiphon/router.hpp>
#include <antiphon/transport/child_process.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon::relay {

namespace asio = boost::asio;

/// How a supervisor keeps one process.
struct process_options {
  process_options() {}

  restart_options restart;
  health_options health;
  /// The method of the health check; any answer, also an error, says that the process is well. It waits
  /// behind what the process has got before it, so `health_options::timeout` should be longer than that
  /// takes.
  std::string health_method = "rpc.health";

  /// How its connection behaves: framing, limits. Null is the default.
  std::shared_ptr<const endpoint_options> endpoint;
  /// What it may call on; made anew for each start. Empty: nothing.
  std::function<router()> routes;
  /// Called each time when it has ended, after its target has been detached. May be empty. Must not throw.
  std::function<void(const std::string& reason)> on_end;
};

/// What a process has done so far.
struct process_stats {
  std::string name;
  restart_policy::state state = restart_policy::state::idle;
  /// -1 while there is none.
  int pid = -1;
  std::uint64_t starts = 0;
  std::uint64_t restarts = 0;         ///< starts after an end that nobody had asked for
  std::uint64_t failed_starts = 0;    ///< it could not be started at all
  std::uint64_t hung = 0;             ///< ended because it didn't answer the health check
  std::uint64_t checks = 0;           ///< health checks sent
  std::uint64_t checks_answered = 0;  ///< health checks answered
  /// What the last answered one took.
  std::chrono::nanoseconds last_check{0};
  /// How the process before this one ended; none where there was none.
  std::optional<exit_status> last_exit;
  /// The same in words; with `given_up` why it isn't started again.
  std::string last_end;
  /// Since the last start, while it runs.
  std::chrono::milliseconds up{0};
  /// Until the next start, while it waits for that.
  std::chrono::milliseconds restart_in{0};
};

/// How the states are called in reports: "running", "given_up".
std::string_view name_of(restart_policy::state state) noexcept;
/// "exit code 1", "killed by signal 9".
std::string describe(exit_status how);

/// Keeps the processes of targets running: starts them, talks to them over their standard input and output,
/// attaches them to their targets, and starts them again when they end, as `restart_policy` says.
///
/// When a process ends, what it had written is still read; then its callers get their errors at once, and no
/// other target notices. A process that closes its output, breaks the protocol or doesn't answer the health
/// check is ended and counts as failed.
///
/// Not thread-safe: everything runs on one serial executor. Destroying it ends all processes by their ladders
/// of stopping (`command::stop_times`) in the background.
class supervisor {
 public:
  /// Told what happens to a process, in a few words for a log: "started, pid 4711". Must not throw,
  /// nor call the supervisor.
  using event_hook = std::function<void(std::string_view name, std::string_view what)>;

  explicit supervisor(asio::any_io_executor executor, event_hook on_event = nullptr);
  supervisor(const supervisor&) = delete;
  supervisor& operator=(const supervisor&) = delete;
  ~supervisor();

  /// Starts a process for a target, under the target's name. What is wrong with the command shows in the
  /// statistics and to the callers, like any other end.
  /// @param to outlives the process here: `remove` or the supervisor ends that
  /// @param what its `on_exit` hook is replaced
  /// @throws std::invalid_argument when there is a process of that name
  void add(target& to, command what, process_options options = process_options());

  /// Ends the process and forgets it: its target sends nothing more, what it has may be answered until
  /// `drain` is over, then the ladder of stopping; what is left fails. Completes when the process has been
  /// reaped. Nothing when there is none of that name. Who cancels the wait stops nothing.
  asio::awaitable<void> remove(std::string name, std::chrono::milliseconds drain);
  /// Ends it in the same way and starts it again, also one that had been given up. What waits for its target
  /// goes on waiting.
  asio::awaitable<void> restart(std::string name, std::chrono::milliseconds drain);
  /// As `restart`, but another program, or the same with other options, takes its place.
  asio::awaitable<void> replace(std::string name, command what, process_options options,
                                std::chrono::milliseconds drain);
  /// `remove` for all, at the same time.
  asio::awaitable<void> stop(std::chrono::milliseconds drain);

  /// None when there is no process of that name.
  std::optional<process_stats> stats(std::string_view name) const;
  /// By name.
  std::vector<process_stats> stats() const;

 private:
  class process;
  using registry = std::map<std::string, std::shared_ptr<process>, std::less<>>;

  static asio::awaitable<void> remove_from(std::shared_ptr<registry> all, std::string name,
                                           std::chrono::milliseconds drain);

  asio::any_io_executor executor_;
  event_hook on_event_;
  std::shared_ptr<registry> processes_;
};

}  // namespace antiphon::relay
