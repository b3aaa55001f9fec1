#pragma once

#include <antiphon/error.hpp>
#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/framing.hpp>
#include <antiphon/streaming/limits.hpp>
#include <antiphon/streaming/validate.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon {

class middleware;
class method_statistics;
struct stall_report;

/// What happens to requests beyond `max_in_flight + max_queued`.
enum class overload {
  wait,    ///< reading stops, so that back-pressure reaches the peer through the kernel
  reject,  ///< they are answered -32000 "server overloaded" at once
};

/// What becomes of requests that wait for their handler when `close` is called.
enum class at_close {
  run_queued,     ///< they are run like those that run already, for as long as the drain lasts
  refuse_queued,  ///< they are answered -32000 "shutting down"; notifications that wait are handled all the
                  ///< same
};

/// The notification by which the peer tells of a call's progress, and that parameter of it which is the
/// call's `call_options::progress_token`.
struct progress_names {
  std::string_view method;
  std::string_view token;
};
inline constexpr progress_names lsp_progress{"$/progress", "token"};
inline constexpr progress_names mcp_progress{"notifications/progress", "progressToken"};

/// How an endpoint behaves. Each bound is per connection.
struct endpoint_options {
  // Provided by hand: g++ 12 destroys aggregate temporaries twice when they stand beside a co_await.
  endpoint_options() {}

  /// How messages are told apart: `content_length_framing::make`, `line_framing::make`, ... or your own.
  framing_factory framing = content_length_framing::make;
  antiphon::limits limits;
  validation check = validation::full;

  /// Requests whose handlers run at the same time; one that awaits the peer isn't counted meanwhile. At
  /// least 1.
  std::size_t max_in_flight = 128;
  /// Bytes that running handlers keep of their messages; beyond it no further request is started.
  std::size_t max_in_flight_bytes = 32 * 1024 * 1024;
  /// Requests that wait for that, in number, and everything that waits, in bytes.
  std::size_t max_queued = 8 * 1024;
  std::size_t max_queued_bytes = 8 * 1024 * 1024;
  antiphon::overload overload = antiphon::overload::wait;
  antiphon::at_close at_close = antiphon::at_close::run_queued;

  /// Bytes owed to the peer beyond which senders wait, and bytes of answers beyond which no request is
  /// started.
  std::size_t max_outgoing_bytes = 8 * 1024 * 1024;

  /// How long an outgoing call may take unless its `call_options` say otherwise; zero is for ever.
  std::chrono::milliseconds call_timeout{0};
  /// How long handlers may go on after the end of the input; then they are cancelled.
  std::chrono::milliseconds drain_timeout{10'000};
  /// The same after `close` without a time of its own, or the cancellation of `run` (SIGTERM).
  std::chrono::milliseconds close_timeout{2'000};

  /// How long a message of the peer may take from its first byte to its last, whatever progress it makes, so
  /// that a peer that drips can't hold memory for ever. Time that we don't read in doesn't count. Then the
  /// peer is told (id null) and the connection ends with `errc::message_timed_out`. Zero is for ever.
  std::chrono::milliseconds partial_message_timeout{0};
  /// How long no byte may come or go; then the connection ends with `errc::idle_timed_out`. It doesn't while
  /// something is open in either direction (a running handler, a call that waits for its answer), except
  /// where the peer takes nothing of what it is owed. Zero is for ever.
  std::chrono::milliseconds idle_timeout{0};

  /// The notification that cancels a request, in both directions, with the parameter `id` (LSP 3.17).
  std::string cancel_method = "$/cancelRequest";
  /// By what the peer tells of progress; see `call_options::progress_token`.
  /// Not null; it outlives the endpoint.
  const progress_names* progress = &lsp_progress;

  /// For debugging: `on_stall` is told of coroutine handlers that run for longer than this, and of it when
  /// every handler that runs has been awaiting the peer for that long. Each handler is reported once, a time
  /// in which all await the peer once; there is at most one report in this time, and it may come an eighth of
  /// it late. While the connection is open. Zero is off, and costs nothing.
  std::chrono::milliseconds stall_after{0};
  /// Called on the endpoint's executor. What it throws is dropped. See stall_report.hpp.
  std::function<void(const stall_report&)> on_stall;

  /// What sees all messages and may refuse requests, the outermost first; see middleware.hpp.
  std::vector<std::shared_ptr<antiphon::middleware>> middleware;
  /// Collects figures for each method; may be shared by endpoints. Null: none are collected.
  std::shared_ptr<antiphon::method_statistics> method_statistics;
  /// A request of this name, "$/statistics" for example, is answered with a `statistics_report`, past
  /// whatever waits. It goes before a route of that name. Empty: none.
  std::string statistics_method;
  /// Whether the error that answers a request whose handler threw (-32603) says what the exception said.
  /// Otherwise it says "internal error", since that is nothing for a peer that isn't trusted.
  bool tell_exceptions = false;
};

/// Names what a call is making progress with (LSP 3.17 `ProgressToken`, MCP `progressToken`): a number, a
/// string, or nothing.
class progress_token {
 public:
  progress_token() noexcept = default;
  progress_token(std::int64_t number) : json_(std::to_string(number)) {}
  /// @throws boost::system::system_error with `errc::not_encodable` when the text is not UTF-8
  template <class Text>
    requires std::convertible_to<const Text&, std::string_view>
  progress_token(const Text& text) : json_(quoted(text)) {}

  bool empty() const noexcept { return json_.empty(); }
  const std::string& json() const noexcept { return json_; }

 private:
  static std::string quoted(std::string_view text);

  std::string json_;
};

/// How one call behaves.
struct call_options {
  call_options() noexcept {}
  explicit call_options(std::chrono::milliseconds limit) noexcept : timeout(limit) {}
  /// Then the call ends with `errc::timed_out` and the peer is told to cancel. Zero: the endpoint's default.
  std::chrono::milliseconds timeout{0};
  /// The token that the call's parameters ask the peer to name in its notifications of progress
  /// (`workDoneToken`, `_meta.progressToken`). Each of them that comes (`endpoint_options::progress`) starts
  /// `timeout` anew, and is then handled as any notification. Of two calls with the same token the newer one
  /// is meant.
  antiphon::progress_token progress_token;
  /// How long the call may take in all, whatever progress it makes; it then ends as after `timeout`. Zero is
  /// for ever.
  std::chrono::milliseconds total_timeout{0};
};

/// Why `run` ended.
enum class end_reason {
  end_of_input,     ///< the peer finished; what it had sent whole is answered
  closed_here,      ///< `close` was called, or `run` was cancelled
  protocol_error,   ///< the frame boundary was lost; the peer was told
  limit_exceeded,   ///< the peer broke a limit that ends the stream; it was told
  connection_lost,  ///< the transport failed
  timed_out,        ///< the peer broke `partial_message_timeout` or `idle_timeout`
};

struct ended {
  end_reason reason = end_reason::end_of_input;
  /// The cause: success, `errc::truncated_message` when the input ended inside a message, a framing error,
  /// `errc::message_timed_out` or `errc::idle_timed_out`, or the transport's own error.
  error_code error;

  /// What a process that served one connection exits with: 0 for end_of_input and closed_here, else 1.
  int exit_code() const noexcept;
};

}  // namespace antiphon
