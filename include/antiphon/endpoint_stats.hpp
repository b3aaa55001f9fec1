#pragma once

#include <boost/describe/class.hpp>

#include <cstddef>
#include <cstdint>

namespace antiphon {

/// A snapshot of an endpoint's counters. All counts are since the start.
struct endpoint_stats {
  // from the peer
  std::uint64_t bytes_received = 0;
  std::uint64_t requests_received = 0;
  std::uint64_t notifications_received = 0;
  std::uint64_t responses_received = 0;
  std::uint64_t batches_received = 0;
  /// Text that was no JSON, and JSON that was no JSON-RPC message.
  std::uint64_t malformed_received = 0;
  /// Notifications that no handler is registered for.
  std::uint64_t notifications_unknown = 0;
  std::uint64_t notifications_failed = 0;
  // answers to the peer
  std::uint64_t results_sent = 0;
  std::uint64_t errors_sent = 0;
  std::uint64_t requests_rejected = 0;
  /// By the peer, and by a newer request (`route_options::supersede_key`).
  std::uint64_t requests_cancelled = 0;
  /// Answered for a handler that took longer than its route's time limit.
  std::uint64_t requests_timed_out = 0;
  // to the peer
  std::uint64_t bytes_sent = 0;
  std::uint64_t requests_sent = 0;
  std::uint64_t notifications_sent = 0;
  std::uint64_t writes = 0;
  /// Responses to calls that had been given up, and to calls that were never made.
  std::uint64_t responses_late = 0;
  std::uint64_t responses_unknown = 0;
  // now, and at most
  std::size_t in_flight = 0;
  std::size_t in_flight_peak = 0;
  std::size_t queued = 0;
  std::size_t queued_peak = 0;
  std::size_t queued_bytes = 0;
  std::size_t pending_calls = 0;
  std::size_t outgoing_bytes = 0;
  std::size_t outgoing_bytes_peak = 0;
};
BOOST_DESCRIBE_STRUCT(endpoint_stats, (),
                      (bytes_received, requests_received, notifications_received, responses_received,
                       batches_received, malformed_received, notifications_unknown, notifications_failed,
                       results_sent, errors_sent, requests_rejected, requests_cancelled, requests_timed_out,
                       bytes_sent, requests_sent, notifications_sent, writes, responses_late,
                       responses_unknown, in_flight, in_flight_peak, queued, queued_peak, queued_bytes,
                       pending_calls, outgoing_bytes, outgoing_bytes_peak))

}  // namespace antiphon
