#include "tools/antiphon/relay_report.hpp"

namespace antiphon_command {
namespace {

namespace relay = antiphon::relay;

std::string_view name_of(relay::target_state state) {
  switch (state) {
    case relay::target_state::down: return "down";
    case relay::target_state::starting: return "starting";
    case relay::target_state::up: return "up";
  }
  return "unknown";
}

double microseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000; }

process_report report_on(const relay::process_stats& stats) {
  process_report made;
  made.state = relay::name_of(stats.state);
  made.pid = stats.pid;
  made.starts = stats.starts;
  made.restarts = stats.restarts;
  made.failed_starts = stats.failed_starts;
  made.hung = stats.hung;
  made.checks = stats.checks;
  made.checks_answered = stats.checks_answered;
  made.last_check_us = microseconds(static_cast<std::uint64_t>(stats.last_check.count()));
  made.last_end = stats.last_end;
  made.up_ms = stats.up.count();
  made.restart_in_ms = stats.restart_in.count();
  return made;
}

target_report report_on(const relay::target& to, const relay::process_stats& process) {
  const relay::target_stats stats = to.stats();
  target_report made;
  made.name = to.name();
  made.state = name_of(to.state());
  made.requests = stats.requests;
  made.notifications = stats.notifications;
  made.results = stats.results;
  made.errors = stats.errors;
  made.cancelled = stats.cancelled;
  made.failed_down = stats.failed_down;
  made.rejected = stats.rejected;
  made.abandoned = stats.abandoned;
  made.notifications_dropped = stats.notifications_dropped;
  made.bytes_sent = stats.bytes_sent;
  made.bytes_received = stats.bytes_received;
  made.in_flight = stats.in_flight;
  made.in_flight_peak = stats.in_flight_peak;
  made.queued = stats.queued;
  made.queued_peak = stats.queued_peak;
  made.queued_bytes = stats.queued_bytes;
  made.latency_p50_us = microseconds(stats.latency.percentile(50));
  made.latency_p99_us = microseconds(stats.latency.percentile(99));
  made.process = report_on(process);
  return made;
}

topics_report report_on(const relay::topic_stats& stats) {
  topics_report made;
  made.topics = stats.topics;
  made.subscribers = stats.subscribers;
  made.queued = stats.queued;
  made.queued_bytes = stats.queued_bytes;
  made.most_queued = stats.most_queued;
  made.published = stats.published;
  made.delivered = stats.delivered;
  made.dropped = stats.dropped;
  made.waited = stats.waited;
  made.disconnected = stats.disconnected;
  return made;
}

}  // namespace

relay_report report_on(const relay::broker& hub, const relay::supervisor& keeper,
                       const relay::topics& topics) {
  const relay::broker_stats stats = hub.stats();
  relay_report made;
  made.clients = stats.clients;
  made.unknown_target = stats.unknown_target;
  made.without_target = stats.without_target;
  made.notifications_dropped = stats.notifications_dropped;
  for (const relay::process_stats& process : keeper.stats()) {
    if (const relay::target* to = hub.find(process.name)) made.targets.push_back(report_on(*to, process));
  }
  made.topics = report_on(topics.stats());
  return made;
}

}  // namespace antiphon_command
