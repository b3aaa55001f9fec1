#pragma once

#include "benchmarks/load/clock.hpp"
#include "benchmarks/load/options.hpp"
#include "benchmarks/load/session.hpp"
#include "benchmarks/load/shapes.hpp"

#include <cstddef>

namespace load {

/// When a window is filled again.
enum class refill { with_each_answer, after_the_last };

/// How many requests are in flight in this mode, at most.
std::size_t most_in_flight(const options& chosen, const message_plan& plan);

/// One request and its answer, whatever it is: everything sent before has been read by then.
void probe(session& over, const message_plan& plan);

/// Sends until `whole` is spent and waits for what is still to come. All of it is counted in
/// `over.counts()`. One file to each:
void closed_loop(session& over, const message_plan& plan, std::size_t window, refill when,
                 const budget& whole);
void notifications(session& over, const message_plan& plan, const budget& whole);
void open_loop(session& over, const message_plan& plan, const options& chosen, const budget& whole);

/// Runs the chosen mode. Calls one of the above.
void drive(session& over, const message_plan& plan, const options& chosen, const budget& whole);

}  // namespace load
