#pragma once

#include <antiphon/relay/broker.hpp>
#include <antiphon/relay/supervisor.hpp>
#include <antiphon/relay/topics.hpp>

#include <boost/describe/class.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace antiphon_command {

/// What the statistics method answers.

struct process_report {
  std::string state;
  int pid = -1;
  std::uint64_t starts = 0, restarts = 0, failed_starts = 0, hung = 0, checks = 0, checks_answered = 0;
  double last_check_us = 0;
  std::string last_end;
  std::int64_t up_ms = 0, restart_in_ms = 0;
};
BOOST_DESCRIBE_STRUCT(process_report, (),
                      (state, pid, starts, restarts, failed_starts, hung, checks, checks_answered,
                       last_check_us, last_end, up_ms, restart_in_ms))

struct target_report {
  std::string name;
  std::string state;
  std::uint64_t requests = 0, notifications = 0, results = 0, errors = 0, cancelled = 0, failed_down = 0,
                rejected = 0, abandoned = 0, notifications_dropped = 0, bytes_sent = 0, bytes_received = 0;
  std::size_t in_flight = 0, in_flight_peak = 0, queued = 0, queued_peak = 0, queued_bytes = 0;
  double latency_p50_us = 0, latency_p99_us = 0;
  process_report process;
};
BOOST_DESCRIBE_STRUCT(target_report, (),
                      (name, state, requests, notifications, results, errors, cancelled, failed_down,
                       rejected, abandoned, notifications_dropped, bytes_sent, bytes_received, in_flight,
                       in_flight_peak, queued, queued_peak, queued_bytes, latency_p50_us, latency_p99_us,
                       process))

struct topics_report {
  std::size_t topics = 0, subscribers = 0, queued = 0, queued_bytes = 0, most_queued = 0;
  std::uint64_t published = 0, delivered = 0, dropped = 0, waited = 0, disconnected = 0;
};
BOOST_DESCRIBE_STRUCT(topics_report, (),
                      (topics, subscribers, queued, queued_bytes, most_queued, published, delivered, dropped,
                       waited, disconnected))

struct relay_report {
  std::size_t clients = 0;
  std::uint64_t unknown_target = 0, without_target = 0, notifications_dropped = 0;
  std::vector<target_report> targets;
  topics_report topics;
};
BOOST_DESCRIBE_STRUCT(relay_report, (),
                      (clients, unknown_target, without_target, notifications_dropped, targets, topics))

relay_report report_on(const antiphon::relay::broker& hub, const antiphon::relay::supervisor& keeper,
                       const antiphon::relay::topics& topics);

}  // namespace antiphon_command
