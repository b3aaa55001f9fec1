#pragma once

#include "benchmarks/load/expected_result.hpp"
#include "benchmarks/load/options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace load {

/// A frame as it goes over the wire, encoded once; only its ids change from one sending to the next.
struct shape {
  std::string bytes;
  /// Where the ids stand; empty for a notification.
  std::vector<std::size_t> id_at;
  /// How much of the frame has to be copied for its ids to be written into it.
  std::size_t copied = 0;
  /// Without what the framing adds.
  std::size_t body_size = 0;
  expected_result expected;

  /// Notifications count as messages, too.
  std::size_t messages() const noexcept { return id_at.empty() ? 1 : id_at.size(); }
};

/// What a run sends: these frames, in turn.
struct message_plan {
  std::vector<shape> shapes;
  /// Indices of `shapes`.
  std::vector<std::uint8_t> cycle;
  /// A single request, for finding out whether the server answers, and how far it has come.
  shape probe;
  /// What goes along in open-loop mode, as in the options.
  std::vector<shape> beside;

  const shape& at(std::uint64_t turn) const noexcept { return shapes[cycle[turn % cycle.size()]]; }
  /// The average size of a message.
  double message_bytes() const;
  /// The most that is copied of one frame.
  std::size_t most_copied() const;
};

message_plan plan_messages(const options& chosen);

}  // namespace load
