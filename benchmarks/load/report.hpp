#pragma once

#include "benchmarks/load/clock.hpp"
#include "benchmarks/load/options.hpp"
#include "benchmarks/load/tally.hpp"

#include <optional>
#include <string>

namespace load {

/// What a run was, and what came out.
struct report {
  const options& chosen;
  const tally& counts;
  double message_bytes;
  nanoseconds client_cpu;
  std::optional<nanoseconds> server_cpu;
};

/// One JSON object on one line.
std::string as_json(const report& result);
/// A few lines for people.
std::string as_text(const report& result);

}  // namespace load
