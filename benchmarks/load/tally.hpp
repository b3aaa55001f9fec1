#pragma once

#include "benchmarks/load/clock.hpp"
#include "benchmarks/load/tenths.hpp"

#include <antiphon/histogram.hpp>

#include <cstdint>
#include <string>

namespace load {

/// What is counted in one run.
struct tally {
  explicit tally(const budget& whole) : begin(clock::now()), end(begin), pace(begin, whole) {}

  /// Nothing is counted any more.
  void finish(time_point now) {
    end = now;
    pace.end(now, done);
  }

  time_point begin;
  time_point end;
  /// Requests answered and notifications sent.
  std::uint64_t done = 0;
  /// Answers that were error responses.
  std::uint64_t errors = 0;
  std::string first_error;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  /// Nanoseconds of each answered request.
  antiphon::histogram latency;
  tenths pace;
};

}  // namespace load
