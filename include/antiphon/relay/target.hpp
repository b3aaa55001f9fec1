#pragma once

#include <antiphon/endpoint_options.hpp>
#include <antiphon/histogram.hpp>
#include <antiphon/peer.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace antiphon::relay {

/// Codes of the errors with which a relay answers in place of a target. They lie in the range that JSON-RPC
/// 2.0, section 5.1, leaves to implementations. Beside them there is `rpc_errc::overloaded` (-32000).
///
/// Each has the data `{"target": NAME}`; that of `target_down` also has `"reason"`, that of an overload
/// `"limit"`, `"in_flight"` and `"queued"`.
enum class relay_errc {
  target_down = -32010,     ///< it isn't there, or it went away before it had answered
  unknown_target = -32011,  ///< no target has the name that the message asks for
};

/// Whether a target can be talked to.
enum class target_state {
  down,      ///< no: requests are answered `target_down` at once, notifications are dropped and counted
  starting,  ///< not yet: messages wait in its queue, unless `target_options::queue_while_starting` is off
  up,        ///< yes
};

/// How messages for one target are held back. All bounds are for all clients together.
struct target_options {
  target_options() {}

  /// Requests that the target has and hasn't answered. At least 1.
  std::size_t max_in_flight = 1024;
  /// Messages that wait for that, or for the target to start, in number and in bytes.
  std::size_t max_queued = 8 * 1024;
  std::size_t max_queued_bytes = 8 * 1024 * 1024;
  /// What happens beyond that. `reject`: a request is answered -32000 "target overloaded" at once, a
  /// notification is dropped and counted. `wait`: the connection that the message came on isn't read from
  /// until it has left the queue, so that back-pressure reaches that client; nothing is lost.
  antiphon::overload overload = antiphon::overload::reject;
  /// Whether messages wait for a target that is starting; if not, it counts as down.
  bool queue_while_starting = true;
};

/// What a target has done since it was made, over all its restarts.
struct target_stats {
  std::uint64_t requests = 0;               ///< sent to it
  std::uint64_t notifications = 0;          ///< sent to it
  std::uint64_t results = 0;                ///< that it answered
  std::uint64_t errors = 0;                 ///< that it answered
  std::uint64_t cancelled = 0;              ///< requests of which it was told that they are cancelled
  std::uint64_t failed_down = 0;            ///< requests answered `target_down`
  std::uint64_t rejected = 0;               ///< requests answered -32000
  std::uint64_t abandoned = 0;              ///< requests whose client went away before there was an answer
  std::uint64_t notifications_dropped = 0;  ///< because it was down or its queue full
  std::uint64_t bytes_sent = 0;             ///< of parameters
  std::uint64_t bytes_received = 0;         ///< of results and errors
  std::uint64_t starts = 0;                 ///< how often it came up
  std::size_t in_flight = 0;
  std::size_t in_flight_peak = 0;
  std::size_t queued = 0;
  std::size_t queued_peak = 0;
  std::size_t queued_bytes = 0;
  /// From when a request arrived to its answer, in nanoseconds, time in the queue included; every sixteenth
  /// request.
  antiphon::histogram latency;
};

namespace detail {
class target_core;
}

/// A named destination of a relay: the connection to a server, while there is one.
///
/// Who supervises the server attaches its connection when it is up and detaches it when it is gone. In
/// between, messages are sent there by the relay; see broker.hpp. All members are called on one serial
/// executor, that of all connections which the relay joins.
class target {
 public:
  explicit target(std::string name, target_options options = target_options());
  target(const target&) = delete;
  target& operator=(const target&) = delete;
  /// As `detach`.
  ~target();

  const std::string& name() const noexcept;
  const target_options& options() const noexcept;
  target_state state() const noexcept;

  /// It is about to be attached: messages wait from here on. For a target that is up nothing.
  void starting();
  /// It is up, and reached over `through`, whose endpoint runs on the executor that all share. What waits is
  /// sent at once. In place of a connection that is attached already, as if that had been detached before.
  void attach(antiphon::peer through);
  /// It is gone: each request that it hasn't answered, and each message that waits, fails at once with
  /// `relay_errc::target_down`. Nothing when it is down already.
  /// @param reason for people, told to the callers: "exited with status 1"
  /// @param restarting it will be attached again: what waits (and was never sent) goes on waiting, and the
  ///        state is `starting`
  void detach(std::string reason, bool restarting = false);
  /// The connection that is attached; one without a connection when there is none.
  antiphon::peer peer() const;

  /// Sends nothing more (messages wait, as for a target that is starting) until `attach` or `resume`, and
  /// completes when it has answered all that it has, or is down, or `limit` is over.
  /// @return whether it has nothing left to answer
  asio::awaitable<bool> drain(std::chrono::milliseconds limit);
  /// Takes `drain` back.
  void resume();

  target_stats stats() const;

  /// For the relay.
  const std::shared_ptr<detail::target_core>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<detail::target_core> core_;
};

}  // namespace antiphon::relay
