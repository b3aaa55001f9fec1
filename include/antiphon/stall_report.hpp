#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace antiphon {

/// A handler that has been running for longer than `endpoint_options::stall_after`.
struct stalled_handler {
  std::string method;
  /// The request's id as JSON text; empty for a notification.
  std::string id;
  std::chrono::milliseconds running{0};
  /// Calls to the peer that it awaits, and since when it has awaited at least one. 0: something else keeps
  /// it.
  std::size_t calls = 0;
  std::chrono::milliseconds awaiting{0};
};

/// What `endpoint_options::on_stall` is told.
struct stall_report {
  /// All that have been running for longer than `stall_after`, the oldest first.
  std::vector<stalled_handler> handlers;
  /// Every handler that runs has been awaiting the peer for that long: if the peer waits for us, both wait
  /// for ever.
  bool all_await_peer = false;
  /// Messages that wait for their handler to start.
  std::size_t queued = 0;

  /// For a log: a line of what it is, and one for each handler.
  std::string text() const;
};

}  // namespace antiphon
